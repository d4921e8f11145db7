// What the tests share: managers of cases, and names as JSON has them.

import { createRequire } from "node:module";

import { ClientSecretCredential } from "@azure/identity";
import { Fleet, KmsManager, listClusters } from "aks-kms";

import { functions, verbs } from "../dist/generated/table.js";
import { native } from "../dist/native.js";
import { named } from "./common.mjs";
import { scale } from "./simulator.mjs";

// their waits are as much shorter as the simulator's are
native.scaleTime(scale);

export { scale };
export const required = createRequire(import.meta.url)("aks-kms");

/** The case's application, by @azure/identity. */
export function credential(of) {
  return new ClientSecretCredential(of.tenant_id, of.client_id, of.client_secret, {
    authorityHost: of.authority,
    disableInstanceDiscovery: true,
  });
}

/** A manager of the case's cluster, or of another one in its resource group. */
export function manager(of, options = {}, name = undefined) {
  const cluster = name === undefined ? of.cluster_id : of.cluster_id.replace(/[^/]*$/, name);
  return new KmsManager(cluster, { credential: credential(of), cloud: of.arm, ...options });
}

/** A fleet of these simulated clusters. */
export function fleet(of, options = {}) {
  return new Fleet({ credential: credential(of), cloud: of.arm, ...options });
}

/** What leads a program of `programs` to a case: no command line, as that is shown when it fails. */
export const environment = (of) => ({ ...process.env, OF: JSON.stringify(of) });

/** Calls a verb, or a function, by the names of a conformance case. */
export function perform(of, { operation, options = {}, kubernetes, cluster }, more = {}) {
  const isFunction = operation in functions;
  const verb = isFunction ? functions[operation] : verbs[operation];
  const rest = { ...options };
  // all of an action is one argument
  if (operation === "check_action") return manager(of).checkAction(named(options), more);
  const given = verb.arguments.map(({ json, form }) => {
    const value = rest[json];
    delete rest[json];
    // a document of Azure's has its own names
    return form === "free" ? value : named(value);
  });
  const others = { ...named(rest), ...more };
  if (isFunction) return { listClusters }[verb.method](...given, { credential: credential(of), cloud: of.arm, ...others });
  const made = manager(of, kubernetes === undefined || kubernetes === null ? {} : { kubernetes }, cluster ?? undefined);
  return made[verb.method](...given, others);
}
