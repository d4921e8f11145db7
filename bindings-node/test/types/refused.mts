// What must not compile: a line without an error is one here.

import { KmsError, KmsManager, listClusters } from "aks-kms";

const manager = new KmsManager("id");

// @ts-expect-error a key is needed
void manager.enable();
// @ts-expect-error a key is needed
void manager.enable({ dryRun: true });
// @ts-expect-error there is no such option
void manager.enable("key", { dryRn: true });
// @ts-expect-error null is no default
void manager.enable("key", { dryRun: null });
// @ts-expect-error there is no such mode
void manager.enable("key", { networkMode: "both" });
// @ts-expect-error there is no such rule
void manager.enable("key", { allow: ["etcd-grow"] });
// @ts-expect-error there is no such option of a rewrite
void manager.enable("key", { reencrypt: { speed: "fast" } });
// @ts-expect-error there is no such option
void manager.rotate({ dryRn: true });
// @ts-expect-error a mode is needed
void manager.changeNetworkMode();
// @ts-expect-error it reports no progress
void manager.status({ onProgress: () => {} });
// @ts-expect-error a key is needed
void manager.setDataEncryption();
// @ts-expect-error there is no such key
void manager.setDataEncryption("platform");
// @ts-expect-error the vault is needed
void manager.setDataEncryption({ keyId: "key" });
// @ts-expect-error there is no such action
void manager.checkAction({ kind: "explode" });
// @ts-expect-error the action needs a node pool
void manager.checkAction({ kind: "scale-to-zero" });
// @ts-expect-error it gives up no secrets
void manager.provision({ giveUpSecrets: [] });
// @ts-expect-error there is no such part of Azure
void manager.provision({ authorization: "both" });
// @ts-expect-error a key is needed
void manager.createCluster({ location: "eastus" });
// @ts-expect-error a body is an object
void manager.createCluster("{}", "key");
// @ts-expect-error the vault is needed
void manager.createCluster({}, { keyId: "key" });
// @ts-expect-error subscriptions are an array
void listClusters("subscription");
// @ts-expect-error there is no such option
void listClusters([], { kubernetes: "in-cluster" });
// @ts-expect-error it reports no progress
void listClusters({ onProgress: () => {} });
// @ts-expect-error it has no getToken
void listClusters({ credential: {} });
// @ts-expect-error a cluster is needed
new KmsManager();
// @ts-expect-error there is no such option
new KmsManager("id", { credentials: {} });
// @ts-expect-error it has no getToken
new KmsManager("id", { credential: {} });
// @ts-expect-error a part is missing
new KmsManager({ subscriptionId: "s", name: "n" });

export async function results(): Promise<void> {
  const report = await manager.resume();
  // @ts-expect-error results are not changed
  report.dryRun = false;
  // @ts-expect-error it may be null
  report.ledger.current;
  const list = await listClusters();
  // @ts-expect-error results are not changed
  list.clusters.pop();
  // @ts-expect-error it may be null
  list.clusters[0]!.keyId.length;
  // @ts-expect-error there is no such member
  list.subscriptions;
  // @ts-expect-error there is no such step
  report.plan.filter(({ kind }) => kind === "explode");
}

export function told(error: KmsError): boolean {
  // @ts-expect-error there is no such code
  return error.code === "no_such_code";
}
