// The verbs of a manager, with their options.
//
// Generated from bindings/schema.json by `bindings-node/generate.mjs`: change it there.

import { Caller } from "../caller.js";
import type { CallOptions } from "../caller.js";
import type { Action, ClusterKeySource, Experience, Finding, KeySource, KmsStatus, KubernetesVersion, NetworkMode, NodePools, OperationReport, Pace, Progress, Provisioned, Reencrypt, RuleId, VaultAccess, VaultAuthorization } from "./results.js";

/** The options of every verb that tells how far it is. */
export interface ProgressOptions extends CallOptions {
  /**
   * Is called with each snapshot of the work, at most ten times a second and at each change of phase. Default:
   * none. What it throws is reported as a process warning, and stops nothing.
   */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** The options of every verb that may take long. */
export interface RunOptions extends ProgressOptions {
  /** Return plan and findings, write nothing. Default: false. */
  readonly dryRun?: boolean | undefined;
  /** Rules whose refusal is lifted, where they are overridable. Default: none. */
  readonly allow?: readonly RuleId[] | undefined;
  /**
   * Secrets as `namespace/name` that may stay blocked without failing the operation; they can become unreadable.
   * Names that are not blocked are ignored. Default: none.
   */
  readonly giveUpSecrets?: readonly string[] | undefined;
  /** Time limit of the whole operation. Default: 2 hours. In seconds. */
  readonly timeout?: number | undefined;
}

/** Options of `provision`. */
export interface ProvisionOptions extends ProgressOptions {
  /** Rules whose refusal is lifted, where they are overridable. Default: none. */
  readonly allow?: readonly RuleId[] | undefined;
  /** How a vault that is made decides who may use its keys. Default: rbac. */
  readonly authorization?: VaultAuthorization | undefined;
  /** Return what would be made, write nothing. Default: false. */
  readonly dryRun?: boolean | undefined;
  /**
   * What the key is for. key-vault: `enable`, which takes it with its version. customer-managed:
   * `setDataEncryption`, which takes it without one; the identity gets the role Key Vault Reader, too. For
   * platform-managed nothing is to be made, so it is refused. Default: key-vault.
   */
  readonly experience?: Experience | undefined;
  /**
   * The user-assigned identity: a name, for one in the cluster's resource group, or a resource id. Default: the
   * one that the cluster runs as; where there is none, `<cluster>-identity`.
   */
  readonly identity?: string | undefined;
  /**
   * The key: a name, or a key id. A key id also names its vault, in the cluster's resource group unless `keyVault`
   * says where; and with a version, which a customer-managed key must not have, it is a key that must be there.
   * Default: `etcd`.
   */
  readonly key?: string | undefined;
  /** How long a key that is made is valid, from now on; it must be rotated before. Default: for ever. In seconds. */
  readonly keyExpiresIn?: number | undefined;
  /** Bits of an RSA key that is made: 2048, 3072 or 4096. Default: 2048. */
  readonly keySize?: number | undefined;
  /**
   * The vault: a name, for a vault in the cluster's resource group, or a resource id. Default: a name that belongs
   * to this cluster alone, `kms-` and 16 hexadecimal digits.
   */
  readonly keyVault?: string | undefined;
  /**
   * Azure region of what is made. Default: the cluster's, or that of the resource group where there is no cluster
   * yet.
   */
  readonly location?: string | undefined;
  /**
   * How the API servers are to reach the vault. For private access a vault that is made is closed to the public,
   * and the identity may approve private endpoint connections; of a customer-managed key instead, trusted services
   * of Azure pass its firewall. Default: public.
   */
  readonly networkMode?: NetworkMode | undefined;
  /**
   * Purge protection, which cannot be turned off again. Default: a vault that is made has it, one that is there
   * keeps what it has. True: one that is there gets it too. False: a vault is made without.
   */
  readonly purgeProtection?: boolean | undefined;
  /** Time limit of the whole call. Default: 2 hours. In seconds. */
  readonly timeout?: number | undefined;
}

/** Options of `createCluster`. */
export interface CreateClusterOptions extends RunOptions {
  /** Resource id of the user-assigned identity that the cluster runs as. Default: the one in `body`. */
  readonly identityId?: string | undefined;
  /**
   * Resource id of the vault of a key with a version. Required in private mode; helps to find the vault in public
   * mode. Of a customer-managed key it is named with the key.
   */
  readonly keyVaultId?: string | undefined;
  /**
   * How the API servers reach the vault of a key with a version; of a customer-managed key it is named with the
   * key. Default: public.
   */
  readonly networkMode?: NetworkMode | undefined;
  /** Whether secrets are rewritten and proven afterwards. Default: yes. */
  readonly reencrypt?: Reencrypt | undefined;
}

/** Options of `enable`. */
export interface EnableOptions extends RunOptions {
  /** Resource id of the key's vault. Required in private mode; helps to find the vault in public mode. */
  readonly keyVaultId?: string | undefined;
  /** How the API servers reach the vault. Default: public. */
  readonly networkMode?: NetworkMode | undefined;
  /** Whether secrets are rewritten afterwards. Default: yes. */
  readonly reencrypt?: Reencrypt | undefined;
}

/** Options of `rotate`. */
export interface RotateOptions extends RunOptions {
  /**
   * Resource id of the key's vault. Default: the vault in use, if the key is in it. Required in private mode for
   * another vault.
   */
  readonly keyVaultId?: string | undefined;
  /** How the API servers reach the key's vault. Default: as they reach the one in use. */
  readonly networkMode?: NetworkMode | undefined;
  /** Whether secrets are rewritten afterwards. Default: yes. */
  readonly reencrypt?: Reencrypt | undefined;
  /**
   * Of a customer-managed key: whether to wait until AKS has taken up the new version, 7 hours at most, which are
   * not part of `timeout`. Without, the operation stays recorded, and the same call or `resume` goes on with it.
   * Default: yes.
   */
  readonly wait?: boolean | undefined;
  /**
   * Only if the key in use is at least so old, by the creation time of its version in the vault and Azure's own
   * clock; else nothing is done, and the report's `outcome` is `not-due`. So the same call may be made every day.
   * An operation that is unfinished is gone on with however young its key is; where the age cannot be told, the
   * call is refused. With a key id, that key is set once the one in use is so old. An hour at least. Needs a
   * journal. Default: always. In seconds.
   */
  readonly whenOlderThan?: number | undefined;
}

/** Options of `disable`. */
export interface DisableOptions extends RunOptions {
  /** Whether secrets are rewritten to plaintext afterwards. Default: yes. */
  readonly reencrypt?: Reencrypt | undefined;
}

/** Options of `changeNetworkMode`. */
export interface ChangeNetworkModeOptions extends RunOptions {
  /** How secrets are rewritten; that they are cannot be skipped. */
  readonly reencrypt?: Reencrypt | undefined;
  /** Whether the vault's public network access is changed too. Default: change. */
  readonly vaultAccess?: VaultAccess | undefined;
}

/** Options of `migrateToV2`. */
export interface MigrateToV2Options extends RunOptions {
  /**
   * The Kubernetes version to end at, 1.27 or later; without a patch the lowest that is offered. Default: the
   * first one on the way that has KMS v2.
   */
  readonly kubernetesVersion?: KubernetesVersion | undefined;
  /** Whether the node pools are upgraded too. Default: yes. */
  readonly nodePools?: NodePools | undefined;
  /** How secrets are rewritten; that they are cannot be skipped. */
  readonly reencrypt?: Reencrypt | undefined;
}

/** Options of `setDataEncryption`. */
export interface SetDataEncryptionOptions extends RunOptions {
  /**
   * Whether secrets are rewritten and proven afterwards. AKS rewrites them by itself, and does not say when it is
   * done. Default: yes.
   */
  readonly reencrypt?: Reencrypt | undefined;
}

/** Options of `reencryptSecrets`. */
export interface ReencryptSecretsOptions extends RunOptions {
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

/** Options of `verifySecrets`. */
export interface VerifySecretsOptions extends RunOptions {
  /** Only these namespaces. Default: all. */
  readonly namespaces?: readonly string[] | undefined;
}

/** Options of `status`. */
export interface StatusOptions extends CallOptions {
  /** Also count the secrets. Default: false. */
  readonly secrets?: boolean | undefined;
  /** Report the rule `key-age` where the key in use is at least so old. Default: never. In seconds. */
  readonly whenOlderThan?: number | undefined;
}

/** Options of `checkAction`. */
export type CheckActionOptions = CallOptions;

/** Options of `resume`. */
export interface ResumeOptions extends RunOptions {
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
  /** As of `rotate`. Default: yes. */
  readonly wait?: boolean | undefined;
}

/** Options of `abandon`. */
export type AbandonOptions = CallOptions;

/** The verbs of a manager. */
export abstract class Verbs extends Caller {
  /**
   * Makes what must be there before KMS is turned on: vault, key, identity and access.
   *
   * The cluster itself may be there or not; it is not changed. What is there is taken as it is: nothing is written
   * over, an existing key gets no new version, an existing vault keeps its settings. A second call makes nothing,
   * and an interrupted one is gone on with by the same call. Everything is made through Resource Manager, so that
   * no right inside the vault and no network path to it is needed. Azure does not tell when a role has reached a
   * vault, so after giving one it waits 5 minutes.
   *
   * With the experience `customer-managed` the key is for `setDataEncryption`: it is named without a version, the
   * identity gets a role by which AKS follows it to its newest one, and for private access the vault lets trusted
   * services of Azure in, without private endpoints.
   *
   * See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption> and
   * <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
   *
   * @param options What else is asked for.
   * @returns What is there, and what was or with `dryRun` would be made.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  provision(options?: ProvisionOptions): Promise<Provisioned> {
    return this.call("provision", [], options);
  }

  /**
   * Makes the cluster with KMS on from the start, and proves every secret of it.
   *
   * A cluster that exists is never changed: one with this identity, key and network mode is waited for and proven,
   * any other one is refused. So an interrupted call is gone on with by the same call. In the report, the
   * provisioning state before is `NotCreated`.
   *
   * With a key of data encryption, which cannot be turned off, name `data-encryption-irreversible` in `allow`; it
   * needs Kubernetes 1.33 or later. A call that finds a cluster with a platform-managed key, and has not made it,
   * cannot tell its key from another, and says so as `key-in-use-unproven`.
   *
   * See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption> and
   * <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
   *
   * @param body The cluster as the Azure REST API takes it; identity and KMS profile are put into it.
   * @param keySource The key: the id of one with its version, `https://<vault host>/keys/<name>/<version>`; or for
   * KMS data encryption `platform-managed`, or a customer-managed key without a version.
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  createCluster(body: Readonly<Record<string, unknown>>, keySource: ClusterKeySource, options?: CreateClusterOptions): Promise<OperationReport> {
    return this.call("create_cluster", [body, keySource], options);
  }

  /**
   * Turns KMS on with a key, rewrites every secret under it and proves it.
   *
   * Before the first write it checks every documented limitation. Already on with this key: the cluster is not
   * changed, but secrets that an unfinished run left behind are rewritten, and all are verified.
   *
   * See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param keyId The key: `https://<vault host>/keys/<name>/<version>`.
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  enable(keyId: string, options?: EnableOptions): Promise<OperationReport> {
    return this.call("enable", [keyId], options);
  }

  /**
   * Changes the key, rewrites every secret under the new one and proves it.
   *
   * Before the change, every secret is proven to be under the key in use: AKS reads with two keys only, and what
   * is left under a third is lost. A key in another vault, reached in another mode, is allowed. Already on with
   * this key: nothing is set, all secrets are verified. From an unusable new key, `rotate` to the previous key
   * rolls back, without asking the secrets first.
   *
   * See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param keyId The new key. Default: a new version of the key in use is made first, once for each operation.
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  rotate(keyId: string | undefined, options?: RotateOptions): Promise<OperationReport>;
  /**
   * Changes the key, rewrites every secret under the new one and proves it.
   *
   * Before the change, every secret is proven to be under the key in use: AKS reads with two keys only, and what
   * is left under a third is lost. A key in another vault, reached in another mode, is allowed. Already on with
   * this key: nothing is set, all secrets are verified. From an unusable new key, `rotate` to the previous key
   * rolls back, without asking the secrets first.
   *
   * See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  rotate(options?: RotateOptions): Promise<OperationReport>;
  rotate(first?: unknown, options?: unknown): Promise<OperationReport> {
    if (typeof first === "object" && first !== null && options === undefined) return this.call("rotate", [undefined], first);
    return this.call("rotate", [first], options);
  }

  /**
   * Turns KMS off, rewrites every secret to plaintext and proves it.
   *
   * The last key must be kept, and so must the identity and its access to it: backups of etcd may hold secrets
   * under it. Already off: nothing is set, but secrets that are left under a key are rewritten, and all are
   * verified.
   *
   * See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  disable(options?: DisableOptions): Promise<OperationReport> {
    return this.call("disable", [], options);
  }

  /**
   * Moves the vault in use between public and private access.
   *
   * While KMS is on, the mode of the vault in use cannot change: KMS is turned off, every secret is rewritten to
   * plaintext, KMS is turned on in the other mode, and every secret is rewritten under the key again; each of
   * these is proven before the next. Meanwhile secrets are not encrypted with your key. The vault's public network
   * access is opened before the public way is taken, and closed only after the private way is proven. To reach
   * another vault in another mode, `rotate` directly.
   *
   * See <https://learn.microsoft.com/azure/aks/update-kms-key-vault#update-a-key-vault-mode>.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param networkMode How the API servers are to reach the vault.
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  changeNetworkMode(networkMode: NetworkMode, options?: ChangeNetworkModeOptions): Promise<OperationReport> {
    return this.call("change_network_mode", [networkMode], options);
  }

  /**
   * Moves a cluster from KMS v1 to KMS v2, which has no limit of 2,000 secrets.
   *
   * KMS is turned off and every secret rewritten to plaintext; the cluster is upgraded along the versions that AKS
   * offers until it is at 1.27 or later (or at the version asked for); then KMS is turned on with the same key in
   * the same mode, and every secret rewritten under it. Each of these is proven before the next. Metrics do not
   * show the keys of KMS v1, so the gate cannot prove which one is in use: name `key-in-use-unproven` in `allow`.
   *
   * See <https://learn.microsoft.com/azure/aks/use-kms-v2#migrate-to-kms-v2>.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  migrateToV2(options?: MigrateToV2Options): Promise<OperationReport> {
    return this.call("migrate_to_v2", [], options);
  }

  /**
   * Moves a cluster to KMS data encryption, or between its keys; rewrites every secret and proves it.
   *
   * AKS then looks after the key and the secrets by itself: with a key of the platform's, or with a
   * customer-managed one, which it follows to its newest version. It cannot be turned off, and there is no way
   * back to KMS with a versioned key: name `data-encryption-irreversible` in `allow`. Before the change, every
   * secret is proven to be under what the cluster has. AKS rewrites the secrets by itself, and says nothing of it:
   * the rewrite here is the proof, and until it is complete no key from before is called removable.
   *
   * On this key already: nothing is set, all secrets are verified. Needs Kubernetes 1.33 or later.
   *
   * See <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param keySource The key: `platform-managed`, or a customer-managed key without a version.
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  setDataEncryption(keySource: KeySource, options?: SetDataEncryptionOptions): Promise<OperationReport> {
    return this.call("set_data_encryption", [keySource], options);
  }

  /**
   * Rewrites secrets under the key in use, and proves it: the storage migration.
   *
   * The cluster's configuration is not changed. Secrets that are under the key already are not written. With
   * `namespaces` it covers a part of the cluster, which is never proof of the whole.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  reencryptSecrets(options?: ReencryptSecretsOptions): Promise<OperationReport> {
    return this.call("reencrypt_secrets", [], options);
  }

  /**
   * Proves, without writing, that no secret is under another key than the one in use.
   *
   * It compares every secret with the proof that an earlier operation recorded. Without such a proof, and below
   * Kubernetes 1.34, it cannot tell; `reencryptSecrets`, which writes nothing to secrets that are under the key
   * already, can.
   *
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  verifySecrets(options?: VerifySecretsOptions): Promise<OperationReport> {
    return this.call("verify_secrets", [], options);
  }

  /**
   * Reads the present state, and says what is wrong or will be.
   *
   * It takes two minutes at most. An API server that cannot be reached is a finding.
   *
   * @param options What else is asked for.
   * @returns The state of the cluster's KMS.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  status(options?: StatusOptions): Promise<KmsStatus> {
    return this.call("status", [], options);
  }

  /**
   * What stands against something that is about to be done elsewhere; empty: nothing.
   *
   * @param action What is about to be done.
   * @param options What else is asked for.
   * @returns A finding for each rule that stands against it; none: nothing does.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  checkAction(action: Action, options?: CheckActionOptions): Promise<readonly Finding[]> {
    return this.call("check_action", [action], options);
  }

  /**
   * Goes on with the operation that is recorded in the cluster, whoever began it.
   *
   * Its plan is made anew from what is observed. Nothing recorded: nothing is done, and the report has no steps.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  resume(options?: ResumeOptions): Promise<OperationReport> {
    return this.call("resume", [], options);
  }

  /**
   * Drops the recorded operation.
   *
   * The cluster stays as it is, which the report says; a key that the operation was changing to stays in the
   * ledger as one that may still be needed.
   *
   * Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.
   *
   * @param options What else is asked for.
   * @returns What was done, or with `dryRun` would be done.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  abandon(options?: AbandonOptions): Promise<OperationReport> {
    return this.call("abandon", [], options);
  }
}
