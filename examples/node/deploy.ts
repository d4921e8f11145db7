// A step of a deployment: after it, the cluster is encrypted with the key that the configuration names.
//
// It may run on every deployment: it turns KMS on, changes the key, or finds that there is nothing to do. CLUSTER_ID and
// KEY_ID are the configuration. Against the simulator: `examples/node/simulated node examples/node/deploy.ts`.

import { EnvironmentCredential } from "@azure/identity";
import { KmsError, KmsManager, type OperationReport, type RuleId } from "aks-kms";

// What the owner of this cluster has decided to go on without: a role on the vault that can be seen.
const accepted: readonly RuleId[] = ["access-role-missing"];

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

async function encrypted(manager: KmsManager, keyId: string): Promise<OperationReport | null> {
  const { enabled, keyId: used, operationInProgress } = await manager.status();
  if (operationInProgress !== null) await manager.resume();
  else if (enabled && used === keyId) return null;
  return enabled ? manager.rotate(keyId, { allow: accepted }) : manager.enable(keyId, { allow: accepted });
}

const manager = new KmsManager(variable("CLUSTER_ID"), {
  credential: new EnvironmentCredential({ disableInstanceDiscovery: true }),
  cloud: process.env["AZURE_RESOURCE_MANAGER"],
});
const keyId = variable("KEY_ID");
try {
  const report = await encrypted(manager, keyId);
  console.log(report === null ? "nothing to do" : `${report.operation}: proven ${report.isProven}`);
  console.log((await encrypted(manager, keyId)) === null ? "the next deployment has nothing to do" : "not stable");
} catch (error) {
  if (!(error instanceof KmsError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = error.retryable ? 75 : 1;
}
