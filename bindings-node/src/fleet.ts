// Many clusters at once.

import { type Verb, argumentsOf, shown } from "./arguments.js";
import { TokenSource } from "./credential.js";
import { asked, invalidInput } from "./error.js";
import type { Choice } from "./fleet-caller.js";
import { FleetVerbs } from "./generated/fleet.js";
import type { ClusterSummary } from "./generated/results.js";
import { type AzureOptions, type ClusterParts, clusterId } from "./manager.js";
import { type NativeFleet, native } from "./native.js";

/** How all clusters of a fleet are reached. */
export interface FleetAccess extends AzureOptions {
  /** Which credential for its Kubernetes API Azure gives of each cluster. Default: cluster-user. */
  readonly kubernetes?: "cluster-user" | "cluster-admin" | undefined;
  /** The namespace of each cluster's record of operations and keys. Default: kube-system. */
  readonly stateNamespace?: string | undefined;
  /**
   * Ask Resource Graph first for the clusters of subscriptions, which can be minutes behind; else every subscription is
   * asked itself. Default: true.
   */
  readonly resourceGraph?: boolean | undefined;
}

/** A fleet of clusters that are named. */
export interface NamedClusters extends FleetAccess {
  /** The clusters, by resource id or parts, the first of them in the first wave. */
  readonly clusters?: readonly (string | ClusterParts)[] | undefined;
  /** Clusters that are named are not looked for. */
  readonly subscriptions?: undefined;
  /** Clusters that are named are not chosen from. */
  readonly filter?: undefined;
}

/** A fleet of clusters that are found when a verb is called; they are begun by resource id. */
export interface FoundClusters extends FleetAccess {
  /** Clusters that are found are not named. */
  readonly clusters?: undefined;
  /** Ids of the subscriptions. Default: all that the credential sees. */
  readonly subscriptions?: readonly string[] | undefined;
  /**
   * Only clusters for which this gives true. It gives true or false, and no promise. What it throws rejects the call,
   * before anything is done. Default: all.
   */
  readonly filter?: ((cluster: ClusterSummary) => boolean) | undefined;
}

/** What a fleet is made from: clusters that are named, or those that are found in subscriptions. */
export type FleetOptions = NamedClusters | FoundClusters;

/** What the options take, but for what stays in JavaScript. */
const settings: Verb = {
  method: "Fleet",
  arguments: [],
  options: [
    { name: "subscriptions", json: "subscriptions", form: "texts", required: false },
    { name: "kubernetes", json: "kubernetes", form: "text", choices: ["cluster-user", "cluster-admin"], required: false },
    { name: "stateNamespace", json: "state_namespace", form: "text", required: false },
    { name: "cloud", json: "cloud", form: "text", required: false },
    { name: "caBundle", json: "ca_bundle", form: "text", required: false },
    { name: "apiVersion", json: "api_version", form: "text", required: false },
    { name: "resourceGraph", json: "resource_graph", form: "boolean", required: false },
  ],
  progress: false,
};

/**
 * Does one verb to many clusters, wave by wave, from one call that may be made every night: it does what is due, leaves
 * the rest alone, and goes on where an earlier one was stopped. Nothing has to be stored for that: what was done to a
 * cluster is recorded in the cluster.
 *
 * Cheap to make; sends nothing until a verb is called. What becomes of one cluster is a row of the report, and no error
 * of the call. The process stays alive while a call runs, and its event loop is never blocked.
 *
 * @example
 * ```ts
 * import { AzureCliCredential } from "@azure/identity";
 * import { Fleet, toText } from "aks-kms";
 *
 * const fleet = new Fleet({ filter: ({ enabled }) => enabled, credential: new AzureCliCredential() });
 * const report = await fleet.rotate({ whenOlderThan: 365 * 24 * 60 * 60, waves: [1, 10, 100] });
 * console.log(toText(report));
 * ```
 */
export class Fleet extends FleetVerbs {
  /** @internal */
  protected readonly native!: NativeFleet;
  /** @internal */
  protected readonly source: TokenSource | undefined;
  /** @internal */
  protected readonly choice!: Choice;

  /**
   * Makes a fleet.
   *
   * @param options What it is made from. Default: every cluster that the credential sees.
   * @throws KmsError with the code `invalid_input`, when an argument is malformed, `clusters` and `subscriptions` are both
   * given, a cluster is named twice, or there is a `filter` of clusters that are named.
   */
  constructor(options: FleetOptions = {}) {
    super();
    if (typeof options !== "object" || options === null || Array.isArray(options)) {
      throw invalidInput(`options is ${shown(options)}; pass an object, or leave it out`);
    }
    const { subscriptions, filter, credential, cloud, caBundle, apiVersion, resourceGraph } = options;
    const others = argumentsOf(settings, [], options, ["clusters", "filter", "credential"]);
    const clusters = clustersOf(options.clusters);
    if (filter !== undefined && typeof filter !== "function") {
      throw invalidInput(`filter is ${shown(filter)}; pass a function, or leave it out`);
    }
    if (filter !== undefined && clusters !== undefined) {
      throw invalidInput(
        "filter is of clusters that are found by subscription, and clusters are given; leave out those that it would, or pass subscriptions",
      );
    }
    const source = credential === undefined ? undefined : new TokenSource(credential);
    const text = JSON.stringify({ journal: "cluster", clusters, ...(JSON.parse(others) as object) });
    // they are not shown: a token might be in what a credential threw
    Object.defineProperty(this, "source", { value: source, enumerable: false });
    const made = asked(() => new native.Fleet(text, source === undefined ? null : source.answer));
    Object.defineProperty(this, "native", { value: made, enumerable: false });
    const listed = { cloud, caBundle, apiVersion, resourceGraph };
    const choice: Choice = { clusters, subscriptions: subscriptions?.slice(), filter, listed };
    Object.defineProperty(this, "choice", { value: choice, enumerable: false });
  }
}

function clustersOf(given: FleetOptions["clusters"]): readonly string[] | undefined {
  if (given !== undefined && !Array.isArray(given)) throw invalidInput(`clusters is ${shown(given)}; pass an array of resource ids`);
  return given?.map((one, index) => clusterId(one, `clusters[${index}]`));
}
