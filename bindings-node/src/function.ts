// Calls of what needs no manager.

import { type CallOptions, type Callable, run, traced } from "./caller.js";
import { TokenSource } from "./credential.js";
import { functions } from "./generated/table.js";
import type { AzureOptions } from "./manager.js";
import { native } from "./native.js";

/** The options of every function that asks Azure. */
export interface FunctionOptions extends CallOptions, AzureOptions {}

const begins: Readonly<Record<keyof typeof functions, (source: TokenSource | undefined) => Callable["begin"]>> = {
  list_clusters: (source) => (text, _, receiver) => native.listClusters(text, source === undefined ? null : source.answer, receiver),
};

/**
 * Calls a function of the library; `from` is the one that the caller called.
 *
 * @internal
 */
export function call<T>(
  name: keyof typeof functions,
  from: (...given: never[]) => unknown,
  given: readonly unknown[],
  options: unknown,
): Promise<T> {
  return traced(from, async () => {
    const { credential } = (options ?? {}) as FunctionOptions;
    const source = credential === undefined ? undefined : new TokenSource(credential);
    const callable = { verb: functions[name], handled: ["credential", "signal"], source, begin: begins[name](source) };
    return run<T>(callable, given, options);
  });
}
