// Every cluster of a subscription encrypted, from nothing: vault, key, identity and access are made where they are missing.
// Then a new cluster, which has KMS on from the start.
//
// AZURE_SUBSCRIPTION_ID names the subscription, RESOURCE_GROUP where the new cluster is to be, AZURE_RESOURCE_MANAGER another
// cloud than Azure's public one.
// Against the simulator: `examples/node/simulated node examples/node/provision.mjs`.

import { EnvironmentCredential } from "@azure/identity";
import { KmsManager, listClusters } from "aks-kms";

const { AZURE_SUBSCRIPTION_ID, RESOURCE_GROUP, AZURE_RESOURCE_MANAGER } = process.env;
const azure = { credential: new EnvironmentCredential({ disableInstanceDiscovery: true }), cloud: AZURE_RESOURCE_MANAGER };
// A year, in seconds.
const wanted = { keyExpiresIn: 365 * 24 * 60 * 60 };

const { clusters, unreadable } = await listClusters([AZURE_SUBSCRIPTION_ID], azure);
for (const { resource, code, message } of unreadable) console.error(`${resource} was not read (${code}): ${message}`);

for (const { id, name } of clusters.filter(({ experience }) => experience === null)) {
  const manager = new KmsManager(id, azure);
  // What is missing, with the az commands that do the same. Nothing is written.
  const { plan } = await manager.provision({ ...wanted, dryRun: true });
  for (const { summary, command } of plan) console.log(`${name}: ${summary}\n  ${command}`);

  const { keyId } = await manager.provision(wanted);
  const { isProven } = await manager.enable(keyId);
  console.log(`${name}: proven ${isProven}`);
}

const parts = { subscriptionId: AZURE_SUBSCRIPTION_ID, resourceGroup: RESOURCE_GROUP, name: "second" };
const second = new KmsManager(parts, azure);
const { keyId, identityId } = await second.provision();
// As the Azure REST API takes it; identity and KMS profile are put into it.
const body = {
  location: "eastus",
  properties: {
    dnsPrefix: "second",
    agentPoolProfiles: [{ name: "system", mode: "System", count: 1, vmSize: "Standard_D4s_v5" }],
  },
};
const report = await second.createCluster(body, keyId, { identityId });
console.log(`second: ${report.before.provisioningState} before, proven ${report.isProven}`);
