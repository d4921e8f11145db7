// The manager of one cluster.

import { shown } from "./arguments.js";
import { type TokenCredential, TokenSource } from "./credential.js";
import { asked, invalidInput } from "./error.js";
import { Verbs } from "./generated/verbs.js";
import { type NativeManager, native } from "./native.js";

/** A managed cluster by its parts. */
export interface ClusterParts {
  /** The subscription's id. */
  readonly subscriptionId: string;
  /** The resource group's name. */
  readonly resourceGroup: string;
  /** The cluster's name. */
  readonly name: string;
}

/** How Azure is reached. */
export interface AzureOptions {
  /**
   * Any credential of @azure/identity, or anything with `getToken`. Default: the workload identity of the pod, else the
   * managed identity of the machine (`AZURE_CLIENT_ID` chooses one), else that of `az login`; the first that gives a
   * token.
   */
  readonly credential?: TokenCredential | undefined;
  /** The cloud, or the https address of a Resource Manager, which is asked for the rest. Default: public. */
  readonly cloud?: "public" | "us-government" | "china" | (string & {}) | undefined;
  /** A file of certificate authorities in PEM, trusted for Azure on top of the platform's. */
  readonly caBundle?: string | undefined;
  /** The api-version of managed clusters. Default: the newest stable one that this version knows. */
  readonly apiVersion?: string | undefined;
}

/** What a manager is made from. */
export interface KmsManagerOptions extends AzureOptions {
  /**
   * How the Kubernetes API is reached: with a credential that Azure gives, or with the pod's service account. Default:
   * cluster-user.
   */
  readonly kubernetes?: "cluster-user" | "cluster-admin" | "in-cluster" | undefined;
  /** A kubeconfig file instead, with its credential plugins. */
  readonly kubeconfig?: string | undefined;
  /** The context of the kubeconfig. Default: its current one. */
  readonly context?: string | undefined;
  /** Where operations and keys are recorded: in the cluster, or nowhere. Default: cluster. */
  readonly journal?: "cluster" | null | undefined;
  /** The namespace of that record. Default: kube-system. */
  readonly stateNamespace?: string | undefined;
}

const settings: Readonly<Record<Exclude<keyof KmsManagerOptions, "credential">, string>> = {
  cloud: "cloud",
  kubernetes: "kubernetes",
  kubeconfig: "kubeconfig",
  context: "context",
  journal: "journal",
  stateNamespace: "state_namespace",
  caBundle: "ca_bundle",
  apiVersion: "api_version",
};

/**
 * Manages the KMS etcd encryption of one cluster.
 *
 * Cheap to make; sends nothing until a verb is called. One manager may run several calls at once. The process stays
 * alive while one runs, and its event loop is never blocked.
 *
 * @example
 * ```ts
 * import { AzureCliCredential } from "@azure/identity";
 * import { KmsManager } from "aks-kms";
 *
 * const cluster = { subscriptionId: "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", resourceGroup: "shop", name: "production" };
 * const manager = new KmsManager(cluster, { credential: new AzureCliCredential() });
 * console.log(await manager.status());
 * ```
 */
export class KmsManager extends Verbs {
  /** @internal */
  protected readonly native!: NativeManager;
  /** @internal */
  protected readonly source: TokenSource | undefined;

  /**
   * Makes a manager.
   *
   * @param clusterId The cluster's resource id, or its parts.
   * @param options What else it is made from.
   * @throws KmsError with the code `invalid_input`, when an argument is malformed.
   */
  constructor(clusterId: string | ClusterParts, options: KmsManagerOptions = {}) {
    super();
    const source = options?.credential === undefined ? undefined : new TokenSource(options.credential);
    const text = JSON.stringify({ cluster: cluster(clusterId), ...settled(options) });
    // they are not shown: a token might be in what a credential threw
    Object.defineProperty(this, "source", { value: source, enumerable: false });
    const made = asked(() => new native.Manager(text, source === undefined ? null : source.answer));
    Object.defineProperty(this, "native", { value: made, enumerable: false });
  }

  /** The cluster's resource id. */
  get clusterId(): string {
    return this.native.clusterId;
  }
}

/** A cluster as the native module takes it: its resource id, or its parts. */
function cluster(given: string | ClusterParts): unknown {
  return typeof given === "string" ? given : parts(given, "clusterId");
}

function parts(given: ClusterParts, argument: string): Readonly<Record<"subscription_id" | "resource_group" | "name", string>> {
  const wanted = "a resource id, or { subscriptionId, resourceGroup, name }";
  if (typeof given !== "object" || given === null) throw invalidInput(`${argument} is ${shown(given)}; pass ${wanted}`);
  const { subscriptionId, resourceGroup, name, ...others } = given;
  const found = { subscription_id: subscriptionId, resource_group: resourceGroup, name };
  if (Object.keys(others).length > 0 || Object.values(found).some((part) => typeof part !== "string")) {
    throw invalidInput(`${argument} is ${shown(given)}; pass ${wanted}`);
  }
  return found;
}

/**
 * A cluster's resource id.
 *
 * @internal
 */
export function clusterId(given: string | ClusterParts, argument: string): string {
  if (typeof given === "string") return given;
  const { subscription_id: subscription, resource_group: group, name } = parts(given, argument);
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.ContainerService/managedClusters/${name}`;
}

function settled(options: KmsManagerOptions): Record<string, unknown> {
  if (typeof options !== "object" || options === null) {
    throw invalidInput(`options is ${shown(options)}; pass an object, or leave it out`);
  }
  const found: Record<string, unknown> = { journal: "cluster" };
  for (const [name, value] of Object.entries(options)) {
    if (name === "credential" || value === undefined) continue;
    const json = Object.hasOwn(settings, name) ? settings[name as keyof typeof settings] : undefined;
    if (json === undefined) {
      throw invalidInput(`KmsManager has no option ${name}; it has credential, ${Object.keys(settings).join(", ")}`);
    }
    if (typeof value !== "string" && !(name === "journal" && value === null)) {
      throw invalidInput(`${name} is ${shown(value)}; pass a string, or leave it out`);
    }
    found[json] = value;
  }
  return found;
}
