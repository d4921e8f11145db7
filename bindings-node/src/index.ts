/**
 * Manages KMS etcd encryption on Azure Kubernetes Service: enable, rotate, re-encrypt and prove.
 *
 * In results, a member whose type has `null` is always there; one that is marked with `?` is absent where there is nothing
 * to say, and never `undefined` or `null`. Among arguments, `undefined` is the same as absent. Durations are in seconds,
 * times are `Date`s.
 *
 * @module
 */

import { asked } from "./error.js";
import type { Rule } from "./generated/results.js";
import { read } from "./json.js";
import { native } from "./native.js";

export type { CallOptions } from "./caller.js";
export type { AccessToken, TokenCredential } from "./credential.js";
export { AbortError, KmsError } from "./error.js";
export type { FunctionOptions } from "./function.js";
export { type ListClustersOptions, listClusters } from "./generated/functions.js";
export type * from "./generated/results.js";
export type * from "./generated/verbs.js";
export { type AzureOptions, type ClusterParts, KmsManager, type KmsManagerOptions } from "./manager.js";

/** The version of this package. */
export const version: string = native.version();

/**
 * The catalogue of documented limitations that verbs check before they write.
 *
 * @returns A rule each, with its level, what to do about a violation, and where it is documented.
 */
export function rules(): readonly Rule[] {
  return asked(() => read(native.rules())) as readonly Rule[];
}
