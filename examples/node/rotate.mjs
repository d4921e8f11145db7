// A rotation that Ctrl-C, or a limit of time, ends at once; the next run goes on where this one stopped.
//
// KEY_ID names the key that is in use (it is turned on here where there is none), NEW_KEY_ID the one to change to.
// Against the simulator: `examples/node/simulated node examples/node/rotate.mjs`.

import { EnvironmentCredential } from "@azure/identity";
import { KmsError, KmsManager } from "aks-kms";

const { CLUSTER_ID, KEY_ID, NEW_KEY_ID, AZURE_RESOURCE_MANAGER } = process.env;
const credential = new EnvironmentCredential({ disableInstanceDiscovery: true });
const manager = new KmsManager(CLUSTER_ID, { credential, cloud: AZURE_RESOURCE_MANAGER });

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
const signal = AbortSignal.any([interrupt.signal, AbortSignal.timeout(30 * 60_000)]);

try {
  const { enabled, operationInProgress } = await manager.status({ signal });
  if (operationInProgress !== null) {
    console.log(`going on with ${operationInProgress.operation} of ${operationInProgress.since.toISOString()}`);
    await manager.resume({ signal });
  } else if (!enabled) {
    await manager.enable(KEY_ID, { signal });
  }
  const { isProven, ledger } = await manager.rotate(NEW_KEY_ID, { signal });
  console.log(`rotated, proven: ${isProven}`);
  if (ledger?.previous) {
    console.log(`${ledger.previous.keyId} may be removed: ${ledger.previous.removable}. ${ledger.previous.reason}`);
  }
} catch (error) {
  if (error.name === "AbortError") {
    console.error("stopped; run it again to go on");
    process.exitCode = 130;
  } else if (error instanceof KmsError && error.code === "preflight_failed") {
    for (const { resource, message, remedy } of error.findings) console.error(`${resource}: ${message}. ${remedy}`);
    process.exitCode = 2;
  } else {
    throw error;
  }
}
