// Credentials: the classes of @azure/identity, objects that are like them, and none at all.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { inspect, promisify } from "node:util";

import { WorkloadIdentityCredential } from "@azure/identity";
import { KmsError } from "aks-kms";

import { Simulator } from "./simulator.mjs";
import { credential, environment, manager } from "./world.mjs";

const simulator = Simulator.found();
const folder = mkdtempSync(join(tmpdir(), "aks-kms-credentials-"));
after(() => rmSync(folder, { recursive: true }));

/** The token of a pod's service account, in a file. */
async function assertion(of) {
  const answer = await of.text("assertion");
  const file = join(folder, `assertion-${of.id}`);
  writeFileSync(file, answer);
  return file;
}

/** A folder with `az`, signed in to the case. */
async function az(of) {
  const { token } = await credential(of).getToken(`${of.arm}/.default`);
  const bin = mkdtempSync(join(folder, "bin-"));
  const answer = {
    accessToken: token,
    expires_on: Math.floor(Date.now() / 1000) + 3600,
    expiresOn: "2099-01-01 00:00:00.000000",
    tokenType: "Bearer",
    subscription: of.cluster_id.split("/")[2],
    tenant: of.tenant_id,
  };
  // one token is enough for what Resource Manager alone answers
  writeFileSync(join(bin, "az"), `#!/bin/sh\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n`);
  chmodSync(join(bin, "az"), 0o755);
  return bin;
}

// whoever may sign in where a test runs
const others = [
  "AZURE_CLIENT_ID",
  "AZURE_FEDERATED_TOKEN_FILE",
  "AZURE_POD_IDENTITY_AUTHORITY_HOST",
  "IDENTITY_ENDPOINT",
  "IDENTITY_HEADER",
  "MSI_ENDPOINT",
];

/** Runs a program that prints the cluster, by the credential that the environment names or has. */
async function finds(of, variables) {
  const found = environment(of);
  for (const name of others) delete found[name];
  // the proxy is for vaults
  Object.assign(found, { NO_PROXY: "127.0.0.1" }, variables);
  const program = new URL("programs/status.mjs", import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env: found });
  return stdout.trim();
}

test("workload identity", async () => {
  const of = await simulator.put();
  const found = new WorkloadIdentityCredential({
    tenantId: of.tenant_id,
    clientId: of.client_id,
    tokenFilePath: await assertion(of),
    authorityHost: of.authority,
    disableInstanceDiscovery: true,
  });
  assert.equal((await manager(of, { credential: found }).status()).cluster, of.cluster_id);
});

test("managed identity", async () => {
  const of = await simulator.put();
  const variables = { IDENTITY_ENDPOINT: of.identity_endpoint, IDENTITY_HEADER: of.identity_header };
  assert.equal(await finds(of, { ...variables, HOW: "ManagedIdentityCredential" }), of.cluster_id);
});

test("the Azure CLI", async () => {
  const of = await simulator.put();
  const variables = { PATH: `${await az(of)}:${process.env.PATH}` };
  assert.equal(await finds(of, { ...variables, HOW: "AzureCliCredential" }), of.cluster_id);
});

test("without a credential: workload identity, managed identity, the Azure CLI", async () => {
  const of = await simulator.put();
  const chain = [
    {
      AZURE_FEDERATED_TOKEN_FILE: await assertion(of),
      AZURE_TENANT_ID: of.tenant_id,
      AZURE_CLIENT_ID: of.client_id,
      AZURE_AUTHORITY_HOST: of.authority,
    },
    { IDENTITY_ENDPOINT: of.identity_endpoint, IDENTITY_HEADER: of.identity_header },
    { PATH: `${await az(of)}:${process.env.PATH}` },
  ];
  for (const variables of chain) assert.equal(await finds(of, variables), of.cluster_id);
});

test("anything with getToken, awaited or not", async () => {
  const of = await simulator.put();
  const scopes = [];
  const real = credential(of);
  const tokens = new Map();
  const own = {
    async getToken(asked) {
      scopes.push(...asked);
      assert.equal(this, own);
      tokens.set(asked[0], await real.getToken(asked));
      return tokens.get(asked[0]);
    },
  };
  assert.equal((await manager(of, { credential: own }).status()).cluster, of.cluster_id);
  assert.ok(scopes.includes(`${of.arm}/.default`), scopes.join());
  const ready = { getToken: ([scope]) => tokens.get(scope) ?? null };
  assert.equal((await manager(of, { credential: ready }).status()).cluster, of.cluster_id);
});

test("what a credential throws is the cause, unchanged", async () => {
  const of = await simulator.put();
  const refused = Object.assign(new Error("sign in again"), { own: true });
  for (const getToken of [
    () => Promise.reject(refused),
    () => {
      throw refused;
    },
  ]) {
    await assert.rejects(manager(of, { credential: { getToken } }).status(), (error) => {
      assert.ok(error instanceof KmsError);
      assert.equal(error.code, "unauthenticated");
      assert.equal(error.cause, refused);
      assert.match(error.message, /sign in again/);
      return true;
    });
  }
  await assert.rejects(manager(of, { credential: { getToken: async () => null } }).status(), {
    code: "unauthenticated",
    message: /getToken gave no token/,
  });
});

test("a token is in no error and in no inspection", async () => {
  const of = await simulator.put();
  const { token } = await credential(of).getToken(`${of.arm}/.default`);
  const made = manager(of, { credential: { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3.6e6 }) } });
  const error = await made.enable(of.key_ids[0]).catch((problem) => problem);
  assert.ok(!inspect([made, error], { depth: 9, showHidden: true }).includes(token));
});

test("a call may wait for a token, and be aborted meanwhile", async () => {
  const of = await simulator.put();
  const controller = new AbortController();
  const never = { getToken: () => (controller.abort(), new Promise(() => {})) };
  await assert.rejects(manager(of, { credential: never }).status({ signal: controller.signal }), { name: "AbortError" });
});
