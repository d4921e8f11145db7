// What the tests share: managers of cases, and names as JSON has them.

import { createRequire } from "node:module";

import { ClientSecretCredential } from "@azure/identity";
import { KmsManager } from "aks-kms";

import { verbs } from "../dist/generated/table.js";
import { native } from "../dist/native.js";
import { scale } from "./simulator.mjs";

// their waits are as much shorter as the simulator's are
native.scaleTime(scale);

export { scale, verbs };
export const required = createRequire(import.meta.url)("aks-kms");

/** The case's application, by @azure/identity. */
export function credential(of) {
  return new ClientSecretCredential(of.tenant_id, of.client_id, of.client_secret, {
    authorityHost: of.authority,
    disableInstanceDiscovery: true,
  });
}

/** A manager of the case's cluster. */
export function manager(of, options = {}) {
  return new KmsManager(of.cluster_id, { credential: credential(of), cloud: of.arm, ...options });
}

/** What leads a program of `programs` to a case: no command line, as that is shown when it fails. */
export const environment = (of) => ({ ...process.env, OF: JSON.stringify(of) });

const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** A value with the names that JavaScript has. */
export function named(value) {
  if (Array.isArray(value)) return value.map(named);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [camel(name), named(one)]));
}

/** Calls a verb by the names of a conformance case. */
export function perform(of, { operation, options = {}, kubernetes }, more = {}) {
  const verb = verbs[operation];
  const rest = named(options);
  const given = operation === "check_action" ? [rest] : verb.arguments.map(({ name }) => rest[name]);
  const others = operation === "check_action" ? {} : rest;
  for (const { name } of verb.arguments) delete others[name];
  return manager(of, kubernetes === undefined ? {} : { kubernetes })[verb.method](...given, { ...others, ...more });
}
