// What needs no manager, with its options.
//
// Generated from bindings/schema.json by `bindings-node/generate.mjs`: change it there.

import { type FunctionOptions, call } from "../function.js";
import type { ClusterList } from "./results.js";

/** Options of `listClusters`. */
export interface ListClustersOptions extends FunctionOptions {
  /** Ask Resource Graph first, which can be minutes behind; else every subscription is asked itself. Default: true. */
  readonly resourceGraph?: boolean | undefined;
  /** Time limit of the whole call, in seconds. Default: 5 minutes. */
  readonly timeout?: number | undefined;
}

/**
 * Lists the clusters of some subscriptions, or of all that the credential sees, with the state of their KMS.
 *
 * What could not be read is named in `unreadable`. Resource Graph is asked first; each subscription that it shows
 * no cluster of is asked itself.
 *
 * @param subscriptions Ids of the subscriptions. Default: all that the credential sees.
 * @param options What else is asked for.
 * @returns The clusters, and what could not be read.
 * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
 */
export function listClusters(subscriptions: readonly string[] | undefined, options?: ListClustersOptions): Promise<ClusterList>;
/**
 * Lists the clusters of some subscriptions, or of all that the credential sees, with the state of their KMS.
 *
 * What could not be read is named in `unreadable`. Resource Graph is asked first; each subscription that it shows
 * no cluster of is asked itself.
 *
 * @param options What else is asked for.
 * @returns The clusters, and what could not be read.
 * @throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.
 */
export function listClusters(options?: ListClustersOptions): Promise<ClusterList>;
export function listClusters(first?: unknown, options?: unknown): Promise<ClusterList> {
  if (typeof first === "object" && first !== null && !Array.isArray(first) && options === undefined) return call("list_clusters", listClusters, [undefined], first);
  return call("list_clusters", listClusters, [first], options);
}
