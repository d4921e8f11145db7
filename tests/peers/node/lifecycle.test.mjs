// The page's life cycle by @azure/arm-containerservice and @azure/keyvault-keys, on the simulator
// that the environment points to.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { ContainerServiceClient } from "@azure/arm-containerservice";
import { ClientSecretCredential } from "@azure/identity";
import { KeyClient } from "@azure/keyvault-keys";

const {
  AZURE_AUTHORITY_HOST: authorityHost,
  AZURE_RESOURCE_MANAGER: endpoint,
  AZURE_SUBSCRIPTION_ID: subscription,
  AZURE_TENANT_ID: tenant,
  AZURE_CLIENT_ID: client,
  AZURE_CLIENT_SECRET: secret,
  RESOURCE_GROUP: group,
  CLUSTER: name,
  VAULT: vault,
  SIMULATOR: simulator,
  SIMULATOR_TOKEN: simulatorToken,
  CASE: id,
} = process.env;

const credential = new ClientSecretCredential(tenant, client, secret, {
  authorityHost,
  disableInstanceDiscovery: true,
});
const clusters = new ContainerServiceClient(credential, subscription, {
  endpoint,
  credentials: { scopes: [`${endpoint}/.default`] },
}).managedClusters;
const keys = new KeyClient(`https://${vault}.vault.azure.net`, credential);

async function secrets() {
  const headers = { authorization: `Bearer ${simulatorToken}` };
  return (await fetch(`${simulator}/cases/${id}/secrets`, { headers })).json();
}

async function countUnder(key) {
  return (await secrets()).by_key[key] ?? 0;
}

async function setKms(azureKeyVaultKms) {
  const cluster = await clusters.get(group, name);
  cluster.securityProfile = { ...cluster.securityProfile, azureKeyVaultKms };
  // Only if nobody changed it since.
  return clusters.createOrUpdate(group, name, cluster, { ifMatch: cluster.eTag });
}

const use = (keyId) => setKms({ enabled: true, keyId, keyVaultNetworkAccess: "Public" });

function updateSecrets() {
  execFileSync("bash", ["-euo", "pipefail", "-c", process.env.UPDATE_SECRETS]);
}

test("enable, rotate, disable", async () => {
  const first = (await keys.createRsaKey("lifecycle")).id;
  const updated = await use(first);
  assert.equal(updated.provisioningState, "Succeeded");
  assert.equal(updated.securityProfile.azureKeyVaultKms.keyId, first);
  assert.equal((await secrets()).plaintext, 6, "secrets that nobody wrote since stay as they are");
  updateSecrets();
  assert.equal(await countUnder(first), 6);

  const second = (await keys.rotateKey("lifecycle")).id;
  await use(second);
  assert.equal(await countUnder(first), 6);
  updateSecrets();
  assert.equal(await countUnder(second), 6);

  await setKms({ enabled: false });
  assert.equal(await countUnder(second), 6);
  updateSecrets();
  const { total, plaintext, unreadable } = await secrets();
  assert.deepEqual({ total, plaintext, unreadable }, { total: 6, plaintext: 6, unreadable: 0 });

  const names = [];
  for await (const cluster of clusters.list()) {
    names.push(cluster.name);
  }
  assert.deepEqual(names, [name]);
});

test("a refusal has the status and code that the SDK reads", async () => {
  const wrong = { enabled: true, keyId: "https://nowhere.example/keys/a/b" };
  await assert.rejects(setKms(wrong), { statusCode: 400, code: "BadRequest" });
  const cluster = await clusters.get(group, name);
  const stale = clusters.createOrUpdate(group, name, cluster, { ifMatch: "stale" });
  await assert.rejects(stale, { statusCode: 412, code: "EtagMismatch" });
});
