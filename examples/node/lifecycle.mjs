// A cluster's first encryption, from plan to proof.
//
// CLUSTER_ID and KEY_ID name the cluster and the key, AZURE_RESOURCE_MANAGER another cloud than Azure's public one.
// Against the simulator: `examples/node/simulated node examples/node/lifecycle.mjs`.

import { EnvironmentCredential } from "@azure/identity";
import { KmsManager } from "aks-kms";

const { CLUSTER_ID, KEY_ID, AZURE_RESOURCE_MANAGER } = process.env;
const credential = new EnvironmentCredential({ disableInstanceDiscovery: true });
const manager = new KmsManager(CLUSTER_ID, { credential, cloud: AZURE_RESOURCE_MANAGER });

// What would be done, and what stands against it. Nothing is written.
const dryRun = await manager.enable(KEY_ID, { dryRun: true });
for (const [index, { summary }] of dryRun.plan.entries()) console.log(`${index + 1}. ${summary}`);
for (const { rule, message } of dryRun.findings) console.log(`${rule}: ${message}`);

// Do it, and tell each phase on standard error.
let last;
const report = await manager.enable(KEY_ID, {
  onProgress: ({ phase, message }) => {
    if (phase !== last) console.error(`${phase}: ${message}`);
    last = phase;
  },
});
const { counts } = report.reencryption.at(-1);
console.log(`proven: ${report.isProven}, ${counts.total} secrets`);

const status = await manager.status({ secrets: true });
console.log(`KMS is on with ${status.keyId}`);
