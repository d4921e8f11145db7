// The arguments of a verb: checked, and as JSON.

import { invalidInput } from "./error.js";
import { written } from "./json.js";
import { byCluster } from "./per-cluster.js";

type Form = "text" | "texts" | "integers" | "boolean" | "integer" | "number" | "seconds" | "rewrite" | "document" | "wordOrDocument" | "free" | "any";

/** An argument, and what it takes. */
export interface Argument {
  readonly name: string;
  readonly json: string;
  readonly form: Form;
  readonly choices?: readonly string[];
  readonly required: boolean;
  /** Whether each cluster may have its own. */
  readonly each?: boolean;
}

export interface Verb {
  readonly method: string;
  readonly arguments: readonly Argument[];
  readonly options: readonly Argument[];
  readonly progress: boolean;
}

const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Promise);

const forms: Readonly<Record<Form, readonly [(value: unknown) => boolean, string]>> = {
  text: [(value) => typeof value === "string", "a string"],
  texts: [(value) => Array.isArray(value) && value.every((one) => typeof one === "string"), "an array of strings"],
  integers: [(value) => Array.isArray(value) && value.every((one) => Number.isSafeInteger(one)), "an array of whole numbers"],
  boolean: [(value) => typeof value === "boolean", "true or false"],
  integer: [(value) => Number.isSafeInteger(value), "a whole number"],
  number: [(value) => typeof value === "number" && Number.isFinite(value), "a number"],
  seconds: [(value) => typeof value === "number" && Number.isFinite(value), "a number of seconds"],
  rewrite: [(value) => typeof value === "boolean" || isObject(value), "true, false or an object of options"],
  document: [isObject, "an object"],
  wordOrDocument: [(value) => typeof value === "string" || isObject(value), "a string or an object"],
  free: [isObject, "an object"],
  any: [(value) => value !== null, "what the documentation names"],
};

/**
 * The arguments of a verb as JSON.
 *
 * @throws KmsError with the code `invalid_input`, for what is missing, unknown or malformed.
 */
export function argumentsOf(verb: Verb, given: readonly unknown[], options: object, handled: readonly string[]): string {
  const known = new Map(verb.options.map((argument) => [argument.name, argument]));
  const unknown = Object.keys(options).filter((name) => !known.has(name) && !handled.includes(name));
  if (unknown.length > 0) {
    const names = [...known.keys(), ...handled].join(", ");
    throw invalidInput(`${verb.method} has no option ${unknown.join(", ")}; it has ${names}`);
  }
  const values: [Argument, unknown][] = [
    ...verb.arguments.map((argument, index): [Argument, unknown] => [argument, given[index]]),
    ...verb.options.map((argument): [Argument, unknown] => [argument, (options as Record<string, unknown>)[argument.name]]),
  ];
  const members = values
    .filter(([argument, value]) => isGiven(argument, value))
    .map(([argument, value]) => `${JSON.stringify(argument.json)}:${text(argument, value)}`);
  return `{${members.join(",")}}`;
}

/** An argument as JSON: a document of another API as it is, others with the names of JSON. */
function text(argument: Argument, value: unknown): string {
  if (argument.each === true) {
    const own = byCluster(value);
    if (own === undefined) return `{"all":${JSON.stringify(written(value))}}`;
    // the names are ids of clusters
    return `{"each":${JSON.stringify(Object.fromEntries([...own].map(([id, one]) => [id, written(one)])))}}`;
  }
  if (argument.form !== "free") return JSON.stringify(written(value));
  try {
    // undefined: its own toJSON says so
    return JSON.stringify(value) ?? "null";
  } catch (problem) {
    // what has a circle, or a BigInt
    const why = (problem as Error).message.split("\n")[0];
    throw invalidInput(`${argument.name} cannot be written as JSON: ${why}; pass what JSON can hold`);
  }
}

function isGiven(argument: Argument, value: unknown): boolean {
  if (value === undefined && !argument.required) return false;
  const own = argument.each === true ? byCluster(value) : undefined;
  if (own === undefined) check(argument, argument.name, value);
  else for (const [id, one] of own) check(argument, `${argument.name} of ${id}`, one);
  return true;
}

function check(argument: Argument, name: string, value: unknown): void {
  const [fits, one] = forms[argument.form];
  const wanted = argument.each === true ? `${one}, by resource id or for all` : one;
  if (value === undefined) throw invalidInput(`${name} is missing; pass ${wanted}`);
  if (!fits(value)) {
    throw invalidInput(`${name} is ${shown(value)}; pass ${wanted}${argument.required ? "" : ", or leave it out"}`);
  }
  if (argument.choices !== undefined && typeof value === "string" && !argument.choices.includes(value)) {
    const choices = argument.choices.map((choice) => JSON.stringify(choice)).join(" or ");
    const other = argument.form === "wordOrDocument" ? " or an object" : "";
    throw invalidInput(`${name} is ${shown(value)}; pass ${choices}${other}`);
  }
}

/** What was passed, on one line and not at length. */
export function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (value instanceof Promise) return "a promise";
  const text = typeof value === "object" ? (JSON.stringify(value) ?? "an object") : typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
