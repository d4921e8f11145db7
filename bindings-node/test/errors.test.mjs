// Errors, and what is refused before anything is sent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { AbortError, KmsError, KmsManager, rules, version } from "aks-kms";

import { Simulator } from "./simulator.mjs";
import { manager, required } from "./world.mjs";

const simulator = Simulator.found();
const id =
  "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/production";

test("an error has its fields, and is of the one class", async () => {
  const of = await simulator.put();
  const error = await manager(of)
    .enable("no key")
    .catch((problem) => problem);
  assert.ok(error instanceof KmsError && error instanceof required.KmsError && error instanceof Error);
  assert.equal(required.KmsManager, KmsManager);
  assert.equal(required.AbortError, AbortError);
  assert.deepEqual([error.name, error.code, error.retryable, error.serviceCode, error.report], ["KmsError", "invalid_input", false, null, null]);
  assert.equal(error.findings[0].rule, "key-id-malformed");
  const shown = inspect(error);
  assert.match(shown, /code: 'invalid_input'/);
  assert.match(shown, /rule: 'key-id-malformed'/);
  assert.match(shown, /KmsError: /);
});

test("a stack trace shows the caller's line, whether it awaits or not", async () => {
  const of = await simulator.put();
  for (const call of [
    async () => manager(of).enable("no key"),
    () => manager(of).rotate({ dryRn: true }),
    () => new Promise((_, reject) => void manager(of).enable("no key").then(undefined, reject)),
  ]) {
    const error = await call().catch((problem) => problem);
    assert.match(error.stack.split("\n")[1], /errors\.test\.mjs:\d+/, error.stack);
    assert.ok(error.stack.startsWith(`KmsError: ${error.message}\n`));
  }
});

test("a report has times, names and the order of the crate", async () => {
  const of = await simulator.put();
  const report = await manager(of).enable(of.key_ids[0], { dryRun: true });
  assert.deepEqual([report.dryRun, report.isProven, report.isRefused], [true, false, false]);
  assert.ok(report.startedAt instanceof Date && report.before.cluster === of.cluster_id);
  assert.ok(report.plan.length > 3 && report.plan.every(({ kind, summary }) => kind !== "" && summary !== ""));
  assert.deepEqual(Object.keys(report).slice(0, 4), ["operation", "cluster", "dryRun", "outcome"]);
});

test("what is malformed is named by its name in JavaScript", async () => {
  const made = new KmsManager(id);
  for (const [call, said] of [
    [() => made.enable(), /^keyId is missing; pass a string$/],
    [() => made.enable(7), /^keyId is 7; pass a string$/],
    [() => made.enable("k", { dryRn: true }), /^enable has no option dryRn; it has allow, dryRun, /],
    [() => made.enable("k", { dryRun: "yes" }), /^dryRun is "yes"; pass true or false, or leave it out$/],
    [() => made.enable("k", { dryRun: null }), /^dryRun is null; pass /],
    [() => made.enable("k", { networkMode: "both" }), /^networkMode is "both"; pass "public" or "private"$/],
    [() => made.enable("k", { allow: "all" }), /^allow is "all"; pass an array of strings/],
    [() => made.enable("k", { signal: {} }), /^signal is \{\}; pass an AbortSignal/],
    [() => made.enable("k", { onProgress: 1 }), /^onProgress is 1; pass a function/],
    [() => made.enable("k", "fast"), /^options is "fast"; pass an object/],
    [() => made.changeNetworkMode(), /^networkMode is missing/],
    [() => made.rotate("k", { timeout: "1h" }), /^timeout is "1h"; pass a number of seconds/],
    [() => made.setDataEncryption(), /^keySource is missing; pass a string or an object$/],
    [() => made.setDataEncryption({ dryRun: true }), /dry_run/],
    [() => made.setDataEncryption("platform"), /^keySource is "platform"; pass "platform-managed" or an object$/],
    [() => made.setDataEncryption({ keyVaultId: "v" }), /key_id/],
    [() => made.checkAction({ kind: "explode" }), /explode/],
  ]) {
    await assert.rejects(call, (error) => error instanceof KmsError && error.code === "invalid_input" && said.test(error.message));
  }
});

test("so is what a manager is made from", () => {
  for (const [make, said] of [
    [() => new KmsManager("production"), /cluster/],
    [() => new KmsManager(), /^clusterId is undefined; pass a resource id, or/],
    [() => new KmsManager({ name: "production" }), /^clusterId is \{"name":"production"\}; pass/],
    [() => new KmsManager(id, { credentials: {} }), /^KmsManager has no option credentials; it has credential, cloud/],
    [() => new KmsManager(id, { credential: {} }), /^credential has no getToken/],
    [() => new KmsManager(id, { cloud: "moon" }), /cloud is "moon"/],
    [() => new KmsManager(id, { kubeconfig: 1 }), /^kubeconfig is 1; pass a string/],
  ]) {
    assert.throws(make, (error) => error instanceof KmsError && error.code === "invalid_input" && said.test(error.message));
  }
});

test("a cluster is an id or its parts", () => {
  const parts = { subscriptionId: "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", resourceGroup: "shop", name: "production" };
  assert.equal(new KmsManager(parts).clusterId, id);
  assert.equal(new KmsManager(id, { journal: null }).clusterId, id);
});

test("the catalogue of rules", () => {
  const found = rules();
  assert.ok(found.length > 30);
  assert.ok(found.every(({ id, summary, overridable }) => id && summary && typeof overridable === "boolean"));
  assert.match(version, /^\d+\.\d+\.\d+/);
});
