// The conformance cases that every language runs: tests/conformance. What comes of each is written to the folder that
// AKS_KMS_RESULTS names, for a comparison of the languages: results.mjs.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { KmsError } from "aks-kms";

import { named } from "./common.mjs";
import { mismatch, writesMismatch } from "./matching.mjs";
import { Simulator } from "./simulator.mjs";
import { perform } from "./world.mjs";

const folder = new URL("../../tests/conformance/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "schema.json").sort();
const simulator = Simulator.found();

test("there are cases", () => assert.ok(files.length > 180));

describe("cases", { concurrency: 4 }, () => {
  for (const file of files) test(file, () => run(file, JSON.parse(readFileSync(new URL(file, folder), "utf8"))));
});

async function run(file, document) {
  const of = await simulator.put(document.given);
  for (const call of document.earlier ?? []) {
    // whatever came of it is where the case begins
    await perform(of, of.filled(call)).catch((error) => assert.ok(error instanceof KmsError, error));
  }
  await of.ask("writes", "DELETE");
  const then = of.filled(document.then);
  let findings;
  try {
    const given = await perform(of, of.filled(document.when));
    keep(file, of, { result: given });
    assert.equal(then.error, undefined, `no error came: ${JSON.stringify(given)}`);
    const why = mismatch(named(then.report ?? (Array.isArray(given) ? given : {})), JSON.parse(JSON.stringify(given)));
    assert.equal(why, undefined);
    findings = Array.isArray(given) ? given : given.findings;
  } catch (error) {
    if (!(error instanceof KmsError)) throw error;
    const { code, message, retryable, serviceCode, findings: all, report } = error;
    keep(file, of, { error: { code, message, retryable, serviceCode, findings: all, report } });
    checkError(then.error, error);
    findings = error.findings;
  }
  for (const expected of then.findings ?? []) {
    assert.ok(findings.some((one) => mismatch(named(expected), one) === undefined), JSON.stringify([expected, findings]));
  }
  assert.equal(writesMismatch(then.writes, await of.writes()), undefined);
  const truth = await of.secrets();
  assert.deepEqual(truth.violations ?? [], []);
  assert.equal(mismatch(then.secrets ?? {}, truth), undefined);
  await of.end();
}

/** Writes what came of a case. */
function keep(file, of, document) {
  const results = process.env.AKS_KMS_RESULTS;
  if (results === undefined) return;
  const ids = { case: of.id, arm: of.arm, subscription: of.subscription_id };
  Object.assign(ids, { tenant: of.tenant_id, client: of.client_id, principal: of.principal_id });
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, file), JSON.stringify({ ...document, ids }));
}

function checkError(expected, error) {
  assert.ok(expected !== undefined, error);
  const blocking = error.findings.filter(({ level }) => level === "block");
  assert.deepEqual(
    [error.code, blocking.map(({ rule }) => rule).sort()],
    [expected.code, [...(expected.rules ?? [])].sort()],
    error.message,
  );
  if (expected.service_code != null) assert.equal(error.serviceCode, expected.service_code);
  for (const { rule, remedy } of blocking) {
    assert.ok(error.message.includes(rule));
    assert.ok(error.message.includes(remedy.replace(/\.$/, "")));
  }
  if (expected.report != null) {
    assert.equal(mismatch(named(expected.report), JSON.parse(JSON.stringify(error.report))), undefined);
  }
}
