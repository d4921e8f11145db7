// The conformance cases that every language runs: tests/conformance.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";

import { KmsError } from "aks-kms";

import { mismatch, writesMismatch } from "./matching.mjs";
import { Simulator } from "./simulator.mjs";
import { named, perform } from "./world.mjs";

const folder = new URL("../../tests/conformance/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "schema.json").sort();
const simulator = Simulator.found();

test("there are cases", () => assert.ok(files.length > 180));

describe("cases", { concurrency: 4 }, () => {
  for (const file of files) test(file, () => run(JSON.parse(readFileSync(new URL(file, folder), "utf8"))));
});

async function run(document) {
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
    assert.equal(then.error, undefined, `no error came: ${JSON.stringify(given)}`);
    const why = mismatch(named(then.report ?? (Array.isArray(given) ? given : {})), JSON.parse(JSON.stringify(given)));
    assert.equal(why, undefined);
    findings = Array.isArray(given) ? given : given.findings;
  } catch (error) {
    if (!(error instanceof KmsError)) throw error;
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
