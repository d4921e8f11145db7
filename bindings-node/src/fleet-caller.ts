// How a call on many clusters runs: functions of the caller choose here, before the library is asked.

import { shown } from "./arguments.js";
import { checked, run, traced } from "./caller.js";
import type { TokenSource } from "./credential.js";
import { asked, invalidInput } from "./error.js";
import type { ClusterList, ClusterSummary } from "./generated/results.js";
import { fleetVerbs, functions } from "./generated/table.js";
import { type NativeFleet, type Receiver, native } from "./native.js";
import { called } from "./per-cluster.js";

type Of = (clusterId: string) => unknown;

/**
 * Which clusters there are to choose from, and what chooses.
 *
 * @internal
 */
export interface Choice {
  readonly clusters: readonly string[] | undefined;
  readonly subscriptions: readonly string[] | undefined;
  readonly filter: ((cluster: ClusterSummary) => boolean) | undefined;
  /** The options of the list. */
  readonly listed: object;
}

const handled = ["signal", "onProgress"];

/** Calls verbs on many clusters. */
export abstract class FleetCaller {
  /** @internal */
  protected abstract readonly native: NativeFleet;
  /** @internal */
  protected abstract readonly source: TokenSource | undefined;
  /** @internal */
  protected abstract readonly choice: Choice;

  /** @internal */
  protected call<T>(name: keyof typeof fleetVerbs, given: readonly unknown[], options: unknown): Promise<T> {
    const verb = fleetVerbs[name];
    return traced(Reflect.get(this, verb.method) as () => void, async () => {
      let only: readonly string[] | null = null;
      let settled = given;
      if (this.choice.filter !== undefined || given.some((one) => typeof one === "function")) {
        // what is malformed is refused before the clusters are looked for
        const { text, signal } = checked({ verb, handled }, given, options);
        asked(() => this.native.check(name, text));
        const chosen = this.choice.clusters ?? (await this.#chosen(signal));
        const names = verb.arguments.map(({ name: argument }) => argument);
        settled = given.map((one, index) => (typeof one === "function" ? called(one as Of, chosen, names[index] ?? "") : one));
        if (this.choice.clusters === undefined) only = chosen;
      }
      const begin = (text: string, progress: boolean, receiver: Receiver) =>
        this.native.start(name, text, only, progress, receiver);
      return run<T>({ verb, handled, source: this.source, begin }, settled, options);
    });
  }

  /** The clusters that are found, and chosen. */
  async #chosen(signal: AbortSignal | undefined): Promise<readonly string[]> {
    const { subscriptions, filter = () => true, listed } = this.choice;
    const { source } = this;
    const begin = (text: string, _: boolean, receiver: Receiver) =>
      native.listClusters(text, source === undefined ? null : source.answer, receiver);
    const callable = { verb: functions.list_clusters, handled: ["signal"], source, begin };
    const { clusters } = await run<ClusterList>(callable, [subscriptions], { ...listed, signal });
    const chosen = clusters.filter((cluster) => {
      const is: unknown = filter(cluster);
      if (typeof is !== "boolean") throw invalidInput(`filter gave ${shown(is)} for cluster ${cluster.id}; it gives true or false`);
      return is;
    });
    return chosen.map(({ id }) => id);
  }
}
