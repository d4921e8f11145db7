// What verbs give, and what arguments are made of.
//
// Generated from bindings/schema.json by `bindings-node/generate.mjs`: change it there.

/** The stable code of an error, the same in every language. */
export type ErrorCode =
  /** An argument is malformed. Nothing was sent. The message names the argument. */
  | "invalid_input"
  /** Rules are violated. Nothing was written. `findings` has all of them. */
  | "preflight_failed"
  /** Cluster, vault or key does not exist. */
  | "not_found"
  /** No valid token could be obtained. */
  | "unauthenticated"
  /** A permission is missing. The message names it. */
  | "forbidden"
  /** Another operation or holder is at work, or the cluster keeps changing. */
  | "conflict"
  /** Azure ended the operation as failed. `serviceCode` has its code. */
  | "operation_failed"
  /** Some secrets are blocked or failed. `report` names them. */
  | "reencrypt_incomplete"
  /** The API server's KMS keeps failing. */
  | "kms_unavailable"
  /** The service kept throttling after bounded retries. */
  | "throttled"
  /** The time limit was reached. */
  | "timeout"
  /** The service could not be reached after bounded retries. */
  | "unavailable"
  /** A response that is not what its sender documents. */
  | "unexpected";

/**
 * Something that somebody is about to do to a key, a vault, an identity or the cluster, outside of this library:
 * `checkAction` judges it.
 */
export type Action =
  /** Delete or purge a key. */
  | { readonly kind: "delete-key"; readonly keyId: KeyId; }
  /** Disable a key. */
  | { readonly kind: "disable-key"; readonly keyId: KeyId; }
  /** Let a key expire. */
  | { readonly kind: "expire-key"; readonly keyId: KeyId; }
  /** Delete or purge a vault. */
  | { readonly kind: "delete-vault"; readonly keyVaultId: VaultId; }
  /** Delete a user-assigned managed identity. */
  | { readonly kind: "delete-identity"; readonly identityId: IdentityId; }
  /** Take a role on a vault, or an access policy of it, away from a principal. */
  | { readonly kind: "remove-role"; readonly keyVaultId: VaultId; readonly principalId: string; }
  /** Stop the cluster. */
  | { readonly kind: "stop-cluster"; }
  /** Scale a node pool to zero through the scale-set API. */
  | { readonly kind: "scale-to-zero"; readonly nodePool: string; }
  /** Upgrade the cluster's control plane. */
  | { readonly kind: "upgrade"; readonly kubernetesVersion: KubernetesVersion; }
  /** Close a vault's public network access, or set its firewall to deny by default. */
  | { readonly kind: "close-vault"; readonly keyVaultId: VaultId; }
  /** Keep trusted services of Azure out of a vault: set its `networkAcls.bypass` to None. */
  | { readonly kind: "deny-trusted-services"; readonly keyVaultId: VaultId; }
  /** Move the vault or the cluster to another tenant. */
  | { readonly kind: "move-tenant"; };

/** An API server that was heard. */
export interface ApiServer {
  /** Its id, as its metrics tell it. */
  readonly id: string;
  /** Hash of the key that it writes with; null: plaintext. */
  readonly keyIdHash: string | null;
}

/** Why a secret could not be rewritten. */
export type BlockedReason =
  /** A policy or webhook denies it. */
  | "denied"
  /** Today's validation rejects the stored object. */
  | "invalid"
  /** No API server can decrypt it. */
  | "unreadable"
  /** It exceeds a limit. */
  | "too-large"
  /** Its Namespace does not exist any more: it can be listed, read and deleted, not changed. */
  | "namespace-gone"
  /** The API server responded with an error. */
  | "error";

/** A secret that could not be rewritten. */
export interface BlockedSecret {
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
  /** Why. */
  readonly reason: BlockedReason;
  /** The API server's own words. */
  readonly message: string;
}

/**
 * `/subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerService/managedClusters/…`, as `az aks show
 * --query id` prints it.
 */
export type ClusterId = string;

/**
 * The key of a new cluster: the id of a key with its version; or for KMS data encryption `platform-managed`, or a
 * customer-managed key.
 */
export type ClusterKeySource = string | CustomerManagedKey;

/** The clusters of some subscriptions, and what of them could not be read. */
export interface ClusterList {
  /** By resource id. */
  readonly clusters: readonly ClusterSummary[];
  /** What could not be read: whether there are clusters with KMS in it is not known. Empty: all was read. */
  readonly unreadable: readonly UnreadableResource[];
}

/** A cluster in a list: what its document in Azure says of its KMS. */
export interface ClusterSummary {
  /** Its resource id, which `KmsManager` takes. */
  readonly id: ClusterId;
  /** Its name. */
  readonly name: string;
  /** Its resource group. */
  readonly resourceGroup: string;
  /** Its region. */
  readonly location: string;
  /** Its Kubernetes version. */
  readonly kubernetesVersion: KubernetesVersion;
  /** `provisioningState`, such as `Succeeded` or `Updating`. */
  readonly provisioningState: string;
  /** Whether secrets are encrypted with a key in a vault. */
  readonly enabled: boolean;
  /** The key that is configured; null when KMS is off, or when it is no key's id. */
  readonly keyId: KeyId | null;
  /** How the vault is reached; null when KMS is off. */
  readonly networkMode: NetworkMode | null;
  /** KMS v1 or v2; null when KMS is off. */
  readonly kmsVersion: KmsVersion | null;
  /** Which of the AKS experiences manages the key; null when secrets are not KMS-encrypted. */
  readonly experience: Experience | null;
}

/** How many secrets ended how. */
export interface Counts {
  /** All that were listed. */
  readonly total: number;
  /** Rewritten, by this pass or by another writer meanwhile. */
  readonly rewritten: number;
  /** Found to be under the key already. */
  readonly current: number;
  /** Deleted meanwhile. */
  readonly gone: number;
  /** Refused by the API server, one by one. */
  readonly blocked: number;
  /** No response after bounded retries. */
  readonly failed: number;
}

/** A key of yours for KMS data encryption. */
export interface CustomerManagedKey {
  /** The key without a version: `https://<vault host>/keys/<name>`. */
  readonly keyId: string;
  /** Resource id of its vault, in both network modes. */
  readonly keyVaultId: string;
  /** How AKS reaches the vault. Private: as a trusted service, past the vault's firewall. Default: public. */
  readonly networkMode?: NetworkMode | undefined;
}

/** How it is known with which key the API servers write. */
export type Evidence =
  /** Every live API server counted a write with the very key, and none with another. */
  | "metrics"
  /** Every live API server counted writes with one same key whose name cannot be computed. */
  | "metrics-unnamed"
  /** Only time passed: the API servers' metrics cannot be read. */
  | "weak"
  /** An earlier proof, recorded in the cluster, still stands. */
  | "ledger";

/** What API servers are expected to write secrets with. */
export type ExpectedKey = { readonly key: KeyId; } | { readonly anyVersion: KeyId; } | "platform" | "plaintext";

/** Who manages the key that secrets are encrypted with. */
export type Experience =
  /** KMS with a key of yours in your vault, which is named with its version. */
  | "key-vault"
  /** KMS data encryption, the newer experience, with a key of yours. */
  | "customer-managed"
  /** KMS data encryption, the newer experience, with a key of the platform's. */
  | "platform-managed";

/** A rule that does not hold, or could not be judged. */
export interface Finding {
  /** The rule. */
  readonly rule: RuleId;
  /** `block` refuses the operation, `warn` and `info` are only reported. */
  readonly level: Level;
  /** Whether naming the rule in `allow` lifts the refusal. */
  readonly overridable: boolean;
  /** Violated, or undetermined. */
  readonly state: FindingState;
  /** The resource it is about: a resource id, a key id, `namespace/name`, or a part of the cluster. */
  readonly resource: string;
  /** One sentence: what is the matter here. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
  /** Where the limitation is documented. */
  readonly url: string;
}

/** Why a finding was made. */
export type FindingState =
  /** The rule is violated. */
  | "violated"
  /** The facts could not be read. */
  | "undetermined";

/**
 * A snapshot of a running `Fleet`: sent when a wave or a cluster begins or ends, when a cluster has progress of
 * its own, and once more at the end with `finished` true.
 */
export interface FleetProgress {
  /** The verb. */
  readonly operation: Verb;
  /** The present wave, from 1; 0 before the first. */
  readonly wave: number;
  /** Number of waves; 0 as long as the clusters are looked for. */
  readonly waves: number;
  /** Clusters at work. */
  readonly atWork: number;
  /** How many clusters ended how so far; `notStarted` are those that are yet to come. */
  readonly totals: FleetTotals;
  /** The cluster that has begun, went on or ended; null: it is of the whole. */
  readonly cluster: ClusterId | null;
  /** Progress of that cluster; null when it begins or ends. */
  readonly progress: Progress | null;
  /** What came of that cluster; null until it ends. */
  readonly outcome: OperationOutcome | null;
  /** One line for people. */
  readonly message: string;
  /** True for the last snapshot of a run. */
  readonly finished: boolean;
}

/** What became of every cluster of a `Fleet`. */
export interface FleetReport {
  /** The verb. */
  readonly operation: Verb;
  /** Nothing was written because the caller asked for a dry run. */
  readonly dryRun: boolean;
  /** The age from which a key is due, in seconds, where the call was given one. */
  readonly whenOlderThanSeconds: number | null;
  /** What it was made with. */
  readonly versions: Versions;
  /** When the call began. */
  readonly startedAt: Date;
  /** When it ended. */
  readonly finishedAt: Date;
  /**
   * The clusters in their order: as they were named, else by resource id. They are begun in this order, but within
   * a wave those of a subscription that has more of them at work come later.
   */
  readonly clusters: readonly FleetRow[];
  /** How many clusters ended how. */
  readonly totals: FleetTotals;
  /**
   * Keys that no cluster of this run needs any more. Empty as long as one of them could not say which keys it
   * needs or is not proven to be under its key in use, or something is `unreadable`. No version of a key is among
   * them that a cluster is set to which the filter left out. Other clusters were not asked: `checkAction` asks
   * them, before a key is deleted. Each row names those that its own cluster no longer needs.
   */
  readonly removableKeys: readonly KeyId[];
  /** Subscriptions and clusters that could not be read: nothing was done there. */
  readonly unreadable: readonly UnreadableResource[];
  /** Why no more clusters were begun, or none was found; null: all were begun. */
  readonly stopped: string | null;
  /**
   * Whether every cluster was read and is as it was asked for: done, or not due yet. False for a dry run that
   * would do something.
   */
  readonly isComplete: boolean;
}

/** A cluster in a `FleetReport`. */
export interface FleetRow {
  /** The cluster. */
  readonly cluster: ClusterId;
  /** The wave that it belongs to, from 1. */
  readonly wave: number;
  /** What came of it. */
  readonly outcome: OperationOutcome;
  /** Whether the call proved that every secret of the cluster is under the key in use. */
  readonly proven: boolean;
  /** When it was begun; null: it was not. */
  readonly startedAt: Date | null;
  /** How long it took. */
  readonly seconds: number;
  /** The key that was in use before; null when KMS was off, and where the cluster was not read. */
  readonly previousKeyId: KeyId | null;
  /** The key in use; null when KMS is off, and where the cluster was not read. */
  readonly keyId: KeyId | null;
  /** When the version of the key in use was made, where this call has read it. */
  readonly keyCreatedAt: Date | null;
  /** Keys that this cluster no longer needs. Another one may. */
  readonly removableKeys: readonly KeyId[];
  /** The rules that refuse it; of `status` and where it is not due, also those that warn, and `key-age`. */
  readonly rules: readonly RuleId[];
  /** The code of the error, such as `operation_failed`; null: there was none. */
  readonly code: string | null;
  /** What the error says. */
  readonly message: string | null;
  /** The recorded operation, if one is unfinished. */
  readonly operationInProgress: OperationInProgress | null;
  /** How an unfinished operation is gone on with; null: none is. */
  readonly resume: string | null;
  /** The whole state, where the verb is `status`. */
  readonly status: KmsStatus | null;
}

/** How many clusters ended how. */
export interface FleetTotals {
  /** All of them. */
  readonly clusters: number;
  /** `done`. */
  readonly done: number;
  /** `not-due`. */
  readonly notDue: number;
  /** `planned`. */
  readonly planned: number;
  /** `refused`. */
  readonly refused: number;
  /** `unfinished`. */
  readonly unfinished: number;
  /** `failed`. */
  readonly failed: number;
  /** `not-started`. */
  readonly notStarted: number;
}

/**
 * `/subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…`, as `az
 * identity show --query id` prints it.
 */
export type IdentityId = string;

/** `https://<vault host>/keys/<name>/<version>`, as `az keyvault key show --query key.kid` prints it. */
export type KeyId = string;

/** The keys of a cluster, with the proof of each. */
export interface KeyLedger {
  /** The key in use. */
  readonly current: LedgerEntry | null;
  /** The key that an unfinished operation is changing to. */
  readonly pending: LedgerEntry | null;
  /** The key before the current one: the API servers can still read with it. */
  readonly previous: LedgerEntry | null;
  /** Keys before that. */
  readonly retired: readonly LedgerEntry[];
}

/** The key of KMS data encryption: the platform's, or a customer-managed one. */
export type KeySource = "platform-managed" | CustomerManagedKey;

/** A KMS profile to set. */
export type KmsChange = { readonly on: KmsConfiguration; } | { readonly customerManaged: KmsConfiguration; } | "platform_managed" | "off";

/** A key, and how the API servers reach its vault. */
export interface KmsConfiguration {
  /**
   * The key; without a version: the one that the operation makes, or, of a customer-managed key, the one that AKS
   * has taken up.
   */
  readonly keyId: KeyId;
  /** How its vault is reached. */
  readonly networkMode: NetworkMode;
  /** Its vault. Always there in private mode. */
  readonly keyVaultId?: VaultId;
}

/** The state of a cluster's KMS, as Azure and the cluster tell it. */
export interface KmsStatus {
  /** The cluster. */
  readonly cluster: ClusterId;
  /** Its region. */
  readonly location: string;
  /** Its Kubernetes version. */
  readonly kubernetesVersion: KubernetesVersion;
  /** `provisioningState`, such as `Succeeded` or `Updating`. */
  readonly provisioningState: string;
  /** `powerState.code`: `Running` or `Stopped`. */
  readonly powerState: string;
  /** Whether secrets are encrypted with a key in a vault. */
  readonly enabled: boolean;
  /** The key in use; null when KMS is off. */
  readonly keyId: KeyId | null;
  /** How the vault is reached; null when KMS is off. */
  readonly networkMode: NetworkMode | null;
  /** The vault's resource id, where the cluster names it (private mode). */
  readonly keyVaultId: VaultId | null;
  /** KMS v1 or v2; null when KMS is off. */
  readonly kmsVersion: KmsVersion | null;
  /** Which of the AKS experiences manages the key; null when secrets are not KMS-encrypted. */
  readonly experience: Experience | null;
  /**
   * The versions of a customer-managed key under which an API server has counted writes since it began, the newest
   * version first. Only `status` looks, at the metrics of the API server that responds: null in the reports of
   * other verbs, for another kind of key, and where versions or metrics cannot be read.
   */
  readonly keyVersionsSeen: readonly KeyId[] | null;
  /**
   * When the version of the key in use was made, by its vault; of a customer-managed key, the newest version that
   * the API servers are known to write with. Only `status` looks, and `rotate` with `whenOlderThan`: null in the
   * reports of other verbs, when KMS is off, for a key of the platform's, and where it cannot be read.
   */
  readonly keyCreatedAt: Date | null;
  /** When that version expires; null as `keyCreatedAt`, and where it does not expire. */
  readonly keyExpiresAt: Date | null;
  /** API Server VNet Integration is on. */
  readonly vnetIntegration: boolean;
  /** `identity.type` of the cluster, such as `UserAssigned`. */
  readonly identityType: string;
  /** The cluster's eTag. */
  readonly etag: string | null;
  /** What is wrong or will be. */
  readonly findings: readonly Finding[];
  /** The keys that the cluster used; null when there is no record. */
  readonly ledger: KeyLedger | null;
  /** The recorded operation, if one is going on. */
  readonly operationInProgress: OperationInProgress | null;
  /** Number of secrets; null when not asked for or not readable. */
  readonly secrets: SecretTotal | null;
}

/** KMS plugin API version. */
export type KmsVersion =
  /** Enabled on Kubernetes before 1.27. */
  | "v1"
  /** Enabled on Kubernetes 1.27 or later. */
  | "v2";

/** A version such as `1.33` or `1.33.3`. */
export type KubernetesVersion = string;

/** A key in the ledger. */
export interface LedgerEntry {
  /**
   * The key; null for one of the platform's, which has no name. A customer-managed key has the version that the
   * API servers were heard to write with, and none as long as they were not heard.
   */
  readonly keyId: KeyId | null;
  /** Which of the AKS experiences it was used by; null when not known. */
  readonly experience: Experience | null;
  /**
   * Hash under which the API servers count it in their metrics, where it cannot be computed from its id: always
   * for a key of the platform's. Absent as long as it was not learned.
   */
  readonly keyIdHash: string | null;
  /** When that hash was learned. */
  readonly keyIdHashSince: Date | null;
  /** When it came into use. */
  readonly since: Date | null;
  /** When every secret was proven to be under it. */
  readonly provenAt: Date | null;
  /** How that was proven. */
  readonly evidence: Evidence | null;
  /** Whether this cluster no longer needs it; never so of a key of the platform's, which nobody removes. */
  readonly removable: boolean;
  /** Why, or what is missing. */
  readonly reason: string;
}

/** How much a violated rule weighs. */
export type Level =
  /** Worth knowing. */
  | "info"
  /** Reported, not refused. */
  | "warn"
  /** Refused. */
  | "block";

/** How the API servers reach the key vault. */
export type NetworkMode =
  /** Over the vault's public endpoint. */
  | "public"
  /** Over a private endpoint that AKS makes. */
  | "private";

/** What `migrateToV2` does with the node pools. */
export type NodePools =
  /** They follow the control plane, after each of its upgrades. */
  | "upgrade"
  /** They stay at their version. */
  | "keep";

/** An operation that was recorded in the cluster. */
export interface OperationInProgress {
  /** Its id. */
  readonly id: string;
  /** The verb. */
  readonly operation: Verb;
  /** Who runs it. */
  readonly by: string;
  /** When it began. */
  readonly since: Date;
  /** The key that it is changing to. */
  readonly targetKeyId: KeyId | null;
}

/** What came of a call. */
export type OperationOutcome =
  /** What was asked for holds, whether this call made it so or it was so before. */
  | "done"
  /** The key in use is younger than `whenOlderThan`: nothing was done, and no secret was asked. */
  | "not-due"
  /** The dry run was told that it can be done. */
  | "planned"
  /** Rules refuse it, and nothing was changed: in a dry run, or in the report of an error. */
  | "refused"
  /** An operation is recorded in the cluster and not at its end: the same call, or `resume`, goes on with it. */
  | "unfinished"
  /** It ended with an error, and no operation is recorded. */
  | "failed"
  /** Only of a row of a fleet: the cluster was not begun, because of what came of others. */
  | "not-started";

/** What an operation did, or a dry run would do. */
export interface OperationReport {
  /** The verb. */
  readonly operation: Verb;
  /** The cluster. */
  readonly cluster: ClusterId;
  /** Nothing was written because the caller asked for a dry run. */
  readonly dryRun: boolean;
  /** What came of the call. */
  readonly outcome: OperationOutcome;
  /**
   * Who ran it, as the cluster's record and its Lease name it: the program, with machine and process. Absent where
   * nothing was to be recorded.
   */
  readonly by: string | null;
  /**
   * The operation's id in the record: a call that goes on with an operation has the id of the one that began it.
   * Absent where nothing was to be recorded.
   */
  readonly operationId: string | null;
  /** What it was made with. */
  readonly versions: Versions;
  /** When the call began. */
  readonly startedAt: Date;
  /** When it ended. */
  readonly finishedAt: Date;
  /** The cluster before. */
  readonly before: KmsStatus;
  /** The cluster after. */
  readonly after: KmsStatus;
  /** The steps, in order. */
  readonly plan: Steps;
  /** What became of the steps that were begun. */
  readonly steps: readonly StepReport[];
  /**
   * The rules that were judged: those of the catalogue that concern the verb. Of one that is not among the
   * findings, nothing was found. Empty where no plan was made.
   */
  readonly checked: readonly RuleId[];
  /** What the rules had to say. */
  readonly findings: readonly Finding[];
  /** Rules whose refusal the caller lifted, and that would have refused. */
  readonly allowed: readonly RuleId[];
  /** Each pass over the secrets. */
  readonly reencryption: readonly ReencryptReport[];
  /** The keys of the cluster afterwards; null when there is no record. */
  readonly ledger: KeyLedger | null;
  /**
   * Whether every secret of the cluster is proven to be under the expected key; false where no pass over the whole
   * cluster ran.
   */
  readonly isProven: boolean;
  /** Whether this is the report of a dry run of what would be refused. */
  readonly isRefused: boolean;
}

/** How hard the API server is pressed. */
export type Pace =
  /**
   * As many requests in flight as leave the API server's latency near what it is without them, `maxConcurrency` at
   * most; and etcd grows by no more than 1 GiB in ten minutes.
   */
  | "gentle"
  /** `maxConcurrency` requests in flight. */
  | "fast";

/** What an operation is doing. */
export type Phase =
  /** Reading cluster, vault, key, access and Kubernetes. */
  | "observe"
  /** Judging the rules and ordering the steps. */
  | "plan"
  /** Changing the managed cluster. */
  | "cluster"
  /** Changing the vault. */
  | "vault"
  /** Upgrading Kubernetes. */
  | "upgrade"
  /** Waiting until every API server writes with the expected key. */
  | "converge"
  /** Rewriting secrets. */
  | "reencrypt"
  /** Proving that nothing is left under another key. */
  | "verify"
  /** Keeping the operation's record. */
  | "record";

/**
 * A snapshot of a running operation: sent at most ten times a second, at each change of phase, and once more at
 * the end with `finished` true.
 */
export interface Progress {
  /** The verb. */
  readonly operation: Verb;
  /** What is being done. */
  readonly phase: Phase;
  /** Number of the present step, from 1; 0 before the first. */
  readonly step: number;
  /** Number of steps in the plan; 0 before it is made. */
  readonly steps: number;
  /** Secrets answered so far in this phase. */
  readonly done: number;
  /** Secrets to do in this phase, as far as known. */
  readonly total: number | null;
  /** Secrets a second, over the last few seconds. */
  readonly rate: number | null;
  /** Seconds to the end of this phase at that rate. */
  readonly etaSeconds: number | null;
  /** One line for people. */
  readonly message: string;
  /** True for the last snapshot of a run. */
  readonly finished: boolean;
}

/** A part of what a cluster with KMS needs. */
export type ProvisionPart =
  /** The user-assigned identity. */
  | "identity"
  /** The key vault. */
  | "key-vault"
  /** Purge protection of a vault that was there without. */
  | "purge-protection"
  /** The key, with its first version. */
  | "key"
  /** The identity's role on the vault to encrypt and decrypt with its keys. */
  | "key-role"
  /** The same as an access policy of the vault. */
  | "key-policy"
  /** The identity's role on the vault to approve private endpoint connections. */
  | "private-link-role"
  /**
   * The identity's role on the vault to read its keys through Resource Manager, by which AKS follows a
   * customer-managed key.
   */
  | "vault-read-role";

/** Something that is made. */
export interface ProvisionStep {
  /** What. */
  readonly part: ProvisionPart;
  /** Its resource id; of access, the vault's; of a key, the key id. */
  readonly resource: string;
  /** One readable line. */
  readonly summary: string;
  /** The `az` command that does the same. */
  readonly command: string;
}

/** Vault, key, identity and access of a cluster, as `provision` left them. */
export interface Provisioned {
  /** Nothing was written because the caller asked for a dry run. */
  readonly dryRun: boolean;
  /** The vault. */
  readonly keyVaultId: VaultId;
  /**
   * The key: its newest version, which `enable` takes; without a version where a dry run would make it. A
   * customer-managed key has none, as `setDataEncryption` takes it, with the vault and its network mode.
   */
  readonly keyId: KeyId;
  /** The identity, which a new cluster is to run as. */
  readonly identityId: IdentityId;
  /** Object id of the identity; null where a dry run would make it. */
  readonly identityPrincipalId: string | null;
  /** What was missing, in the order in which it is made. */
  readonly plan: readonly ProvisionStep[];
  /** What was made. Empty: all was there. */
  readonly created: readonly ProvisionStep[];
  /** What the rules have to say. */
  readonly findings: readonly Finding[];
  /** Rules whose refusal the caller lifted, and that would have refused. */
  readonly allowed: readonly RuleId[];
  /** Whether this is what a dry run of what would be refused gave. */
  readonly isRefused: boolean;
}

/** What a pass over the secrets was for. */
export type Purpose =
  /** Before the key changes: nothing may be left under an older one. */
  | "gate"
  /** After the key changed. */
  | "rewrite"
  /** Only to prove. */
  | "verify";

/** `Reencrypt`. */
export type Reencrypt = boolean | ReencryptOptions;

/** How secrets are rewritten. */
export interface ReencryptOptions {
  /** Requests in flight at most, 1 to 1024. Default: 64. */
  readonly maxConcurrency?: number | undefined;
  /** Requests a second at most. Default: no limit. */
  readonly maxRequestsPerSecond?: number | undefined;
  /**
   * Only these namespaces; a part of the cluster is never proof of the whole. Only for `reencryptSecrets`.
   * Default: all.
   */
  readonly namespaces?: readonly string[] | undefined;
  /** How hard to press the API server. Default: gentle. */
  readonly pace?: Pace | undefined;
}

/** A pass over the secrets of a cluster. */
export interface ReencryptReport {
  /** What it was for. */
  readonly purpose: Purpose;
  /** Which secrets. */
  readonly scope: Scope;
  /** How it is known with which key the API servers write. */
  readonly evidence: Evidence;
  /**
   * The cluster's resource version after which every write is under the key; once the pass is complete, also that
   * up to which everything was proven.
   */
  readonly watermark: string;
  /** The key; null: plaintext. */
  readonly keyId: string | null;
  /** How many secrets ended how. */
  readonly counts: Counts;
  /** The secrets that could not be rewritten, or be proven to be. */
  readonly blocked: readonly BlockedSecret[];
  /** Those of them that the caller gave up by name, as `namespace/name`. */
  readonly givenUp: readonly string[];
  /** True: every secret of the whole cluster is under the key, with evidence that is not weak. */
  readonly complete: boolean;
  /** When the pass began. */
  readonly startedAt: Date;
  /** When it ended. */
  readonly finishedAt: Date;
  /** How long it took. */
  readonly seconds: number;
  /** Secrets answered a second, over the time that rewriting took. */
  readonly secretsPerSecond: number;
  /** How many secrets were answered by when, in order: a few dozen points, however long the pass took. */
  readonly samples: readonly ReencryptSample[];
  /** Requests sent. */
  readonly requests: number;
  /** The API servers that were heard, with the key that each writes with. */
  readonly apiServers: readonly ApiServer[];
}

/** How far a pass was. */
export interface ReencryptSample {
  /** Seconds since the pass began. */
  readonly seconds: number;
  /** Secrets answered until then. */
  readonly done: number;
}

/** A documented limitation. */
export interface Rule {
  /** Its stable id. */
  readonly id: RuleId;
  /** What a violation does. */
  readonly level: Level;
  /** Whether naming the rule in `allow` lifts the refusal. */
  readonly overridable: boolean;
  /** The limitation, in one sentence. */
  readonly summary: string;
  /** What to do about a violation. */
  readonly remedy: string;
  /** Where it is documented; empty where it follows from how the service behaves. */
  readonly url: string;
  /** The verbs that it concerns. */
  readonly verbs: readonly Verb[];
}

/** The id of a rule: stable, the same in every language. */
export type RuleId =
  /** A key id is `https://<vault host>/keys/<name>/<version>`, with nothing before, between or behind. */
  | "key-id-malformed"
  /**
   * KMS etcd encryption needs a key id with a version; without one, AKS takes it for the newer experience, which
   * cannot be undone.
   */
  | "key-id-version-required"
  /** A customer-managed key of KMS data encryption is named without a version: AKS follows it to its newest one. */
  | "key-id-version-forbidden"
  /**
   * In private mode AKS needs the vault's resource id, to make a private endpoint for it; with a customer-managed
   * key it needs it in both modes.
   */
  | "key-vault-id-required"
  /**
   * A vault's resource id is
   * `/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.KeyVault/vaults/<vault>`.
   */
  | "key-vault-id-malformed"
  /** The key must lie in the vault that the resource id names. */
  | "key-vault-id-mismatch"
  /**
   * The key must lie in a vault of the chosen cloud; managed HSMs are not documented for KMS, and no token is sent
   * to another host.
   */
  | "key-vault-cloud-mismatch"
  /**
   * The key id must be the vault's own `kid`, character by character: the KMS plugin hashes and compares the
   * configured text; of a customer-managed key, the `kid` without its version.
   */
  | "key-id-not-canonical"
  /** KMS needs a user-assigned managed identity: it must have access to the key before KMS is turned on. */
  | "cluster-identity-system-assigned"
  /** The cluster's user-assigned identity must exist: it is what KMS and AKS itself reach the vault with. */
  | "cluster-identity-missing"
  /** KMS reaches the vault with the identity that the cluster runs as: access of another one is of no use to it. */
  | "identity-not-of-cluster"
  /** A cluster that exists is not made, and not changed into what was asked for. */
  | "cluster-exists"
  /** While another operation runs on the cluster or on a node pool, nothing is changed. */
  | "cluster-busy"
  /**
   * The last operation on the cluster failed or was aborted: it may have been a change of the key, which the next
   * update of any kind applies.
   */
  | "cluster-failed"
  /** A stopped cluster has no API server: neither KMS nor secrets can be changed. */
  | "cluster-stopped"
  /** KMS is on already, with another key, vault or network mode. */
  | "kms-already-enabled"
  /**
   * Turning KMS on below Kubernetes 1.27 gives KMS v1: at most 2,000 secrets, and no upgrade to 1.27 or later
   * until it is migrated.
   */
  | "kms-v1-on-enable"
  /** Key, network mode and version of KMS can be changed only while it is on. */
  | "kms-not-enabled"
  /**
   * While KMS is on, the network mode of the vault in use cannot change: KMS must be turned off and on again, with
   * all secrets rewritten in between.
   */
  | "vault-network-mode-locked"
  /**
   * A private vault needs API Server VNet Integration: without exception from Kubernetes 1.31 on, and below for
   * subscriptions that did not use Konnectivity for it before.
   */
  | "private-vault-needs-vnet-integration"
  /** KMS works over Konnectivity or API Server VNet Integration, and the cluster shows neither. */
  | "tunnel-unsupported"
  /** KMS v1 (Kubernetes below 1.27) supports at most 2,000 secrets in a cluster. */
  | "kms-v1-secret-limit"
  /** While KMS v1 is on, AKS refuses an upgrade to Kubernetes 1.27 or later. */
  | "kms-v1-upgrade-blocked"
  /** A cluster can be upgraded only along the versions that AKS offers for it. */
  | "upgrade-not-offered"
  /**
   * AKS offers to skip minor versions when the present one is out of support; what was deprecated in between is
   * then removed at once.
   */
  | "upgrade-skips-versions"
  /** Node pools must not fall further behind the control plane than Kubernetes allows. */
  | "node-pool-version-skew"
  /**
   * Quota, PodDisruptionBudgets and removed APIs can stop an upgrade, and secrets are not KMS-encrypted while it
   * lasts.
   */
  | "upgrade-may-fail"
  /**
   * The cluster uses the newer KMS data encryption, which cannot be turned off or back into KMS with a versioned
   * key; `provision` warns of it.
   */
  | "newer-experience-irreversible"
  /** KMS data encryption cannot be turned off, and there is no way back to KMS with a versioned key. */
  | "data-encryption-irreversible"
  /**
   * A change of KMS data encryption that did not succeed has no documented way back, and that its repetition keeps
   * what the API servers write with is not documented either.
   */
  | "data-encryption-retry"
  /** KMS data encryption needs Kubernetes 1.33 or later; `provision` warns of an earlier one. */
  | "data-encryption-version"
  /** From KMS v1 there is no move to KMS data encryption. */
  | "data-encryption-from-kms-v1"
  /**
   * KMS data encryption needs a managed identity: with a platform-managed key of either kind, with a
   * customer-managed one a user-assigned identity.
   */
  | "data-encryption-identity"
  /** KMS data encryption cannot be disabled. */
  | "data-encryption-cannot-disable"
  /**
   * The documentation calls KMS data encryption a preview: without a service level agreement, and meant for
   * trials.
   */
  | "data-encryption-preview"
  /**
   * The documentation asks for the feature KMSPMKPreview in the subscription; whether Azure still needs it is not
   * known.
   */
  | "preview-feature-unregistered"
  /**
   * The moves away from availability sets and from the Basic load balancer ask for KMS with a private vault to be
   * off, which KMS data encryption never is again.
   */
  | "blocks-older-migrations"
  /** How the vault of a customer-managed key is reached is not documented to be changed while the key is in use. */
  | "data-encryption-mode-change"
  /**
   * A customer-managed key is not documented to be changed to another key or vault, only to its own newer
   * versions.
   */
  | "data-encryption-key-change"
  /**
   * Another tool changed data encryption: az, Terraform that sends `enabled = false` or a versioned key, or a
   * request that leaves the profile out, as every client does whose api-version is before 2026-07-01.
   */
  | "data-encryption-changed-by-others"
  /**
   * In a private cluster with VNet integration, network security groups must let the API server reach the vault's
   * private endpoint on TCP 443, which cannot be seen from outside.
   */
  | "private-endpoint-nsg"
  /** The key's vault must exist. */
  | "vault-not-found"
  /** The key's vault was deleted; until it is purged it can be recovered with its keys. */
  | "vault-soft-deleted"
  /** The vault must be in the tenant of the cluster's identity. */
  | "vault-other-tenant"
  /** In public mode the vault's firewall must not deny by default: it would block the KMS plugin. */
  | "vault-firewall"
  /** In public mode the vault's public network access must be enabled: the KMS plugin has no other way to it. */
  | "vault-public-access-disabled"
  /** Without soft delete and purge protection, a purged key makes the cluster's secrets unrecoverable. */
  | "vault-purge-protection-off"
  /** The key and its version must exist in the vault. */
  | "key-not-found"
  /** The key was deleted; until it is purged it can be recovered with all its versions. */
  | "key-soft-deleted"
  /** The key version must be enabled: a disabled one neither encrypts nor decrypts. */
  | "key-disabled"
  /** The key version must not have expired: an expired one does not encrypt, and API servers stop working with it. */
  | "key-expired"
  /** The key version must be valid now: before its activation date it cannot be used. */
  | "key-not-yet-valid"
  /** The key version expires within 30 days; when it does, API servers stop working. */
  | "key-expires-soon"
  /**
   * The key in use is to be no older than when_older_than says; how old it is, the creation time of its version
   * tells.
   */
  | "key-age"
  /** The key must be an RSA key, in software or in an HSM. */
  | "key-type-unsupported"
  /** The key's permitted operations must include encrypt and decrypt. */
  | "key-ops-missing"
  /** In a vault with access policies, the cluster's identity needs the key permissions encrypt and decrypt. */
  | "access-policy-missing"
  /**
   * In a vault with role-based access, the cluster's identity needs a role that may encrypt and decrypt with the
   * key.
   */
  | "access-role-missing"
  /** Key Vault Crypto Service Encryption User may only wrap and unwrap; AKS needs encrypt and decrypt. */
  | "access-role-wrong"
  /**
   * AKS uses two keys at a time: the previous one must stay usable until the next rotation, or API servers can go
   * down; the key in use becomes the previous one when the key is changed.
   */
  | "previous-key-unusable"
  /** To make a new key version, the vault must be in reach of this machine, and let it list, read and create keys. */
  | "vault-data-plane-unreachable"
  /**
   * In private mode a closed vault is reached only through an approved private endpoint connection from the
   * cluster's node resource group.
   */
  | "private-endpoint-not-approved"
  /** Closing the vault's public access closes it for everything else that uses the vault. */
  | "vault-shared"
  /** Without diagnostic settings on the vault, no log of encryption and decryption is kept. */
  | "vault-diagnostics-off"
  /**
   * In private mode the cluster's identity needs Key Vault Contributor on the vault, to approve the private
   * endpoint connection.
   */
  | "private-link-role-missing"
  /** The name of a key vault is unique in all of Azure, also for as long as a deleted one can be recovered. */
  | "vault-name-taken"
  /**
   * Keys are not supported to be made or changed in a vault that is closed to the public and has no private
   * endpoint.
   */
  | "key-in-closed-vault"
  /**
   * AKS reaches the closed vault of a customer-managed key as a trusted service of Azure, past the vault's
   * firewall.
   */
  | "trusted-services-off"
  /**
   * In private mode the vault is meant to be closed to the public; open, it works as well, for everybody on the
   * internet who has a token.
   */
  | "vault-not-private"
  /**
   * Trusted services do not pass a network security perimeter as they pass a vault's firewall: whether AKS gets to
   * a customer-managed key in one is not known.
   */
  | "vault-network-perimeter"
  /**
   * AKS reaches a customer-managed key without private endpoints: one of the vault is used by others, or left over
   * from KMS with a versioned key.
   */
  | "private-endpoint-unused"
  /**
   * To follow a customer-managed key to its newest version, the cluster's identity needs a role that may read the
   * vault's keys through Resource Manager; how AKS does without in public mode is not documented.
   */
  | "vault-read-role-missing"
  /** A customer-managed key is named without a version, which means its newest: that one must be enabled and valid. */
  | "newest-version-unusable"
  /**
   * Secrets may be under an older version of a customer-managed key until they are proven to be under a newer one,
   * and until then that version must work.
   */
  | "older-version-unusable"
  /**
   * Before another version of a customer-managed key is made, the API servers must have been heard to write with
   * the newest one: what becomes of two new versions at once is not documented.
   */
  | "newest-version-unproven"
  /**
   * When a version of a customer-managed key expires that is in use, API servers stop working; a rotation policy
   * that ends new versions makes that certain to come.
   */
  | "key-rotation-expiry"
  /** The Kubernetes API that is used must be this cluster's own. */
  | "kubernetes-cluster-mismatch"
  /** Secrets can be rewritten and proven only where the cluster's API server can be reached. */
  | "kubernetes-unreachable"
  /**
   * Rewriting secrets needs list and patch on them, list on namespaces, and in the state namespace the canary
   * Secret and, unless there is no journal, ConfigMap and Lease aks-kms and Secret aks-kms-seal; `status` tells
   * less where a right to read is missing, which is a warning.
   */
  | "kubernetes-permission-missing"
  /**
   * A record without a valid seal is not believed: somebody else may have written it, so nothing is known of
   * earlier keys, proofs and operations.
   */
  | "record-unsealed"
  /**
   * An admission webhook or policy denies updates of a secret, even those that change nothing: it could not be
   * rewritten, also not by AKS itself after a change of data encryption, before which this refuses.
   */
  | "secret-updates-denied"
  /**
   * A secret that no key of the API servers decrypts is unreadable, and keeps an API server that restarts from
   * getting ready.
   */
  | "secrets-unreadable"
  /**
   * Until every secret is proven to be under the key in use, keys from before may be needed, and a change of the
   * key by other means than this library can make secrets unreadable.
   */
  | "secrets-unproven"
  /**
   * What was proven, and which keys are still needed, is in the record in the cluster; while it cannot be read,
   * nothing is known to be proven and no key may be removed.
   */
  | "record-unreadable"
  /**
   * Before the key changes, every secret must be proven to be under the current one: what is left under an older
   * key becomes unreadable for good.
   */
  | "previous-key-still-needed"
  /**
   * Which key the API servers write with can be seen only in their metrics, where KMS v1 names no keys; without
   * that, no gate proves anything.
   */
  | "key-in-use-unproven"
  /**
   * Without the API server no secret can be asked and the record of the keys cannot be read, so only a rollback to
   * the key before the current one is safe, if it is that.
   */
  | "rollback-unproven"
  /** Each rewrite adds a revision to etcd that lives up to ten minutes; more than 1 GiB of them can fill it. */
  | "etcd-growth"
  /** The new key is one that this cluster used before, so that its age and exposure go on counting. */
  | "key-reused"
  /** While KMS is off between disable and enable, secrets in etcd are not encrypted with your key. */
  | "secrets-not-kms-encrypted-meanwhile"
  /**
   * A key that is current, pending or previous, or that was the last one before KMS was turned off, must not be
   * deleted, purged, disabled or expired.
   */
  | "key-still-needed"
  /** A vault that holds a key which the cluster still needs must not be deleted. */
  | "vault-still-needed"
  /** The cluster's identity must not be deleted while a key is needed, also after KMS was turned off. */
  | "identity-still-needed"
  /**
   * The identity's access to a key must not be removed while the cluster needs the key, also after KMS was turned
   * off.
   */
  | "access-still-needed"
  /** A cluster with KMS and a private vault but without API Server VNet Integration cannot be stopped and started. */
  | "stop-with-private-vault"
  /** With KMS on, scaling the nodes to zero through the scale-set API takes the cluster down for good. */
  | "scale-to-zero"
  /**
   * A vault that a needed key is used from in public mode must keep its public network access and an open
   * firewall.
   */
  | "vault-closing-in-public-use"
  /**
   * A vault that a needed customer-managed key is used from in private mode must let trusted services of Azure in:
   * AKS has no other way to it.
   */
  | "trusted-services-still-needed"
  /** Neither the vault nor the cluster can move to another tenant while a key is needed. */
  | "tenant-move";

/** Which secrets a pass went over. */
export interface Scope {
  /** Only these namespaces; absent: the whole cluster. */
  readonly namespaces?: readonly string[];
}

/** Number of secrets in a cluster. */
export interface SecretTotal {
  /** All secrets of all namespaces. */
  readonly total: number;
}

/** One step of a plan: *ensure that something holds*. Performing it twice does no harm. */
export type Step =
  /** The operation is recorded in the cluster, and this run holds the cluster's Lease. */
  | { readonly kind: "record_operation"; readonly summary: string; }
  /** There is the cluster, with this KMS profile from the start. */
  | { readonly kind: "create_cluster"; readonly target: KmsChange; readonly summary: string; }
  /** The key has a version that was made for this operation. */
  | { readonly kind: "create_key_version"; readonly keyId: KeyId; readonly summary: string; }
  /** The cluster's KMS profile is this, and its provisioning state is Succeeded. */
  | { readonly kind: "set_kms"; readonly target: KmsChange; readonly summary: string; }
  /**
   * The cluster is set to the key that its API servers were found to write with, and its provisioning state is
   * Succeeded.
   */
  | { readonly kind: "settle"; readonly summary: string; }
  /** Every API server writes with this key. */
  | { readonly kind: "wait_for_key"; readonly expected: ExpectedKey; readonly summary: string; }
  /** AKS has taken up this version of the customer-managed key, and every API server writes with it. */
  | { readonly kind: "wait_for_key_version"; readonly keyId: KeyId; readonly summary: string; }
  /** Every API server writes with the key, every secret in scope is under it, and that is proven. */
  | { readonly kind: "reencrypt_secrets"; readonly purpose: Purpose; readonly expected?: ExpectedKey; readonly namespaces?: readonly string[]; readonly summary: string; }
  /** Every secret is compared with the proof that is recorded. */
  | { readonly kind: "verify_secrets"; readonly summary: string; }
  /** The control plane is at this Kubernetes version, or a later one. */
  | { readonly kind: "upgrade_control_plane"; readonly version: KubernetesVersion; readonly summary: string; }
  /** Every node pool is at the control plane's version. */
  | { readonly kind: "upgrade_node_pools"; readonly version: KubernetesVersion; readonly summary: string; }
  /** The vault's public network access is enabled, or disabled. */
  | { readonly kind: "set_vault_public_access"; readonly keyVaultId: VaultId; readonly enabled: boolean; readonly summary: string; }
  /** The cluster's keys and their proof are recorded, and the operation no longer is. */
  | { readonly kind: "record_key"; readonly summary: string; };

/** What became of a step. */
export type StepOutcome =
  /** It did not hold and was made to hold. */
  | "done"
  /** It held already. */
  | "already-done"
  /** It was not needed. */
  | "skipped";

/** What became of a step. */
export interface StepReport {
  /** The step. */
  readonly step: Step;
  /** What became of it. */
  readonly outcome: StepOutcome;
  /** When it began. */
  readonly startedAt: Date;
  /** How long it took. */
  readonly seconds: number;
}

/** The steps of a plan, in order. Prints as a numbered list, one step a line. */
export type Steps = readonly Step[];

/** A subscription or a cluster that could not be read. */
export interface UnreadableResource {
  /** Its resource id. */
  readonly resource: string;
  /** The code that an error for it alone would have, such as `forbidden`. */
  readonly code: string;
  /** Why, in a sentence. */
  readonly message: string;
}

/** What `changeNetworkMode` does with the vault's public network access. */
export type VaultAccess =
  /** It is closed once the private way is proven, and opened before the public way is taken. */
  | "change"
  /** It is left to its owner. */
  | "keep";

/** How a key vault decides who may do what with its keys. */
export type VaultAuthorization =
  /** By Azure roles. */
  | "rbac"
  /** By the access policies that the vault itself has. */
  | "access-policy";

/**
 * `/subscriptions/…/resourceGroups/…/providers/Microsoft.KeyVault/vaults/…`, as `az keyvault show --query id`
 * prints it.
 */
export type VaultId = string;

/** A verb. It has the same name everywhere: methods, reports, docs, conformance cases. */
export type Verb =
  /** Turn KMS on and rewrite all secrets. */
  | "enable"
  /** Change the key. */
  | "rotate"
  /** Turn KMS off. */
  | "disable"
  /** Move the vault in use between public and private access. */
  | "change_network_mode"
  /** Move from KMS v1 to v2. */
  | "migrate_to_v2"
  /** Move to KMS data encryption, the newer experience, or between its keys. */
  | "set_data_encryption"
  /** Rewrite secrets under the key in use. */
  | "reencrypt_secrets"
  /** Prove that no secret is under another key. */
  | "verify_secrets"
  /** Go on with the recorded operation. */
  | "resume"
  /** Drop the recorded operation. */
  | "abandon"
  /** Read the present state. */
  | "status"
  /** Judge something that is about to be done elsewhere. */
  | "check_action"
  /** Make vault, key, identity and access. */
  | "provision"
  /** Make a cluster with KMS on. */
  | "create_cluster";

/** What a report was made with. */
export interface Versions {
  /** Version of this library. */
  readonly aksKms: string;
  /** The api-version by which managed clusters were read and changed. */
  readonly apiVersion: string;
}
