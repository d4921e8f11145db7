// What must compile.

import { ClientSecretCredential, DefaultAzureCredential } from "@azure/identity";
import {
  type Action,
  type ErrorCode,
  type Finding,
  KmsError,
  KmsManager,
  type KmsStatus,
  type OperationReport,
  type Progress,
  type RuleId,
  rules,
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
    allow: ["etcd-growth"],
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
    if (step.kind === "set_kms" && step.target !== "off") console.log(step.target.on.networkMode);
  }
  const proven: boolean = report.isProven;
  const ids: RuleId[] = rules().map(({ id }) => id);
  console.log(total, findings, since, proven, ids);
}

export function told(error: unknown): ErrorCode | undefined {
  if (!(error instanceof KmsError)) return undefined;
  const report: OperationReport | null = error.report;
  console.log(report?.steps[0]?.outcome === "done", error.serviceCode?.length);
  return error.code;
}
