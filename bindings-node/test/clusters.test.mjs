// What concerns clusters that are not there yet, and those that are not known: provision, createCluster, listClusters.

import assert from "node:assert/strict";
import { test } from "node:test";

import { KmsError, KmsManager, listClusters } from "aks-kms";

import { Simulator } from "./simulator.mjs";
import { credential, manager, required } from "./world.mjs";

const simulator = Simulator.found();
const id =
  "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/production";

/** How a case's clusters are asked for. */
const reached = (of, more = {}) => ({ credential: credential(of), cloud: of.arm, ...more });

/** Calls that are refused before anything is sent. */
async function refused(calls) {
  for (const [call, said] of calls) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof KmsError && error.code === "invalid_input", error);
      assert.match(error.message, said);
      assert.match(error.stack.split("\n")[1], /clusters\.test\.mjs:\d+/, error.stack);
      return true;
    });
  }
}

test("the body of a new cluster reaches Azure as it is", async () => {
  const of = await simulator.put();
  const body = {
    location: "eastus",
    tags: { costCenter: "4711", cost_center: "4711", "Cost-Center": "", Ω: "Ω" },
    properties: {
      dnsPrefix: "x",
      autoUpgradeProfile: undefined,
      httpProxyConfig: null,
      agentPoolProfiles: [
        { name: "system", mode: "System", count: 1, vmSize: "Standard_D4s_v5", nodeLabels: { someLabel: "a", some_label: "b" }, nodeTaints: [] },
      ],
    },
  };
  const before = structuredClone(body);
  const phases = new Set();
  const options = { identityId: of.identity_id, onProgress: ({ phase }) => phases.add(phase) };
  const report = await manager(of, {}, "brand-new").createCluster(body, of.key_ids[0], options);
  assert.deepEqual([report.operation, report.before.provisioningState, report.isProven], ["create_cluster", "NotCreated", true]);
  assert.deepEqual(body, before);
  assert.ok(phases.size > 1);
  const [{ body: sent }] = (await of.writes()).filter(({ path }) => path?.includes("/managedClusters/brand-new"));
  assert.deepEqual(sent.tags, body.tags);
  assert.deepEqual(sent.properties.agentPoolProfiles, body.properties.agentPoolProfiles);
  assert.ok(!("autoUpgradeProfile" in sent.properties));
  assert.equal(sent.properties.httpProxyConfig, null);
});

test("a new cluster has data encryption with either key", async () => {
  const of = await simulator.put();
  const body = {
    location: "eastus",
    properties: { kubernetesVersion: "1.34", agentPoolProfiles: [{ name: "system", mode: "System", count: 1, vmSize: "Standard_D4s_v5" }] },
  };
  const keyId = of.key_ids[0].slice(0, of.key_ids[0].lastIndexOf("/"));
  const options = { identityId: of.identity_id, allow: ["data-encryption-irreversible"] };
  for (const [name, key] of [["platform-managed", "platform-managed"], ["customer-managed", { keyId, keyVaultId: of.key_vault_id, networkMode: "private" }]]) {
    const report = await manager(of, {}, name).createCluster(body, key, options);
    assert.deepEqual([report.after.experience, report.isProven], [name, true]);
    assert.equal(report.plan[0].kind, "create_cluster");
  }
  const made = await manager(of).provision({ experience: "customer-managed", dryRun: true });
  assert.deepEqual(made.plan.map(({ part }) => part), ["key-vault", "key", "key-role", "vault-read-role"]);
  await assert.rejects(manager(of).provision({ experience: "platform-managed" }), { code: "invalid_input" });
});

test("what is provisioned tells what was made, then that all is there", async () => {
  const of = await simulator.put();
  const made = manager(of);
  const planned = await made.provision({ dryRun: true, keyExpiresIn: 90 * 24 * 60 * 60, purgeProtection: false });
  assert.deepEqual([planned.dryRun, planned.isRefused, planned.created], [true, false, []]);
  assert.deepEqual(planned.plan.map(({ part }) => part), ["key-vault", "key", "key-role"]);
  assert.ok(planned.plan.every(({ summary, command }) => summary !== "" && command.startsWith("az ")));
  assert.deepEqual(await of.writes(), []);

  const seen = [];
  const first = await made.provision({ onProgress: (now) => seen.push(now) });
  assert.deepEqual(first.created.map(({ part }) => part), ["key-vault", "key", "key-role"]);
  assert.equal(seen.at(-1).finished, true);
  const second = await made.provision();
  assert.deepEqual([second.plan, second.created, second.keyId], [[], [], first.keyId]);
  assert.equal(second.isRefused, false);
});

test("a dry run of what would be refused says so", async () => {
  const of = await simulator.put({ vault: { other_tenant: true } });
  const planned = await manager(of).provision({ dryRun: true, keyVault: of.key_vault_id });
  assert.equal(planned.isRefused, true);
});

test("clusters are listed, of all subscriptions or of some", async () => {
  const of = await simulator.put({ cluster: { kms: { key: "{{key.1}}" } } });
  for (const given of [[reached(of)], [undefined, reached(of)], [[of.subscription_id], reached(of, { resourceGraph: false, timeout: 60 })]]) {
    const list = await listClusters(...given);
    assert.deepEqual(Object.keys(list), ["clusters", "unreadable"]);
    assert.deepEqual(list.unreadable, []);
    const [one] = list.clusters;
    assert.deepEqual([list.clusters.length, one.id, one.enabled, one.keyId], [1, of.cluster_id, true, of.key_ids[0]]);
    assert.deepEqual([one.networkMode, one.kmsVersion, one.experience], ["public", "v2", "key-vault"]);
  }
  assert.equal(required.listClusters, listClusters);
});

test("a list may be aborted, before it and in the middle", async () => {
  const of = await simulator.put();
  const controller = new AbortController();
  const never = { getToken: () => (controller.abort(), new Promise(() => {})) };
  const options = { credential: never, cloud: of.arm, signal: controller.signal };
  await assert.rejects(listClusters([of.subscription_id], options), { name: "AbortError" });
  await assert.rejects(listClusters([of.subscription_id], options), { name: "AbortError" });
});

test("what the credential of a list throws is the cause", async () => {
  const of = await simulator.put();
  const cause = new Error("sign in again");
  const getToken = () => Promise.reject(cause);
  await assert.rejects(listClusters({ credential: { getToken }, cloud: of.arm }), { name: "KmsError", code: "unauthenticated", cause });
});

test("what is malformed is named by its name in JavaScript", async () => {
  const made = new KmsManager(id);
  const circle = {};
  circle.circle = circle;
  await refused([
    [() => made.createCluster(), /^body is missing; pass an object$/],
    [() => made.createCluster([], "k"), /^body is \[\]; pass an object$/],
    [() => made.createCluster("{}", "k"), /^body is "\{\}"; pass an object$/],
    [() => made.createCluster(null, "k"), /^body is null; pass an object$/],
    [() => made.createCluster(circle, "k"), /^body cannot be written as JSON: .*circular/],
    [() => made.createCluster({ count: 1n }, "k"), /^body cannot be written as JSON: .*BigInt/],
    [() => made.createCluster(new Date(), "k"), /^body/],
    [() => made.createCluster({ toJSON() {} }, "k"), /^body/],
    [() => made.createCluster({}), /^keySource is missing; pass a string or an object$/],
    [() => made.provision("vault"), /^options is "vault"; pass an object/],
    [() => made.provision({ keyvault: "v" }), /^provision has no option keyvault; it has allow, authorization, /],
    [() => made.provision({ authorization: "both" }), /^authorization is "both"; pass "rbac" or "access-policy"$/],
    [() => made.provision({ keySize: 2048.5 }), /^keySize is 2048.5; pass a whole number/],
    [() => made.provision({ keyExpiresIn: "1y" }), /^keyExpiresIn is "1y"; pass a number of seconds/],
    [() => made.provision({ giveUpSecrets: [] }), /^provision has no option giveUpSecrets/],
    [() => listClusters("all"), /^subscriptions is "all"; pass an array of strings, or leave it out$/],
    [() => listClusters([1]), /^subscriptions is \[1\]; pass an array of strings/],
    [() => listClusters(null), /^subscriptions is null; pass an array of strings/],
    [() => listClusters([], []), /^options is \[\]; pass an object/],
    [() => listClusters([], null), /^options is null; pass an object/],
    [() => listClusters({ subscription: "s" }), /^listClusters has no option subscription; it has apiVersion, caBundle, cloud, .*, credential, signal$/],
    [() => listClusters({ onProgress: () => {} }), /^listClusters has no option onProgress/],
    [() => listClusters({ credential: {} }), /^credential has no getToken/],
    [() => listClusters({ credential: null }), /^credential has no getToken/],
    [() => listClusters({ cloud: "moon" }), /cloud is "moon"/],
    [() => listClusters({ timeout: "1h" }), /^timeout is "1h"; pass a number, or leave it out$/],
    [() => listClusters({ timeout: -1 }), /^timeout /],
    [() => listClusters({ resourceGraph: 1 }), /^resourceGraph is 1; pass true or false/],
    [() => listClusters({ caBundle: "no-such-file.pem" }), /^ca_bundle no-such-file\.pem cannot be read/],
  ]);
});
