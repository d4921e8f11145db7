// The same call gives the same JSON in each language, but for what differs from run to run, and for the names.
//
// Rust is the example `manage`. Python is compared where its package is built: AKS_KMS_PYTHON_SITE names it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";

import { common, named } from "./common.mjs";
import { Simulator } from "./simulator.mjs";
import { fleet, perform, scale } from "./world.mjs";

const simulator = Simulator.found();
const folder = mkdtempSync(join(tmpdir(), "aks-kms-languages-"));
after(() => rmSync(folder, { recursive: true }));

const given = { cluster: { kms: { key: "{{key.1}}" } }, secrets: { namespaces: 2, each: 5 } };
const calls = [
  { operation: "status", words: [] },
  { operation: "rotate", options: { key_id: "{{key.2}}" }, words: ["{{key.2}}"] },
  { operation: "enable", options: { key_id: "{{key.1}}" }, words: ["{{key.1}}"] },
  { operation: "disable", words: [] },
  { operation: "fleet_status", words: [] },
  { operation: "fleet_rotate", words: [] },
];
/** What is done to a fleet of the one cluster. */
const day = 24 * 60 * 60;
const ofFleet = { fleet_status: { secrets: true, when_older_than: day }, fleet_rotate: { when_older_than: day, waves: [1] } };
const python = `
import json, os
from aks_kms import KmsManager, _native
_native._scale_time(${scale})
of, call = json.loads(os.environ["OF"]), json.loads(os.environ["CALL"])
manager = KmsManager(of["cluster_id"], cloud=of["arm"])
verb, options = call["operation"], call["fleet"] or {}
if call["fleet"]:
    from aks_kms import Fleet
    manager, verb = Fleet(clusters=[of["cluster_id"]], cloud=of["arm"]), verb.removeprefix("fleet_")
print(json.dumps(getattr(manager, verb)(*call["words"], **options).to_dict()))
`;

const languages = {
  async rust(of, { operation, words }) {
    const file = join(folder, `${of.id}.json`);
    writeFileSync(file, JSON.stringify(of), { mode: 0o600 });
    const { stdout } = await promisify(execFile)(process.env.AKS_KMS_MANAGE, [file, operation.replace("_", "-"), ...words]);
    return named(JSON.parse(stdout));
  },
  async node(of, { operation, options }) {
    const made = fleet(of, { clusters: [of.cluster_id] });
    const call = operation in ofFleet ? made[operation.slice(6)](named(ofFleet[operation])) : perform(of, { operation, options });
    const { isProven, isRefused, isComplete, ...result } = JSON.parse(JSON.stringify(await call));
    for (const is of [isProven, isComplete]) assert.equal(is ?? true, true);
    assert.equal(isRefused ?? false, false);
    return result;
  },
};
if (process.env.AKS_KMS_PYTHON_SITE !== undefined) {
  languages.python = async (of, call) => {
    const { identity_endpoint: IDENTITY_ENDPOINT, identity_header: IDENTITY_HEADER } = of;
    const signedIn = { IDENTITY_ENDPOINT, IDENTITY_HEADER, PYTHONPATH: process.env.AKS_KMS_PYTHON_SITE };
    const env = { ...process.env, ...signedIn, OF: JSON.stringify(of), CALL: JSON.stringify({ fleet: ofFleet[call.operation] ?? null, ...call }) };
    for (const name of ["AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"]) delete env[name];
    const { stdout } = await promisify(execFile)("python3", ["-c", python], { env });
    return named(JSON.parse(stdout));
  };
}

const ids = (of) => {
  const keys = of.key_ids.map((id, index) => [`key.${index + 1}`, id]);
  return Object.fromEntries([...keys, ["case", of.id], ["subscription", of.subscription_id]]);
};

describe("languages", { concurrency: 4 }, () => {
  for (const call of calls) {
    test(call.operation, async () => {
      const results = await Promise.all(
        Object.entries(languages).map(async ([name, runs]) => {
          const of = await simulator.put(given);
          const result = JSON.stringify(common(await runs(of, of.filled(call)), ids(of)));
          // of a version that was made
          return [name, JSON.parse(result.replace(/[0-9a-f]{32}/g, "{{made}}"))];
        }),
      );
      const [, rust] = results[0];
      assert.ok(Object.keys(rust).length > 8);
      for (const [name, result] of results.slice(1)) assert.deepEqual(result, rust, name);
    });
  }
});
