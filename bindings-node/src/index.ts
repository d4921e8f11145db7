/**
 * Manages KMS etcd encryption on Azure Kubernetes Service: enable, rotate, re-encrypt and prove.
 *
 * In results, a member whose type has `null` is always there; one that is marked with `?` is absent where there is nothing
 * to say, and never `undefined` or `null`. Among arguments, `undefined` is the same as absent. Durations are in seconds,
 * times are `Date`s.
 *
 * @module
 */

import { asked, invalidInput } from "./error.js";
import type {
  ClusterList,
  Finding,
  FleetReport,
  KeyLedger,
  KmsStatus,
  OperationReport,
  Provisioned,
  Rule,
  Step,
} from "./generated/results.js";
import { read, written } from "./json.js";
import { native } from "./native.js";

export type { CallOptions } from "./caller.js";
export type { AccessToken, TokenCredential } from "./credential.js";
export { AbortError, KmsError } from "./error.js";
export { Fleet, type FleetAccess, type FleetOptions, type FoundClusters, type NamedClusters } from "./fleet.js";
export type { FunctionOptions } from "./function.js";
export type * from "./generated/fleet.js";
export { type ListClustersOptions, listClusters } from "./generated/functions.js";
export type * from "./generated/results.js";
export type * from "./generated/verbs.js";
export { type AzureOptions, type ClusterParts, KmsManager, type KmsManagerOptions } from "./manager.js";
export type { PerCluster } from "./per-cluster.js";

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

/** What {@link toText} shows. */
export type Shown =
  | ClusterList
  | Finding
  | FleetReport
  | KeyLedger
  | KmsStatus
  | OperationReport
  | Provisioned
  | readonly Finding[]
  | readonly Step[];

/**
 * A result as text for people, aligned and without colours: what was done, or would be; the state of a cluster with its
 * keys; findings and plans, a line or a paragraph each; clusters as a table, and of a fleet what became of each. The same in
 * every language.
 *
 * @example
 * ```ts
 * console.log(toText(await manager.status()));
 * const { plan, findings } = await manager.rotate(undefined, { dryRun: true });
 * console.log(toText(plan));
 * console.log(toText(findings));
 * ```
 *
 * @param result - What a verb of a manager or of a fleet gave, the `report` of a `KmsError`, or a ledger, plan, finding or
 * list of findings that is in one of them.
 * @throws `KmsError` with the code `invalid_input`: it is none of these.
 */
export function toText(result: Shown): string {
  return asked(() => native.toText(document(result)));
}

/**
 * A report as one HTML file for an auditor: which key is in use, since when, how that is proven, what is left, and which
 * keys may be removed; then plan, steps, proof, keys and rules. Of a fleet: what became of each cluster, wave by wave, and
 * which keys none of them needs.
 *
 * It loads nothing from elsewhere, and runs no script. It ends with the JSON that it was made from and the SHA-256 of
 * that, and says how to compute it again. The same in every language.
 *
 * @example
 * ```ts
 * await writeFile("evidence.html", toHtml(report));
 * ```
 *
 * @param report - What a verb of a manager or of a fleet gave, or the `report` of a `KmsError`.
 * @throws `KmsError` with the code `invalid_input`: it is no report.
 */
export function toHtml(report: OperationReport | FleetReport): string {
  return asked(() => native.toHtml(document(report)));
}

/**
 * The same as {@link toHtml}, as Markdown with tables.
 *
 * @param report - What a verb of a manager or of a fleet gave, or the `report` of a `KmsError`.
 * @throws `KmsError` with the code `invalid_input`: it is no report.
 */
export function toMarkdown(report: OperationReport | FleetReport): string {
  return asked(() => native.toMarkdown(document(report)));
}

/** A result as JSON has it. */
function document(result: Shown): string {
  if (result instanceof Promise) throw invalidInput("the result is a promise; await the call before it is shown");
  return JSON.stringify(written(result)) ?? "null";
}
