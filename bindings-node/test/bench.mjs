// What the package costs, beside the SDK and beside Rust: each measured in turns, on one simulator.
//
// `bindings-node/test/run --bench`. Every line but a note has its bar, and the command fails if one is missed.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { Simulator } from "./simulator.mjs";

const simulator = Simulator.found();
const project = process.env.AKS_KMS_NODE_PROJECT;
const folder = mkdtempSync(join(tmpdir(), "aks-kms-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const secrets = { namespaces: 10, each: 1000 };

const credential = `
  import { ClientSecretCredential } from "@azure/identity";
  const of = JSON.parse(process.env.OF);
  const credential = new ClientSecretCredential(of.tenant_id, of.client_id, of.client_secret, {
    authorityHost: of.authority,
    disableInstanceDiscovery: true,
  });
`;
const programs = {
  import: `
    const began = performance.now();
    await import("aks-kms");
    console.log(performance.now() - began);
  `,
  // in a pod, whose identity the library finds by itself
  status: `
    import { KmsManager } from "aks-kms";
    const of = JSON.parse(process.env.OF);
    const { cluster } = await new KmsManager(of.cluster_id, { cloud: of.arm }).status();
    if (cluster !== of.cluster_id) process.exit(1);
    console.log(process.resourceUsage().maxRSS);
  `,
  given: `
    import { WorkloadIdentityCredential } from "@azure/identity";
    import { KmsManager } from "aks-kms";
    const of = JSON.parse(process.env.OF);
    const credential = new WorkloadIdentityCredential({ disableInstanceDiscovery: true });
    const { cluster } = await new KmsManager(of.cluster_id, { credential, cloud: of.arm }).status();
    if (cluster !== of.cluster_id) process.exit(1);
    console.log(process.resourceUsage().maxRSS);
  `,
  sdk: `
    import { WorkloadIdentityCredential } from "@azure/identity";
    const of = JSON.parse(process.env.OF);
    const credential = new WorkloadIdentityCredential({ disableInstanceDiscovery: true });
    import { ContainerServiceClient } from "@azure/arm-containerservice";
    const [, , subscription, , group, , , , name] = of.cluster_id.split("/");
    const options = { endpoint: of.arm, credentials: { scopes: [\`\${of.arm}/.default\`] } };
    const { id } = await new ContainerServiceClient(credential, subscription, options).managedClusters.get(group, name);
    if (id === undefined) process.exit(1);
    console.log(process.resourceUsage().maxRSS);
  `,
  loop: `${credential}
    import { once } from "node:events";
    import { monitorEventLoopDelay } from "node:perf_hooks";
    import { Worker } from "node:worker_threads";
    import { KmsManager } from "aks-kms";
    const manager = new KmsManager(of.cluster_id, { credential, cloud: of.arm });
    const idle = new Worker(process.env.IDLE);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const report = await manager.enable(of.key_ids[0], { reencrypt: { pace: "fast" }, onProgress: () => {} });
    delay.disable();
    if (report.reencryption.at(-1).counts.total < 10_000) process.exit(1);
    idle.postMessage("enough");
    const [machine] = await once(idle, "message");
    await idle.terminate();
    console.log((delay.percentile(99) - machine) / 1e6);
  `,
  enable: `${credential}
    import { KmsManager } from "aks-kms";
    const manager = new KmsManager(of.cluster_id, { credential, cloud: of.arm });
    const report = await manager.enable(of.key_ids[0], { onProgress: () => {} });
    if (!report.isProven) process.exit(1);
    console.log(report.reencryption.at(-1).secretsPerSecond);
  `,
};
for (const [name, text] of Object.entries(programs)) writeFileSync(join(project, `bench-${name}.mjs`), text);

/** Runs a program in a new process: what it says, and its time in milliseconds. */
async function runs(program, of, options = [], more = {}) {
  const idle = new URL("programs/delay.mjs", import.meta.url).pathname;
  const env = { ...process.env, OF: JSON.stringify(of), IDLE: idle, ...more };
  const began = performance.now();
  const command = [...options, `bench-${program}.mjs`];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: project, env });
  return { said: Number(stdout), time: performance.now() - began };
}

async function rust(of) {
  const file = join(folder, `${of.id}.json`);
  writeFileSync(file, JSON.stringify(of), { mode: 0o600 });
  const { stdout } = await promisify(execFile)(process.env.AKS_KMS_MANAGE, [file, "enable", of.key_ids[0]], { maxBuffer: 1e8 });
  return JSON.parse(stdout).reencryption.at(-1).secrets_per_second;
}

const median = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];
const spread = (values) => `${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)}`;
const ratio = ([one, other]) => (median(one) / median(other)).toFixed(2);
const missed = [];
function bar(name, text, holds) {
  console.log(`${holds ? "ok    " : "missed"} ${name}: ${text}`);
  if (!holds) missed.push(name);
}

const imports = [];
for (let run = 0; run < 11; run += 1) imports.push((await runs("import")).said);
// the least: what others do on the machine meanwhile is not its cost
bar("import", `${Math.min(...imports).toFixed(1)} ms (${spread(imports)}), less than 30 ms`, Math.min(...imports) < 30);

const of = await simulator.put({ secrets: { namespaces: 1, each: 10 } });
const token = join(folder, "token");
writeFileSync(token, await of.text("assertion"), { mode: 0o600 });
const pod = {
  AZURE_AUTHORITY_HOST: of.authority,
  AZURE_CLIENT_ID: of.client_id,
  AZURE_FEDERATED_TOKEN_FILE: token,
  AZURE_TENANT_ID: of.tenant_id,
};
const [ours, given, theirs] = [[], [], []];
for (let run = 0; run < 9; run += 1) {
  ours.push(await runs("status", of, [], pod));
  given.push(await runs("given", of, [], pod));
  theirs.push(await runs("sdk", of, [], pod));
}
const [time, timeGiven, timeTheirs] = [ours, given, theirs].map((all) => all.map((one) => one.time));
const [size, sizeGiven, sizeTheirs] = [ours, given, theirs].map((all) => all.map(({ said }) => said / 1024));
const beside = (one, other, unit) =>
  `${median(one).toFixed(0)} ${unit} (${spread(one)}), ${ratio([one, other])} of the SDK's GET ${median(other).toFixed(0)} ${unit} (${spread(other)})`;
bar("status, time", beside(time, timeTheirs, "ms"), median(time) < median(timeTheirs));
bar("status, memory", beside(size, sizeTheirs, "MiB"), median(size) < median(sizeTheirs));
// the modules of @azure/identity come on top of the library's own
bar("status with a credential of @azure/identity, time", beside(timeGiven, timeTheirs, "ms"), median(timeGiven) < median(timeTheirs));
console.log(`note   status with a credential of @azure/identity, memory: ${beside(sizeGiven, sizeTheirs, "MiB")}`);

// the first of each warms the simulator
const rates = { node: [], rust: [] };
const scaled = ["--require", new URL("scaled.cjs", import.meta.url).pathname];
for (let run = 0; run < 6; run += 1) {
  const node = (await runs("enable", await simulator.put({ secrets }), scaled)).said;
  const ofRust = await rust(await simulator.put({ secrets }));
  if (run > 0) {
    rates.node.push(node);
    rates.rust.push(ofRust);
  }
}
bar(
  "reencryption",
  `${median(rates.node).toFixed(0)} secrets a second (${spread(rates.node)}), within the spread of Rust's ${median(rates.rust).toFixed(0)} (${spread(rates.rust)})`,
  median(rates.node) >= Math.min(...rates.rust),
);

const delays = [];
for (let run = 0; run < 3; run += 1) delays.push((await runs("loop", await simulator.put({ secrets }), scaled)).said);
bar(
  "event loop",
  `99 % of its delays less than ${median(delays).toFixed(1)} ms (${spread(delays)}) longer than those of a thread that does nothing, in ${
    secrets.namespaces * secrets.each
  } secrets, less than 20 ms`,
  median(delays) < 20,
);
if (missed.length > 0) process.exitCode = 1;
