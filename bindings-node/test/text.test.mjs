// How results read: toText.

import assert from "node:assert/strict";
import { test } from "node:test";

import { KmsError, toHtml, toMarkdown, toText } from "aks-kms";

import { Simulator } from "./simulator.mjs";
import { credential, manager, required } from "./world.mjs";

const simulator = Simulator.found();

test("every result reads as in the other languages", async () => {
  const of = await simulator.put({ vault: { public_access: false } });
  const managed = manager(of);
  const planned = await managed.enable(of.key_ids[0], { dryRun: true });
  assert.match(toText(planned), /^Plan of enable for \/subscriptions\/.*\n1\. Record the operation in the cluster\n2\. [^]*\nblock {2}vault-public-access-disabled/);
  assert.match(toText(planned.plan), /^1\. Record the operation in the cluster\n2\. /);
  const one = planned.findings.find(({ rule }) => rule === "vault-public-access-disabled");
  assert.match(toText(one), /^vault-public-access-disabled \(block\): /);
  // below one another, what is to be done below what is the matter
  assert.match(toText(planned.findings), /^block {2}vault-public-access-disabled {2}.*\n {37}On \/subscriptions\//m);
  const status = await managed.status({ secrets: true });
  assert.match(toText(status), /^Cluster {5}\/subscriptions\/[^]*\nEncryption {2}KMS is off\nSecrets {5}\d+ secrets$/);
  assert.match(toText(status.ledger), /^Place {2}Key {2}Since {2}Proven {2}Removable {2}Why\n-----/);
  const made = await managed.provision({ dryRun: true });
  assert.match(toText(made), /^Plan of provision\n1\. /);
  const options = { credential: credential(of), cloud: of.arm };
  const listed = await required.listClusters([of.subscription_id], options);
  assert.match(toText(listed), /^Name +ResourceGroup +Location .*\n-[- ]*\n.* False/);
  for (const text of [planned, planned.findings, status, listed].map(toText)) {
    assert.ok(!text.includes("\u001b") && !/ \n/.test(text), text);
  }
  assert.deepEqual([toText([]), required.toText], ["", toText]);
});

test("what is no result is refused", () => {
  for (const wrong of [{}, null, "report", [{}], { retired: 1 }, { clusters: [], unreadable: 1 }]) {
    assert.throws(() => toText(wrong), (error) => error instanceof KmsError && error.code === "invalid_input", String(wrong));
  }
});

test("a result that was not awaited is named", () => {
  for (const show of [toText, toHtml, toMarkdown]) {
    assert.throws(() => show(Promise.resolve({})), { name: "KmsError", code: "invalid_input", message: /is a promise; await / });
  }
});
