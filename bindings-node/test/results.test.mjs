// That the comparison of the languages sees what differs: results.mjs.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { differences } from "./results.mjs";

const folder = mkdtempSync(join(tmpdir(), "aks-kms-results-"));
after(() => rmSync(folder, { recursive: true }));

/** What was written by languages, by the cases' names. */
function written(languages) {
  const all = Object.entries(languages).map(([language, cases]) => {
    const of = mkdtempSync(join(folder, `${language}-`));
    for (const [name, document] of Object.entries(cases)) writeFileSync(join(of, name), JSON.stringify(document));
    return [language, of];
  });
  return Object.fromEntries(all);
}

const rust = { result: { key_id: "https://k.vault/keys/etcd/a1", since: "2026-01-02T03:04:05Z", plan: [] }, ids: { case: "a1" } };
const node = {
  result: { keyId: "https://k.vault/keys/etcd/b2", since: "2026-02-03T04:05:06Z", plan: [], isProven: true },
  ids: { case: "b2" },
};

test("names, ids, times and the methods of reports are no difference", () => {
  assert.deepEqual(differences(written({ rust: { "a.json": rust }, node: { "a.json": node } }), ["a.json"]), []);
});

test("another value, one that is missing and one too many are differences", () => {
  const { since, ...without } = node.result;
  for (const [result, why] of [
    [{ ...node.result, plan: ["step"] }, '$.result.plan.0 is "step", and should not be there'],
    [{ ...node.result, since: null }, '$.result.since is "null" instead of "string"'],
    [without, "$.result.since is missing"],
    [{ ...node.result, other: 1 }, "$.result.other is 1, and should not be there"],
    [{ ...node.result, plan: {} }, "$.result.plan is {} instead of []"],
  ]) {
    const folders = written({ rust: { "a.json": rust }, node: { "a.json": { ...node, result } } });
    assert.deepEqual(differences(folders, ["a.json"]), [`a.json: node: ${why}`]);
  }
});

test("with data encryption, what was rewritten and what was current are one number, and a difference without", () => {
  const report = (experience, rewritten, current, stale) => ({
    result: { after: { experience }, reencryption: [{ counts: { rewritten, current, stale } }] },
    ids: {},
  });
  const found = (experience, ...counts) => {
    const folders = written({
      rust: { "a.json": report(experience, 4, 3, 0) },
      node: { "a.json": report(experience, ...counts) },
    });
    return differences(folders, ["a.json"]).length;
  };
  for (const experience of ["platform-managed", "customer-managed"]) {
    assert.equal(found(experience, 1, 6, 0), 0, experience);
    assert.equal(found(experience, 1, 5, 0), 1, experience);
    assert.equal(found(experience, 1, 6, 1), 1, experience);
  }
  assert.equal(found("legacy", 1, 6, 0), 2);
});

test("a case that a language lacks is a difference, the first one too", () => {
  const folders = written({ rust: { "a.json": rust }, node: { "b.json": node } });
  assert.deepEqual(differences(folders, ["a.json", "b.json"]), ["a.json: node has no result", "b.json: rust has no result"]);
});
