// The verbs of a fleet, with their options.
//
// Generated from bindings/schema.json by `bindings-node/generate.mjs`: change it there.

import type { CallOptions } from "../caller.js";
import { FleetCaller } from "../fleet-caller.js";
import type { PerCluster } from "../per-cluster.js";
import type { FleetProgress, FleetReport, KeySource, NetworkMode, Pace, Reencrypt, RuleId } from "./results.js";

/** The options of every verb of a fleet: how its clusters are gone through. */
export interface FleetRunOptions extends CallOptions {
  /** Plan and findings of each cluster, nothing is written. Default: false. */
  readonly dryRun?: boolean | undefined;
  /** Clusters at work at the same time, 1 to 256. Default: 8; 32 where nothing is written. */
  readonly maxClusters?: number | undefined;
  /**
   * After so many clusters that failed, were refused or are unfinished, no other one is begun; those at work come
   * to their end. Default: a wave goes on to its end.
   */
  readonly stopAfterFailures?: number | undefined;
  /**
   * How many clusters come first, then next, and so on; the rest comes last: `[1, 10, 100]`. A wave is begun only
   * when every cluster of the one before is done or not due: refused and unfinished ones count as failed. What
   * only reads, and a dry run, goes through all of them at once. Default: one wave.
   */
  readonly waves?: readonly number[] | undefined;
  /**
   * Is called when a wave or a cluster begins or ends, and with each snapshot of a cluster's own work. Default:
   * none. What it throws is reported as a process warning, and stops nothing.
   */
  readonly onProgress?: ((progress: FleetProgress) => void) | undefined;
}

/** Options of a fleet's `rotate`. */
export interface FleetRotateOptions extends FleetRunOptions {
  /**
   * How old the version of a key in use may become, by its creation time in the vault and Azure's own clock. A
   * cluster whose key is younger is `not-due`, and nothing is done there; one with an unfinished rotation is gone
   * on with however young its key is; where the age cannot be told, it is refused. In seconds.
   */
  readonly whenOlderThan: number;
  /** Rules whose refusal is lifted, where they are overridable. Default: none. */
  readonly allow?: readonly RuleId[] | undefined;
  /**
   * Secrets as `namespace/name` that may stay blocked without failing the operation; they can become unreadable.
   * Names that are not blocked are ignored. Default: none.
   */
  readonly giveUpSecrets?: readonly string[] | undefined;
  /**
   * Resource id of the key's vault. Default: the vault in use, if the key is in it. Required in private mode for
   * another vault.
   */
  readonly keyVaultId?: string | undefined;
  /** How the API servers reach the key's vault. Default: as they reach the one in use. */
  readonly networkMode?: NetworkMode | undefined;
  /** Whether secrets are rewritten afterwards. Default: yes. */
  readonly reencrypt?: Reencrypt | undefined;
  /** Time limit of each cluster's operation. Default: 2 hours. In seconds. */
  readonly timeout?: number | undefined;
  /**
   * Of a customer-managed key: whether to wait until AKS has taken up the new version, 7 hours at most, which are
   * not part of `timeout`. Without, the operation stays recorded, and the same call or `resume` goes on with it.
   * Default: yes.
   */
  readonly wait?: boolean | undefined;
}

/** Options of a fleet's `enable`. */
export interface FleetEnableOptions extends FleetRunOptions {
  /** Rules whose refusal is lifted, where they are overridable. Default: none. */
  readonly allow?: readonly RuleId[] | undefined;
  /**
   * Secrets as `namespace/name` that may stay blocked without failing the operation; they can become unreadable.
   * Names that are not blocked are ignored. Default: none.
   */
  readonly giveUpSecrets?: readonly string[] | undefined;
  /** Resource id of the key's vault. Required in private mode; helps to find the vault in public mode. */
  readonly keyVaultId?: string | undefined;
  /** How the API servers reach the vault. Default: public. */
  readonly networkMode?: NetworkMode | undefined;
  /** Whether secrets are rewritten afterwards. Default: yes. */
  readonly reencrypt?: Reencrypt | undefined;
  /** Time limit of each cluster's operation. Default: 2 hours. In seconds. */
  readonly timeout?: number | undefined;
}

/** Options of a fleet's `setDataEncryption`. */
export interface FleetSetDataEncryptionOptions extends FleetRunOptions {
  /** Rules whose refusal is lifted, where they are overridable. Default: none. */
  readonly allow?: readonly RuleId[] | undefined;
  /**
   * Secrets as `namespace/name` that may stay blocked without failing the operation; they can become unreadable.
   * Names that are not blocked are ignored. Default: none.
   */
  readonly giveUpSecrets?: readonly string[] | undefined;
  /**
   * Whether secrets are rewritten and proven afterwards. AKS rewrites them by itself, and does not say when it is
   * done. Default: yes.
   */
  readonly reencrypt?: Reencrypt | undefined;
  /** Time limit of each cluster's operation. Default: 2 hours. In seconds. */
  readonly timeout?: number | undefined;
}

/** Options of a fleet's `reencryptSecrets`. */
export interface FleetReencryptSecretsOptions extends FleetRunOptions {
  /** Rules whose refusal is lifted, where they are overridable. Default: none. */
  readonly allow?: readonly RuleId[] | undefined;
  /**
   * Secrets as `namespace/name` that may stay blocked without failing the operation; they can become unreadable.
   * Names that are not blocked are ignored. Default: none.
   */
  readonly giveUpSecrets?: readonly string[] | undefined;
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
  /** Time limit of each cluster's operation. Default: 2 hours. In seconds. */
  readonly timeout?: number | undefined;
}

/** Options of a fleet's `verifySecrets`. */
export interface FleetVerifySecretsOptions extends FleetRunOptions {
  /** Rules whose refusal is lifted, where they are overridable. Default: none. */
  readonly allow?: readonly RuleId[] | undefined;
  /**
   * Secrets as `namespace/name` that may stay blocked without failing the operation; they can become unreadable.
   * Names that are not blocked are ignored. Default: none.
   */
  readonly giveUpSecrets?: readonly string[] | undefined;
  /** Only these namespaces. Default: all. */
  readonly namespaces?: readonly string[] | undefined;
  /** Time limit of each cluster's operation. Default: 2 hours. In seconds. */
  readonly timeout?: number | undefined;
}

/** Options of a fleet's `status`. */
export interface FleetStatusOptions extends FleetRunOptions {
  /** Also count the secrets. Default: false. */
  readonly secrets?: boolean | undefined;
  /** Report the rule `key-age` where the key in use is at least so old. Default: never. In seconds. */
  readonly whenOlderThan?: number | undefined;
}

/** The verbs of a fleet. */
export abstract class FleetVerbs extends FleetCaller {
  /**
   * Rotates each cluster whose key is too old to a new version of it, rewrites every secret and proves it.
   *
   * A cluster whose key is younger is left alone, and one with an unfinished rotation is gone on with. So the same
   * call may be made every night: no key gets a second version.
   *
   * See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
   *
   * Aborted, it leaves a state that the same call goes on with, from any machine.
   *
   * @param options What else is asked for.
   * @returns What became of each cluster.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  rotate(options: FleetRotateOptions): Promise<FleetReport> {
    return this.call("rotate", [], options);
  }

  /**
   * Turns KMS on in each cluster with its key, rewrites every secret under it and proves it.
   *
   * Where it is on with this key already, nothing is set, and all secrets are verified.
   *
   * See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
   *
   * Aborted, it leaves a state that the same call goes on with, from any machine.
   *
   * @param keyIds The key of each cluster, `https://<vault host>/keys/<name>/<version>`: one for all, or by the
   * cluster's resource id. A cluster without one is an error before anything is done. A function, called with the
   * resource id, may say it as well.
   * @param options What else is asked for.
   * @returns What became of each cluster.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  enable(keyIds: PerCluster<string>, options?: FleetEnableOptions): Promise<FleetReport> {
    return this.call("enable", [keyIds], options);
  }

  /**
   * Moves each cluster to KMS data encryption with its key, rewrites every secret and proves it.
   *
   * It cannot be turned off, and there is no way back to KMS with a versioned key: name
   * `data-encryption-irreversible` in `allow`. Where it is on with this key already, nothing is set, and all
   * secrets are verified.
   *
   * See <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
   *
   * Aborted, it leaves a state that the same call goes on with, from any machine.
   *
   * @param keySources The key of each cluster, `platform-managed` or a customer-managed key without a version: one
   * for all, or by the cluster's resource id. A cluster without one is an error before anything is done. A
   * function, called with the resource id, may say it as well.
   * @param options What else is asked for.
   * @returns What became of each cluster.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  setDataEncryption(keySources: PerCluster<KeySource>, options?: FleetSetDataEncryptionOptions): Promise<FleetReport> {
    return this.call("set_data_encryption", [keySources], options);
  }

  /**
   * Rewrites the secrets of each cluster under its key in use, and proves it: the storage migration.
   *
   * Secrets that are under the key already are not written.
   *
   * Aborted, it leaves a state that the same call goes on with, from any machine.
   *
   * @param options What else is asked for.
   * @returns What became of each cluster.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  reencryptSecrets(options?: FleetReencryptSecretsOptions): Promise<FleetReport> {
    return this.call("reencrypt_secrets", [], options);
  }

  /**
   * Proves, without writing, that no secret of any cluster is under another key than the one in use.
   *
   * Where there is no proof of an earlier operation to compare with, it needs Kubernetes 1.34 or later.
   *
   * @param options What else is asked for.
   * @returns What became of each cluster.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  verifySecrets(options?: FleetVerifySecretsOptions): Promise<FleetReport> {
    return this.call("verify_secrets", [], options);
  }

  /**
   * Reads the present state of each cluster, and says what is wrong or will be.
   *
   * Each row has the whole state as `status`.
   *
   * @param options What else is asked for.
   * @returns What became of each cluster.
   * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
   */
  status(options?: FleetStatusOptions): Promise<FleetReport> {
    return this.call("status", [], options);
  }
}
