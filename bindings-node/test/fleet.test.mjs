// Many clusters at once: Fleet.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inspect, promisify } from "node:util";

import { Fleet, KmsError, listClusters, toText } from "aks-kms";

import { Simulator } from "./simulator.mjs";
import { credential, fleet, required } from "./world.mjs";

const simulator = Simulator.found();
const day = 24 * 60 * 60;
const withKms = { cluster: { kms: { key: "{{key.1}}" } }, secrets: { namespaces: 2, each: 5 } };
const withoutKms = { secrets: { namespaces: 2, each: 5 } };
const outcomes = ({ clusters }) => clusters.map(({ outcome }) => outcome);

/** Nothing was written to any cluster. */
async function untouched(cases) {
  for (const one of cases) assert.deepEqual(await one.writes(), [], one.id);
}

describe("fleets", { concurrency: 3 }, () => {
  test("keys are rotated by age, wave after wave, and a second call leaves them alone", async () => {
    const of = await simulator.putFleet({ clusters: 4, subscriptions: 2, given: withKms });
    const all = fleet(of, { subscriptions: of.subscription_ids });
    const seen = [];
    const options = { whenOlderThan: day, waves: [1, 2], maxClusters: 2, onProgress: (now) => seen.push(now) };
    const report = await all.rotate(options);
    assert.deepEqual(outcomes(report), ["done", "done", "done", "done"], toText(report));
    assert.deepEqual([report.operation, report.isComplete, report.dryRun, report.stopped], ["rotate", true, false, null]);
    assert.deepEqual(report.clusters.map(({ wave }) => wave), [1, 2, 2, 3]);
    assert.deepEqual(report.totals, { clusters: 4, done: 4, notDue: 0, planned: 0, refused: 0, unfinished: 0, failed: 0, notStarted: 0 });
    assert.ok(report.startedAt instanceof Date && report.clusters.every(({ proven }) => proven));

    const last = seen.at(-1);
    assert.deepEqual([last.finished, last.wave, last.waves, last.atWork, last.totals], [true, 3, 3, 0, report.totals]);
    assert.equal(seen.filter(({ finished }) => finished).length, 1);
    assert.ok(seen.every(({ atWork }) => atWork <= 2));
    const ended = seen.filter(({ outcome }) => outcome !== null).map(({ cluster }) => cluster);
    assert.deepEqual(ended.sort(), [...of.ids].sort());
    assert.ok(seen.some(({ progress }) => progress !== null && "etaSeconds" in progress));

    const cases = await of.cases();
    for (const [index, one] of cases.entries()) {
      const row = report.clusters.find(({ cluster }) => cluster === one.cluster_id);
      assert.equal(row.previousKeyId, one.key_ids[0]);
      assert.deepEqual(Object.keys((await one.secrets()).by_key), [row.keyId], `cluster ${index}`);
      await one.ask("writes", "DELETE");
    }
    const again = await all.rotate(options);
    assert.deepEqual(outcomes(again), ["not-due", "not-due", "not-due", "not-due"]);
    assert.ok(again.isComplete && again.clusters.every(({ keyCreatedAt }) => keyCreatedAt instanceof Date));
    await untouched(cases);
  });

  test("a cluster that fails stops the next wave, and after it is mended the same call goes on", async () => {
    const of = await simulator.putFleet({ clusters: 3, given: withKms });
    const cases = await of.cases();
    await cases[1].ask("faults", "PUT", { azure: [{ path: "managedClusters", status: 404, code: "ResourceNotFound" }] });
    const made = fleet(of, { clusters: of.ids });
    const nightly = () => made.rotate({ whenOlderThan: day, waves: [2] });
    const stopped = await nightly();
    assert.deepEqual(outcomes(stopped), ["done", "failed", "not-started"], toText(stopped));
    assert.deepEqual([stopped.isComplete, stopped.clusters[1].code], [false, "not_found"]);
    assert.match(stopped.stopped, /^wave 2 was not begun: 1 of 2 clusters of wave 1/);
    assert.match(toText(stopped), /not_found: [^]*\n3 clusters: 1 done, 1 failed, 1 not-started\n$/);
    const [first] = await Promise.all([cases[0].secrets(), cases[0].ask("writes", "DELETE")]);

    await cases[1].ask("faults", "PUT", {});
    const mended = await nightly();
    assert.deepEqual(outcomes(mended), ["not-due", "done", "done"], toText(mended));
    assert.equal(mended.isComplete, true);
    assert.deepEqual(await cases[0].secrets(), first);
    await untouched([cases[0]]);
  });

  test("the record is where it is said to be", async () => {
    const of = await simulator.putFleet({ clusters: 1, given: withKms });
    const elsewhere = fleet(of, { clusters: of.ids, stateNamespace: "default" });
    assert.equal((await elsewhere.reencryptSecrets()).isComplete, true);
    for (const [made, isKnown] of [[elsewhere, true], [fleet(of, { clusters: of.ids }), false]]) {
      const [row] = (await made.status()).clusters;
      assert.equal(row.rules.includes("secrets-unproven"), !isKnown, row.rules.join());
    }
  });

  test("a limit of failures stops a wave", async () => {
    const faults = { azure: [{ path: "managedClusters", status: 404, code: "ResourceNotFound" }] };
    const of = await simulator.putFleet({ clusters: 3, given: withKms, some: [{ clusters: [0], given: { ...withKms, faults } }] });
    const report = await fleet(of, { clusters: of.ids }).reencryptSecrets({ maxClusters: 1, stopAfterFailures: 1, pace: "fast" });
    assert.deepEqual(outcomes(report), ["failed", "not-started", "not-started"]);
    assert.match(report.stopped, /^no more clusters were begun after 1/);
  });

  test("a filter chooses, and each chosen cluster has its state", async () => {
    const of = await simulator.putFleet({ clusters: 4, subscriptions: 2, given: withKms, some: [{ clusters: [1], given: withoutKms }] });
    const asked = [];
    const filter = (cluster) => asked.push(cluster) > 0 && cluster.enabled;
    const report = await fleet(of, { filter }).status({ secrets: true, whenOlderThan: day });
    assert.deepEqual(asked.map(({ id }) => id).sort(), [...of.ids].sort());
    assert.deepEqual(report.clusters.map(({ cluster }) => cluster), of.ids.filter((_, index) => index !== 1).sort());
    for (const { outcome, rules, status } of report.clusters) {
      assert.deepEqual([outcome, status.enabled, status.secrets.total], ["done", true, 10]);
      assert.ok(rules.includes("key-age"), rules.join());
    }
    const none = await fleet(of, { filter: () => false }).verifySecrets();
    assert.deepEqual([none.clusters, none.isComplete], [[], false]);
  });

  test("each cluster has its own key: of a function, by resource id, or one for all", async () => {
    const of = await simulator.putFleet({ clusters: 2, subscriptions: 2, given: withoutKms });
    const cases = await of.cases();
    const keys = new Map(cases.map((one) => [one.cluster_id, one.key_ids[1]]));
    const byId = Object.fromEntries(keys);
    const asked = [];
    const keyOf = (id) => (asked.push(id), keys.get(id));
    const found = fleet(of, { subscriptions: of.subscription_ids });
    for (const keyIds of [keyOf, keys, byId]) {
      const planned = await found.enable(keyIds, { dryRun: true });
      assert.deepEqual([outcomes(planned), planned.dryRun, planned.isComplete], [["planned", "planned"], true, false], toText(planned));
    }
    assert.deepEqual(asked.sort(), [...of.ids].sort());
    const named = fleet(of, { clusters: of.ids });
    const single = await named.enable(cases[0].key_ids[0], { dryRun: true, keyVaultId: cases[0].key_vault_id });
    assert.equal(single.totals.clusters, 2);

    const [first, second] = of.ids;
    for (const lacks of [(id) => (id === first ? keys.get(id) : undefined), { [first]: keys.get(first) }]) {
      await assert.rejects(named.enable(lacks), (error) => {
        assert.deepEqual([error.code, error.message.includes(`key_ids has nothing for cluster ${second}`)], ["invalid_input", true], error.message);
        return true;
      });
    }
    await untouched(cases);
    const report = await named.enable(keyOf);
    assert.equal(report.isComplete, true, toText(report));
    assert.deepEqual(report.clusters.map(({ keyId }) => keyId), of.ids.map((id) => keys.get(id)));
    for (const one of cases) assert.deepEqual(Object.keys((await one.secrets()).by_key), [one.key_ids[1]]);
  });

  test("a key of data encryption is a word, an object, or of each", async () => {
    const of = await simulator.putFleet({ clusters: 2, given: withoutKms });
    const cases = await of.cases();
    const customer = (one) => ({ keyId: one.filled("{{key}}"), keyVaultId: one.key_vault_id });
    const allow = ["data-encryption-irreversible"];
    const each = new Map(cases.map((one) => [one.cluster_id, customer(one)]));
    const made = fleet(of, { clusters: of.ids });
    for (const keySources of ["platform-managed", each, Object.fromEntries(each), (id) => each.get(id)]) {
      const report = await made.setDataEncryption(keySources, { allow, dryRun: true });
      assert.deepEqual(outcomes(report), ["planned", "planned"], toText(report));
    }
    await untouched(cases);
    const other = await made.setDataEncryption(customer(cases[0]), { dryRun: true });
    assert.deepEqual(outcomes(other), ["refused", "refused"]);
    assert.ok(other.clusters.every(({ rules }) => rules.includes(allow[0])));
  });

  test("what a filter or a function throws rejects the call as it is, and nothing is done", async () => {
    const of = await simulator.putFleet({ clusters: 2, given: withoutKms });
    const cases = await of.cases();
    const [, last] = of.ids;
    const thrown = new TypeError("not today");
    const throws = (id) => {
      if ((id.id ?? id) === last) throw thrown;
      return id.id === undefined ? cases[0].key_ids[0] : true;
    };
    const isThrown = (error) => error === thrown;
    await assert.rejects(fleet(of, { filter: throws }).reencryptSecrets(), isThrown);
    await assert.rejects(fleet(of, { clusters: of.ids }).enable(throws), isThrown);
    await assert.rejects(fleet(of).enable(throws), isThrown);
    const invalid = (said) => (error) => error.code === "invalid_input" && said.test(error.message);
    await assert.rejects(fleet(of, { filter: async () => true }).reencryptSecrets(), invalid(/^filter gave a promise for cluster \/sub/));
    await assert.rejects(fleet(of, { filter: ({ keyId }) => keyId }).reencryptSecrets(), invalid(/^filter gave null for cluster/));
    await assert.rejects(fleet(of).enable(async () => cases[0].key_ids[0]), invalid(/^keyIds gave a promise for cluster \/sub/));
    await assert.rejects(fleet(of).enable(() => 7), invalid(/^keyIds of \/sub.* is 7; pass a string/));
    await untouched(cases);
  });

  test("aborted before, while the clusters are looked for, and in the middle; the same call goes on", async () => {
    const of = await simulator.putFleet({ clusters: 2, given: { ...withKms, secrets: { namespaces: 4, each: 100 } } });
    const cases = await of.cases();
    const made = fleet(of, { clusters: of.ids });
    const reason = new Error("not today");
    await assert.rejects(made.rotate({ whenOlderThan: day, signal: AbortSignal.abort(reason) }), { name: "AbortError", cause: reason });
    const looking = new AbortController();
    const never = { getToken: () => (looking.abort(), new Promise(() => {})) };
    const waits = fleet(of, { filter: () => true, credential: never });
    await assert.rejects(waits.rotate({ whenOlderThan: day, signal: looking.signal }), { name: "AbortError" });
    await untouched(cases);

    const controller = new AbortController();
    const onProgress = ({ progress }) => {
      // the key is changed, and secrets are being rewritten under it
      if (progress?.phase === "reencrypt" && progress.step > 3 && progress.done > 0) controller.abort();
    };
    const slowly = { whenOlderThan: day, signal: controller.signal, onProgress, reencrypt: { maxRequestsPerSecond: 200 } };
    await assert.rejects(made.rotate(slowly), { name: "AbortError", code: "ABORT_ERR" });
    const status = await made.status();
    assert.ok(status.clusters.some(({ operationInProgress }) => operationInProgress?.operation === "rotate"), toText(status));

    const report = await made.rotate({ whenOlderThan: day });
    assert.ok(report.isComplete, toText(report));
    for (const one of cases) {
      const { by_key: found } = await one.secrets();
      assert.deepEqual(Object.keys(found), [report.clusters.find(({ cluster }) => cluster === one.cluster_id).keyId]);
    }
  });

  test("what a credential throws is the cause, and no token is in any inspection", async () => {
    const of = await simulator.putFleet({ clusters: 2, given: withKms });
    const cause = new Error("sign in again");
    const refuses = fleet(of, { filter: () => true, credential: { getToken: () => Promise.reject(cause) } });
    await assert.rejects(refuses.status(), { name: "KmsError", code: "unauthenticated", cause });
    const secret = inspect(of);
    assert.ok(secret.includes(of.client_secret));
    const { token } = await credential(of).getToken(`${of.arm}/.default`);
    const made = fleet(of, { credential: { clientSecret: of.client_secret, getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3.6e6 }) } });
    // the token is for Resource Manager alone, so clusters fail
    const report = await made.reencryptSecrets();
    const shown = inspect([made, report, toText(report)], { depth: 9, showHidden: true });
    assert.ok(!shown.includes(token) && !shown.includes(of.client_secret));
  });
});

test("the blocks of docs/fleet.md run", async () => {
  const of = await simulator.putFleet({ clusters: 2, given: withKms, some: [{ clusters: [1], given: withoutKms }] });
  const [rotated, enabled] = await of.cases();
  const page = readFileSync(new URL("../../docs/fleet.md", import.meta.url), "utf8");
  const [nightly, made, keyed] = [...page.matchAll(/```js\n([^]*?)```/g)].map(([, text]) => text);
  const cloud = JSON.stringify(of.arm);
  const blocks = [
    [nightly, ["new Fleet({", `new Fleet({ cloud: ${cloud},`], ["365 *", "1 *"]],
    [`${made}console.log(named instanceof Fleet && found instanceof Fleet);`],
    [`import { Fleet } from "aks-kms"; const fleet = new Fleet({ clusters: ["${of.ids[1]}"], cloud: ${cloud} });${keyed}console.log(report.isComplete);`,
      ["prod:", `"${of.ids[1].split("/").at(-1)}":`], ["https://prod.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef", enabled.key_ids[0]]],
  ];
  const { identity_endpoint: IDENTITY_ENDPOINT, identity_header: IDENTITY_HEADER } = of;
  const env = { ...process.env, IDENTITY_ENDPOINT, IDENTITY_HEADER, NODE_OPTIONS: `--require ${new URL("scaled.cjs", import.meta.url).pathname}` };
  for (const variable of ["AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"]) delete env[variable];
  const project = process.env.AKS_KMS_NODE_PROJECT;
  const said = [];
  for (const [text, ...changes] of blocks) {
    for (const [shown] of changes) assert.equal(text.split(shown).length, 2, shown);
    writeFileSync(join(project, "fleet-page.mjs"), changes.reduce((before, [shown, own]) => before.replace(shown, own), text));
    said.push((await promisify(execFile)(process.execPath, ["fleet-page.mjs"], { cwd: project, env })).stdout);
  }
  assert.match(said[0], /\n1 cluster: 1 done\n$/);
  assert.deepEqual(said.slice(1), ["true\n", "true\n"]);
  assert.notDeepEqual(Object.keys((await rotated.secrets()).by_key), [rotated.key_ids[0]]);
  assert.deepEqual(Object.keys((await enabled.secrets()).by_key), [enabled.key_ids[0]]);
});

const id =
  "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/production";
const parts = { subscriptionId: "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", resourceGroup: "shop", name: "production" };

test("what is malformed is named by its name in JavaScript, before anything is sent", async () => {
  const never = { getToken: () => assert.fail("a token was asked for") };
  const made = new Fleet({ clusters: [parts], credential: never });
  const found = new Fleet({ filter: () => true, credential: never });
  for (const [call, said] of [
    [() => made.rotate(), /^whenOlderThan is missing; pass a number of seconds$/],
    [() => made.rotate({ whenOlderThan: "1y" }), /^whenOlderThan is "1y"; pass a number of seconds$/],
    [() => made.rotate({ whenOlderThan: 1, keyId: "k" }), /^rotate has no option keyId; it has whenOlderThan, /],
    [() => made.rotate({ whenOlderThan: 1, waves: 10 }), /^waves is 10; pass an array of whole numbers, or leave it out$/],
    [() => made.rotate({ whenOlderThan: 1, waves: [1, 0] }), /^waves is \[1, 0\]/],
    [() => made.rotate({ whenOlderThan: 1, waves: [0.5] }), /^waves is \[0.5\]; pass an array of whole numbers/],
    [() => made.status({ maxClusters: 0 }), /^max_clusters is 0; pass 1 to 256/],
    [() => made.status({ stopAfterFailures: -1 }), /stop_after_failures/],
    [() => made.status({ onProgress: 1 }), /^onProgress is 1; pass a function/],
    [() => made.enable(), /^keyIds is missing; pass a string, by resource id or for all$/],
    [() => made.enable(7), /^keyIds is 7; pass a string, by resource id or for all$/],
    [() => made.enable({ [id]: 7 }), /^keyIds of \/sub.* is 7; pass a string, by resource id or for all$/],
    [() => made.enable({ key: "k" }), /^keyIds is \{"key":"k"\}; pass a string/],
    [() => made.enable(new Map([["production", "k"]])), /production/],
    [() => made.setDataEncryption("platform"), /^keySources is "platform"; pass "platform-managed" or an object$/],
    [() => made.setDataEncryption({ [id]: "platform" }), /^keySources of \/sub.* is "platform"; pass "platform-managed" or an object$/],
    [() => made.setDataEncryption({ keyVaultId: "v" }), /key_id/],
    [() => found.enable(() => "k", { dryRn: true }), /^enable has no option dryRn/],
    [() => found.rotate({}), /^whenOlderThan is missing/],
    [() => found.rotate({ whenOlderThan: 1, waves: [0] }), /^waves is \[0\]/],
    [() => found.enable(() => "k", { maxClusters: 257 }), /^max_clusters is 257/],
    [() => found.status({ signal: {} }), /^signal is \{\}; pass an AbortSignal/],
  ]) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof KmsError && error.code === "invalid_input", error);
      assert.match(error.message, said);
      assert.match(error.stack.split("\n")[1], /fleet\.test\.mjs:\d+/, error.stack);
      return true;
    });
  }
});

test("so is what a fleet is made from", () => {
  for (const [options, said] of [
    ["all", /^options is "all"; pass an object/],
    [null, /^options is null; pass an object/],
    [[id], /^options is \["\/sub.*; pass an object/],
    [{ cluster: id }, /^Fleet has no option cluster; it has subscriptions, .*, clusters, filter, credential$/],
    [{ clusters: [id], subscriptions: [parts.subscriptionId] }, /^clusters and subscriptions are both given; pass one/],
    [{ clusters: [id], filter: () => true }, /^filter is of clusters that are found by subscription/],
    [{ clusters: id }, /^clusters is "\/sub.*; pass an array of resource ids/],
    [{ clusters: [] }, /^clusters is an empty list/],
    [{ clusters: [id, parts] }, /^clusters has \/sub.* twice/],
    [{ clusters: [{ name: "production" }] }, /^clusters\[0\] is \{"name":"production"\}; pass a resource id, or/],
    [{ clusters: ["production"] }, /production/],
    [{ subscriptions: "all" }, /^subscriptions is "all"; pass an array of strings/],
    [{ subscriptions: [] }, /^subscriptions is an empty list/],
    [{ subscriptions: ["x"] }, /subscriptions/],
    [{ filter: "enabled" }, /^filter is "enabled"; pass a function/],
    [{ kubernetes: "in-cluster" }, /^kubernetes is "in-cluster"; pass "cluster-user" or "cluster-admin"$/],
    [{ cloud: "moon" }, /cloud is "moon"/],
    [{ caBundle: "no-such-file.pem" }, /^ca_bundle no-such-file\.pem cannot be read/],
    [{ credential: {} }, /^credential has no getToken/],
  ]) {
    assert.throws(() => new Fleet(options), (error) => {
      assert.ok(error instanceof KmsError && error.code === "invalid_input", error);
      assert.match(error.message, said);
      return true;
    });
  }
  assert.throws(() => toText({}), (error) => error instanceof KmsError && error.code === "invalid_input");
  assert.deepEqual([required.Fleet, required.toText, required.listClusters], [Fleet, toText, listClusters]);
});
