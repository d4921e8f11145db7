// The methods of the verbs and the functions with their options, and the table by which arguments are converted.

import { camel, comment, isFree, isNullable, isWords, keepNames, kind, ofEach, pascal, prose, referred, typed } from "./names.mjs";
import { taken as takenByFleet } from "./fleet.mjs";
import { options, times, types } from "./results.mjs";

// The options of every verb that runs; `RunOptions` has them.
const common = ["dry_run", "allow", "give_up_secrets", "timeout"];

const listed = (verb) => verb.options.properties ?? {};
const runs = (verb) => common.every((name) => name in listed(verb));
// What has a time limit of its own tells how far it is.
const tells = (verb) => "timeout" in listed(verb);
const own = (verb) => Object.keys(listed(verb)).filter((name) => !(runs(verb) && common.includes(name)));
const definitionsOf = (schema) => ({ ...schema.results, ...schema.arguments });
const resultOf = (verb) => typed(verb.result);

export function methods(schema) {
  keepNames(schema.error_codes.oneOf.map((one) => one.const));
  const used = new Set(["Progress", "RuleId"]);
  const note = notes(used, schema);
  const interfaces = schema.verbs.map((verb) => {
    const base = runs(verb) ? "RunOptions" : tells(verb) ? "ProgressOptions" : "CallOptions";
    return optionsOf(verb, own(verb), base, note);
  });
  const texts = schema.verbs.map((verb) => {
    const text = method(verb);
    note(text);
    return text;
  });
  const run = options(schema.verbs.find(runs).options, common);
  const head = [
    `import { Caller } from "../caller.js";`,
    `import type { CallOptions } from "../caller.js";`,
    `import type { ${[...used].sort().join(", ")} } from "./results.js";`,
  ].join("\n");
  const runOptions = `${comment("The options of every verb that may take long.")}
export interface RunOptions extends ProgressOptions {
${run.join("\n")}
}
`;
  const progressOptions = `${comment("The options of every verb that tells how far it is.")}
export interface ProgressOptions extends CallOptions {
${comment("Is called with each snapshot of the work, at most ten times a second and at each change of phase. Default: none. What it throws is reported as a process warning, and stops nothing.", "  ")}
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}
`;
  return `${head}\n\n${progressOptions}\n${runOptions}\n${interfaces.join("\n")}
/** The verbs of a manager. */
export abstract class Verbs extends Caller {
${texts.join("\n\n")}
}
`;
}

/** Keeps which types of the schema a text names, but for its comments. */
const notes = (used, schema) => (text) => types(schema, text).forEach((name) => used.add(name));

function optionsOf(verb, names, base, note) {
  const lines = names.length === 0 ? [] : options(verb.options, names);
  note(lines.join("\n"));
  const about = comment(`Options of \`${camel(verb.name)}\`.`);
  if (lines.length === 0) return `${about}\nexport type ${pascal(verb.name)}Options = ${base};\n`;
  return `${about}\nexport interface ${pascal(verb.name)}Options extends ${base} {\n${lines.join("\n")}\n}\n`;
}

/** What needs no manager. */
export function functions(schema) {
  keepNames(schema.error_codes.oneOf.map((one) => one.const));
  const used = new Set();
  const note = notes(used, schema);
  const texts = schema.functions.map((one) => {
    // FunctionOptions have the others, as a manager's options do
    const names = own(one).filter((name) => !["cloud", "ca_bundle", "api_version"].includes(name));
    const text = callable(one, "", (given, options) => `call("${one.name}", ${camel(one.name)}, ${given}, ${options})`);
    note(text);
    return `${optionsOf(one, names, "FunctionOptions", note)}\n${text}\n`;
  });
  const head = [
    `import { type FunctionOptions, call } from "../function.js";`,
    `import type { ${[...used].sort().join(", ")} } from "./results.js";`,
  ].join("\n");
  return `${head}\n\n${texts.join("\n")}`;
}

const method = (verb) => callable(verb, "  ", (given, options) => `this.call("${verb.name}", ${given}, ${options})`);

/** A method, or with no indent a function, whose body is a call. */
function callable(verb, indent, call) {
  const given = verb.required.map((name) => [name, verb.arguments.properties[name]]);
  const type = `${pascal(verb.name)}Options`;
  const paragraphs = [prose(verb.description)];
  // some say it themselves
  if (verb.writes && !/\binterrupted\b/.test(verb.description)) {
    paragraphs.push("Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.");
  }
  const returns = {
    OperationReport: "What was done, or with `dryRun` would be done.",
    Provisioned: "What is there, and what was or with `dryRun` would be made.",
    ClusterList: "The clusters, and what could not be read.",
    KmsStatus: "The state of the cluster's KMS.",
    "readonly Finding[]": "A finding for each rule that stands against it; none: nothing does.",
  }[resultOf(verb)];
  const tags = [
    ...given.map(([name, one]) => `@param ${camel(name)} ${prose(one.description)}`),
    "@param options What else is asked for.",
    ...(returns === undefined ? [] : [`@returns ${returns}`]),
    "@throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.",
  ];
  const about = comment(paragraphs.join("\n\n"), indent, tags);
  const name = indent === "" ? `export function ${camel(verb.name)}` : `${indent}${camel(verb.name)}`;
  const result = `Promise<${resultOf(verb)}>`;
  const parts = given.map(([one, schema]) => `${camel(one)}: ${typed(schema)}${isNullable(schema) ? " | undefined" : ""}`);
  if (given.length === 1 && isNullable(given[0][1])) {
    const other = comment(paragraphs.join("\n\n"), indent, tags.slice(1));
    const isList = kind(given[0][1]) === "array" ? " && !Array.isArray(first)" : "";
    return `${about}
${name}(${parts[0]}, options?: ${type}): ${result};
${other}
${name}(options?: ${type}): ${result};
${name}(first?: unknown, options?: unknown): ${result} {
${indent}  if (typeof first === "object" && first !== null${isList} && options === undefined) return ${call("[undefined]", "first")};
${indent}  return ${call("[first]", "options")};
${indent}}`;
  }
  return `${about}
${name}(${[...parts, `options?: ${type}`].join(", ")}): ${result} {
${indent}  return ${call(`[${given.map(([one]) => camel(one)).join(", ")}]`, "options")};
${indent}}`;
}

/** The words that something may be. */
const wordsOf = (schema) =>
  (isWords(schema) ? schema.oneOf : (schema.anyOf ?? [])).map((one) => one.const).filter((word) => word !== undefined);

/** What an argument takes. */
function form(schema, definitions) {
  if (isFree(schema)) return "free";
  const name = referred(schema);
  if (name === "Reencrypt") return "rewrite";
  if (name !== undefined) {
    const one = definitions[name];
    if (isWords(one) || kind(one) === "string") return "text";
    if ((one.anyOf ?? []).some((it) => kind(it) === "string")) return "wordOrDocument";
    return kind(one) === "object" || (one.oneOf ?? []).every((it) => kind(it) === "object") ? "document" : "any";
  }
  if (schema.format === "seconds") return "seconds";
  if (kind(schema) === "array" && kind(schema.items) === "integer") return "integers";
  return { array: "texts", string: "text", boolean: "boolean", integer: "integer", number: "number" }[kind(schema)] ?? "any";
}

export function table(schema) {
  const definitions = definitionsOf(schema);
  const entry = (verb, [name, schema]) => {
    const own = ofEach(schema);
    const one = own ?? schema;
    const words = wordsOf(definitions[referred(one)] ?? {});
    return {
      name: camel(name),
      json: name,
      form: form(one, definitions),
      ...(words.length > 0 ? { choices: words } : {}),
      required: verb.required.includes(name) && !isNullable(one),
      ...(own === undefined ? {} : { each: true }),
    };
  };
  const entries = (those, taken, progress) =>
    Object.fromEntries(
      those.map((verb) => {
        const { arguments: given, options: others } = taken(verb);
        const all = (parts) => parts.map((part) => entry(verb, part));
        return [verb.name, { method: camel(verb.name), arguments: all(given), options: all(others), progress: progress(verb) }];
      }),
    );
  const apart = (verb) => ({
    arguments: verb.required.map((name) => [name, verb.arguments.properties[name]]),
    options: Object.entries(listed(verb)),
  });
  const written = (...parts) => JSON.stringify(entries(...parts), null, 2);
  return `import type { Verb } from "../arguments.js";

export const verbs = ${written(schema.verbs, apart, tells)} as const satisfies Record<string, Verb>;

/** What is done to many clusters. */
export const fleetVerbs = ${written(schema.fleet.verbs, (verb) => takenByFleet(schema, verb), () => true)} as const satisfies Record<string, Verb>;

/** What needs no manager. */
export const functions = ${written(schema.functions, apart, () => false)} as const satisfies Record<string, Verb>;

/** Names of the members of results that are times. */
export const times: ReadonlySet<string> = new Set(${JSON.stringify(times(schema))});
`;
}
