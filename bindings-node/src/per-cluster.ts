// What each cluster of a fleet has its own of.

import { invalidInput } from "./error.js";

/**
 * What each cluster has: the same for all, by the cluster's resource id, or as a function says, which is called with the
 * resource id. A cluster that has none is an error, before anything is done. What the function throws rejects the call.
 */
export type PerCluster<T> = T | Readonly<Record<string, T>> | ReadonlyMap<string, T> | ((clusterId: string) => T | undefined);

/**
 * What is given by resource id; of a function nothing, as it is not called yet; undefined: the same for all.
 *
 * @internal
 */
export function byCluster(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value === "function") return new Map();
  if (value instanceof Map) return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  // a resource id begins with /, and no member of a key does
  const entries = Object.entries(value);
  return entries.every(([name]) => name.startsWith("/")) ? new Map(entries) : undefined;
}

/**
 * What a function gives for each of these clusters.
 *
 * @internal
 */
export function called(of: (clusterId: string) => unknown, clusters: readonly string[], name: string): ReadonlyMap<string, unknown> {
  const found = clusters.map((cluster): [string, unknown] => [cluster, of(cluster) ?? undefined]);
  const late = found.find(([, value]) => value instanceof Promise);
  if (late !== undefined) {
    throw invalidInput(`${name} gave a promise for cluster ${late[0]}; await the values before, and pass them by resource id`);
  }
  return new Map(found.filter(([, value]) => value !== undefined));
}
