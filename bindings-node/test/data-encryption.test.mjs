// KMS data encryption: what the arguments become, and what comes of them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Simulator } from "./simulator.mjs";
import { manager } from "./world.mjs";

const simulator = Simulator.found();
const allow = ["data-encryption-irreversible"];
const changes = ({ plan }) => plan.filter(({ kind }) => kind === "set_kms").map(({ target }) => target);

test("it moves to a platform-managed key", async () => {
  const of = await simulator.put();
  const made = manager(of);
  const planned = await made.setDataEncryption("platform-managed", { dryRun: true });
  assert.deepEqual(changes(planned), ["platform_managed"]);
  assert.equal(planned.isRefused, true);
  assert.deepEqual(planned.findings.filter(({ level }) => level === "block").map(({ rule }) => rule), allow);
  assert.deepEqual(await of.writes(), []);

  const report = await made.setDataEncryption("platform-managed", { allow });
  assert.deepEqual([report.isProven, report.reencryption.at(-1).evidence], [true, "metrics-unnamed"]);
  assert.equal((await of.secrets()).plaintext, 0);
  assert.equal((await made.status()).experience, "platform-managed");
});

test("a customer-managed key is an object, in public mode where it names none", async () => {
  const of = await simulator.put();
  const keyId = of.filled("{{key}}");
  const made = manager(of);
  for (const more of [{}, { networkMode: "public" }]) {
    const planned = await made.setDataEncryption({ keyId, keyVaultId: of.key_vault_id, ...more }, { allow, dryRun: true });
    const [{ customerManaged }] = changes(planned);
    assert.deepEqual([customerManaged.keyId, customerManaged.networkMode], [keyId, "public"]);
  }
});
