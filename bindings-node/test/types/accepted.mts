// What must compile.

import { ClientSecretCredential, DefaultAzureCredential } from "@azure/identity";
import {
  type Action,
  type ClusterList,
  type CreateClusterOptions,
  type CustomerManagedKey,
  type ErrorCode,
  type Finding,
  Fleet,
  type FleetOptions,
  type FleetProgress,
  type FleetReport,
  type FleetRotateOptions,
  type FleetRow,
  type KeySource,
  KmsError,
  KmsManager,
  type KmsStatus,
  type OperationReport,
  type ListClustersOptions,
  type PerCluster,
  type Progress,
  type Provisioned,
  type RuleId,
  listClusters,
  rules,
  toHtml,
  toMarkdown,
  toText,
} from "aks-kms";

const manager = new KmsManager("/subscriptions/…", {
  credential: new ClientSecretCredential("tenant", "client", "secret"),
  cloud: process.env["AZURE_RESOURCE_MANAGER"],
  journal: null,
});
new KmsManager({ subscriptionId: "s", resourceGroup: "g", name: "n" }, { credential: new DefaultAzureCredential() });
new KmsManager("id", { credential: { getToken: async () => ({ token: "t", expiresOnTimestamp: 0 }) } });
new KmsManager("id", { credential: { getToken: () => null }, kubernetes: "in-cluster", caBundle: "ca.pem" });

export async function verbs(signal: AbortSignal): Promise<void> {
  const report: OperationReport = await manager.enable("key", {
    networkMode: "private",
    keyVaultId: "vault",
    allow: ["access-role-missing"],
    reencrypt: { pace: "fast", maxConcurrency: 16 },
    timeout: 3600,
    onProgress: (now: Progress) => console.log(now.phase, now.etaSeconds),
    signal,
  });
  await manager.rotate();
  await manager.rotate({ dryRun: true });
  await manager.rotate("key", { reencrypt: false });
  await manager.rotate(undefined, { networkMode: undefined });
  await manager.changeNetworkMode("public", { vaultAccess: "keep" });
  await manager.migrateToV2({ kubernetesVersion: "1.33", nodePools: "keep" });
  await manager.setDataEncryption("platform-managed", { allow: ["data-encryption-irreversible"], reencrypt: false });
  const key: CustomerManagedKey = { keyId: "key", keyVaultId: "vault" };
  await manager.setDataEncryption({ ...key, networkMode: "private" }, { dryRun: true });
  await manager.rotate({ wait: false });
  await manager.reencryptSecrets({ namespaces: ["default"], pace: "gentle" });
  await manager.resume({ maxRequestsPerSecond: 10 });
  await manager.disable();
  await manager.verifySecrets();
  await manager.abandon({ signal });
  const status: KmsStatus = await manager.status({ secrets: true });
  const total: number | undefined = status.secrets?.total;
  const action: Action = { kind: "scale-to-zero", nodePool: "system" };
  const findings: readonly Finding[] = await manager.checkAction(action);
  const since: Date | null | undefined = report.ledger?.current?.since;
  for (const step of report.plan) {
    const summary: string = step.summary;
    if (step.kind === "create_key_version") console.log(step.keyId, summary);
    if (step.kind === "wait_for_key_version") console.log(step.keyId);
    if (step.kind === "set_kms") {
      const { target } = step;
      if (typeof target === "string") console.log(target === "off" || target === "platform_managed");
      else console.log("on" in target ? target.on.networkMode : target.customerManaged.keyId);
    }
  }
  const proven: boolean = report.isProven;
  const ids: RuleId[] = rules().map(({ id }) => id);
  console.log(total, findings, since, proven, ids);
}

export async function clusters(signal: AbortSignal): Promise<void> {
  const made: Provisioned = await manager.provision({
    keyVault: "shop-keys",
    keyExpiresIn: 90 * 24 * 60 * 60,
    keySize: 3072,
    authorization: "access-policy",
    purgeProtection: false,
    allow: ["access-role-missing"],
    onProgress: (now: Progress) => console.log(now.phase),
    timeout: 600,
    signal,
  });
  const refused: boolean = made.isRefused;
  const principal: string | null = made.identityPrincipalId;
  const commands: string[] = made.plan.filter(({ part }) => part === "key-vault").map(({ command }) => command);
  const body = { location: "eastus", properties: { dnsPrefix: "x", agentPoolProfiles: [{ name: "system", count: 1 }] } };
  const more: CreateClusterOptions = { identityId: made.identityId, networkMode: "private", keyVaultId: made.keyVaultId, reencrypt: false };
  const report: OperationReport = await manager.createCluster(body, made.keyId, more);
  await manager.provision({ experience: "customer-managed" });
  await manager.createCluster(body, "platform-managed");
  await manager.createCluster(body, { keyId: made.keyId, keyVaultId: made.keyVaultId, networkMode: "private" });

  const options: ListClustersOptions = {
    credential: new DefaultAzureCredential(),
    cloud: process.env["AZURE_RESOURCE_MANAGER"],
    caBundle: "ca.pem",
    apiVersion: "2026-01-01",
    resourceGraph: false,
    timeout: 60,
    signal,
  };
  const list: ClusterList = await listClusters(["s"], options);
  await listClusters();
  await listClusters(options);
  await listClusters(undefined, { cloud: "china" });
  const withKms: string[] = list.clusters.filter(({ enabled }) => enabled).map(({ id }) => id);
  const key: string | null | undefined = list.clusters[0]?.keyId;
  const version: "v1" | "v2" | null | undefined = list.clusters[0]?.kmsVersion;
  for (const { resource, code, message } of list.unreadable) console.log(resource, code, message);
  console.log(refused, principal, commands, report.isProven, withKms, key, version);
}

export async function fleets(signal: AbortSignal): Promise<void> {
  const options: FleetOptions = {
    subscriptions: ["s"],
    filter: ({ enabled, location }) => enabled && location === "westeurope",
    credential: new DefaultAzureCredential(),
    cloud: process.env["AZURE_RESOURCE_MANAGER"],
    kubernetes: "cluster-admin",
    caBundle: "ca.pem",
    apiVersion: undefined,
    resourceGraph: false,
  };
  const fleet = new Fleet(options);
  new Fleet();
  const some: string[] | undefined = process.argv.length > 2 ? process.argv.slice(2) : undefined;
  new Fleet({ clusters: some });
  new Fleet({ subscriptions: some });
  new Fleet({ clusters: ["id", { subscriptionId: "s", resourceGroup: "g", name: "n" }] });
  const nightly: FleetRotateOptions = {
    whenOlderThan: 365 * 24 * 60 * 60,
    waves: [1, 10, 100],
    maxClusters: 8,
    stopAfterFailures: 5,
    dryRun: false,
    allow: ["access-role-missing"],
    reencrypt: { pace: "fast" },
    onProgress: (now: FleetProgress) => console.log(now.wave, now.totals.done, now.cluster?.length, now.progress?.phase, now.message),
    signal,
  };
  const report: FleetReport = await fleet.rotate(nightly);
  const complete: boolean = report.isComplete;
  const rows: readonly FleetRow[] = report.clusters.filter(({ outcome }) => outcome === "unfinished" || outcome === "not-due");
  const created: Date | null | undefined = rows[0]?.keyCreatedAt;
  const text: string = toText(report) + toHtml(report) + toMarkdown(report);
  await fleet.enable("key", { networkMode: "private", keyVaultId: "vault", waves: undefined });
  await fleet.enable({ "/subscriptions/…": "key" });
  await fleet.enable(new Map([["/subscriptions/…", "key"]]));
  await fleet.enable((clusterId) => (clusterId.endsWith("prod") ? "key" : undefined), { signal });
  const key: CustomerManagedKey = { keyId: "key", keyVaultId: "vault" };
  const keys: PerCluster<KeySource> = (clusterId: string) => (clusterId === "" ? "platform-managed" : key);
  await fleet.setDataEncryption(keys, { allow: ["data-encryption-irreversible"] });
  await fleet.setDataEncryption("platform-managed");
  await fleet.setDataEncryption(key);
  await fleet.setDataEncryption({ "/subscriptions/…": key, "/subscriptions/other": "platform-managed" });
  await fleet.reencryptSecrets({ pace: "gentle", waves: [1] });
  await fleet.verifySecrets();
  const { clusters: states } = await fleet.status({ secrets: true, whenOlderThan: 1 });
  console.log(complete, created, text, states[0]?.status?.secrets?.total, toText(await manager.resume()));
}

export function told(error: unknown): ErrorCode | undefined {
  if (!(error instanceof KmsError)) return undefined;
  const report: OperationReport | null = error.report;
  console.log(report?.steps[0]?.outcome === "done", error.serviceCode?.length);
  return error.code;
}
