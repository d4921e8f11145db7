// What must not compile: a line without an error is one here.

import { Fleet, KmsError, KmsManager, listClusters } from "aks-kms";

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

const fleet = new Fleet();
// @ts-expect-error there is no such option
new Fleet({ cluster: "id" });
// @ts-expect-error clusters are an array
new Fleet({ clusters: "id" });
// @ts-expect-error clusters are named, or found
new Fleet({ clusters: ["id"], subscriptions: ["s"] });
// @ts-expect-error clusters that are named are not chosen from
new Fleet({ clusters: ["id"], filter: () => true });
// @ts-expect-error a filter gives true or false
new Fleet({ filter: ({ keyId }) => keyId });
// @ts-expect-error a filter gives no promise
new Fleet({ filter: async () => true });
// @ts-expect-error it leads to one cluster
new Fleet({ kubernetes: "in-cluster" });
// @ts-expect-error an age is needed
void fleet.rotate();
// @ts-expect-error an age is needed
void fleet.rotate({ waves: [1] });
// @ts-expect-error it is the same key for all
void fleet.rotate({ whenOlderThan: 1, keyId: "key" });
// @ts-expect-error waves are an array
void fleet.rotate({ whenOlderThan: 1, waves: 10 });
// @ts-expect-error a key is needed
void fleet.enable();
// @ts-expect-error a key is needed
void fleet.enable({ dryRun: true });
// @ts-expect-error a function gives no promise
void fleet.enable(async () => "key");
// @ts-expect-error there is no such key
void fleet.setDataEncryption("platform");
// @ts-expect-error there is no such key
void fleet.setDataEncryption(() => "platform");
// @ts-expect-error there is no such option of a run
void fleet.status({ wave: [1] });
// @ts-expect-error there is no such verb of a fleet
void fleet.disable();

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
  const { clusters } = await fleet.status();
  // @ts-expect-error results are not changed
  clusters[0]!.outcome = "done";
  // @ts-expect-error it may be null
  clusters[0]!.status.enabled;
  // @ts-expect-error there is no such step
  report.plan.filter(({ kind }) => kind === "explode");
}

export function told(error: KmsError): boolean {
  // @ts-expect-error there is no such code
  return error.code === "no_such_code";
}
