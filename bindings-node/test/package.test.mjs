// The package as it is installed in an empty project: AKS_KMS_NODE_PROJECT, where the packed files were installed.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isDeepStrictEqual, promisify } from "node:util";

import { Simulator } from "./simulator.mjs";

const simulator = Simulator.found();
const root = new URL("../../", import.meta.url);
const project = process.env.AKS_KMS_NODE_PROJECT;
const scaled = new URL("scaled.cjs", import.meta.url).pathname;

async function node(options, env = process.env, cwd = project) {
  return promisify(execFile)(process.execPath, options, { cwd, env });
}

/** A file of the project, with this text. */
function written(name, text) {
  writeFileSync(join(project, name), text);
  return name;
}

test("it has what it says, and no more", () => {
  const manifest = JSON.parse(readFileSync(join(project, "node_modules/aks-kms/package.json"), "utf8"));
  assert.equal(manifest.scripts, undefined);
  assert.equal(manifest.devDependencies, undefined);
  assert.equal(manifest.dependencies, undefined);
  assert.equal(Object.keys(manifest.optionalDependencies).length, 8);
  assert.deepEqual(new Set(Object.values(manifest.optionalDependencies)), new Set([manifest.version]));
  const installed = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
  assert.equal(installed.length, 2);
  const [platform] = installed.filter((name) => name !== "aks-kms");
  const files = readdirSync(join(project, "node_modules", platform)).filter((name) => !name.endsWith(".node"));
  assert.deepEqual(files.sort(), ["LICENSE", "README.md", "THIRD-PARTY-LICENSES", "package.json"]);
});

test("ESM and CommonJS have the same classes, and print nothing", async () => {
  const program = `
    import { createRequire } from "node:module";
    import * as imported from "aks-kms";
    import { KmsError, KmsManager, rules } from "aks-kms";
    const required = createRequire(import.meta.url)("aks-kms");
    const caught = (make) => { try { make(); } catch (error) { return error; } };
    const errors = [caught(() => new KmsManager("x")), caught(() => new required.KmsManager("x"))];
    if (!errors.every((one) => one instanceof KmsError && one instanceof required.KmsError)) process.exit(1);
    if (rules().length !== required.rules().length) process.exit(2);
    const names = Object.keys(required);
    if (!names.includes("listClusters") || !names.every((name) => imported[name] === required[name])) process.exit(3);
  `;
  const { stdout, stderr } = await node([written("classes.mjs", program)]);
  assert.deepEqual([stdout, stderr], ["", ""]);
  const { stdout: said, stderr: warned } = await node([written("required.cjs", 'console.log(typeof require("aks-kms").KmsManager)')]);
  assert.deepEqual([said, warned], ["function\n", ""]);
});

test("a platform without a native module is told so", async () => {
  const program = `
    Object.defineProperty(process, process.argv[2], { value: process.argv[3] });
    try { require("aks-kms"); } catch (error) { console.log(error.message); }
  `;
  const file = written("platform.cjs", program);
  assert.match((await node([file, "arch", "mips"])).stdout, /^aks-kms has no native module for \w+-mips; there is one for linux-x64, /);
  const missing = (await node([file, "platform", "darwin"])).stdout;
  assert.match(missing, /aks-kms-darwin-\w+ is not installed; install aks-kms again on this platform/);
});

test("AKS_KMS_LOG logs to standard error, of the library alone", async () => {
  const of = await simulator.put();
  const program = `
    import { KmsManager } from "aks-kms";
    const of = JSON.parse(process.env.OF);
    await new KmsManager(of.cluster_id, { cloud: of.arm }).status();
  `;
  const { identity_endpoint: IDENTITY_ENDPOINT, identity_header: IDENTITY_HEADER } = of;
  const env = { ...process.env, IDENTITY_ENDPOINT, IDENTITY_HEADER, OF: JSON.stringify(of), NODE_OPTIONS: `--require ${scaled}` };
  for (const name of ["AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"]) delete env[name];
  const file = written("logs.mjs", program);
  const { stdout, stderr } = await node([file], { ...env, AKS_KMS_LOG: "trace" });
  assert.equal(stdout, "");
  const lines = stderr.trim().split("\n");
  assert.ok(lines.length > 3, stderr);
  assert.ok(lines.every((line) => line.includes("aks_kms")), stderr);
  assert.deepEqual(await node([file], env), { stdout: "", stderr: "" });
  assert.match((await node([file], { ...env, AKS_KMS_LOG: "=loud=" })).stderr, /AksKmsWarning: AKS_KMS_LOG is "=loud="/);
});

describe("pages and examples", { concurrency: 3 }, () => {
  for (const page of ["README.md", "bindings-node/README.md", "docs/data-encryption.md"]) {
    const namesKey = page !== "docs/data-encryption.md";
    test(page, async () => {
      const of = await simulator.put();
      const [, subscription, group, name] = /^\/subscriptions\/(.*?)\/resourceGroups\/(.*?)\/.*\/(.*)$/.exec(of.cluster_id);
      const blocks = [...readFileSync(new URL(page, root), "utf8").matchAll(/```js\n([^]*?)```/g)];
      assert.equal(blocks.length, 1);
      let [, text] = blocks[0];
      for (const [shown, own] of [
        ['"8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8"', JSON.stringify(subscription)],
        ['resourceGroup: "shop"', `resourceGroup: ${JSON.stringify(group)}`],
        ['name: "production"', `name: ${JSON.stringify(name)}`],
        ...(namesKey ? [["https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef", of.key_ids[0]]] : []),
        // which is not Azure's public cloud
        ["new KmsManager(cluster)", `new KmsManager(cluster, { cloud: ${JSON.stringify(of.arm)} })`],
      ]) {
        assert.equal(text.split(shown).length, 2, shown);
        text = text.replace(shown, own);
      }
      const { identity_endpoint: IDENTITY_ENDPOINT, identity_header: IDENTITY_HEADER } = of;
      const env = { ...process.env, IDENTITY_ENDPOINT, IDENTITY_HEADER, NODE_OPTIONS: `--require ${scaled}` };
      for (const variable of ["AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"]) delete env[variable];
      await node([written(`${page.replace(/\W/g, "-")}.mjs`, text)], env);
      const truth = await of.secrets();
      assert.equal(truth.plaintext, 0);
      assert.equal(isDeepStrictEqual(Object.keys(truth.by_key), [of.key_ids[0]]), namesKey);
    });
  }

  test("docs/fleet.md", async () => {
    const of = await simulator.put({ secrets: { namespaces: 2, each: 5 } });
    const name = of.cluster_id.split("/").at(-1);
    const page = readFileSync(new URL("docs/fleet.md", root), "utf8");
    const blocks = [...page.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, text]) => text);
    assert.equal(blocks.length, 3);
    const [nightly, which, enable] = blocks;
    // which is not Azure's public cloud
    const reached = (text, begins) => {
      assert.equal(text.split(begins).length, 2, begins);
      return text.replace(begins, `${begins} cloud: ${JSON.stringify(of.arm)}, `);
    };
    const made = `import { Fleet } from "aks-kms";\nconst fleet = new Fleet({ cloud: "${of.arm}", clusters: ["${of.cluster_id}"] });\n`;
    const own = enable.replace("prod:", `"${name}":`).replace(/https:[^"]*/, of.key_ids[0]);
    const { identity_endpoint: IDENTITY_ENDPOINT, identity_header: IDENTITY_HEADER } = of;
    const env = { ...process.env, IDENTITY_ENDPOINT, IDENTITY_HEADER, NODE_OPTIONS: `--require ${scaled}` };
    for (const variable of ["AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"]) delete env[variable];
    const says = [];
    for (const text of [`${made}${own}console.log(report.isComplete);`, `${which}console.log(named, found);`, reached(nightly, "new Fleet({")]) {
      says.push((await node([written("docs-fleet.mjs", text)], env)).stdout);
    }
    const [enabled, shown, rotated] = says;
    assert.equal(enabled, "true\n");
    assert.match(shown, /^Fleet .*Fleet /);
    assert.match(rotated, /\n1 cluster: 1 not-due\n$/);
    assert.deepEqual(Object.keys((await of.secrets()).by_key), [of.key_ids[0]]);
  });

  const says = {
    "lifecycle.mjs": [/^1\. Record the operation/, /proven: true, 6\d secrets/, /KMS is on with https:\/\/kv-/],
    "fleet.mjs": [/^Name +ResourceGroup +Wave +Outcome/, /\n4 clusters: 4 done\n$/],
    "rotate.mjs": [/rotated, proven: true/, /may be removed: false/],
    "provision.mjs": [/^aks-\w+: .*\n  az /, /\n  az keyvault create /, /second: NotCreated before, proven true/],
    "deploy.ts": [/enable: proven true/, /the next deployment has nothing to do/],
  };
  const examples = new URL("examples/node/", root);

  test("each example is run", () => {
    assert.deepEqual(readdirSync(examples).filter((name) => name.includes(".")).sort(), Object.keys(says).sort());
  });

  for (const [name, expected] of Object.entries(says)) {
    test(name, async () => {
      const text = readFileSync(new URL(name, examples), "utf8");
      const [, command] = /`examples\/node\/simulated (.*?)`/.exec(text);
      const words = command.split(" ").map((word) => (word === "node" ? process.execPath : word));
      assert.ok(words.includes(process.execPath));
      const program = new URL("simulated", examples).pathname;
      // older keys than these are due
      const { stdout } = await node([program, ...words], { ...process.env, DAYS: "1" }, root.pathname);
      for (const line of expected) assert.match(stdout, line);
    });
  }
});
