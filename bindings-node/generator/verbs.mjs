// The methods of the verbs with their options, and the table by which arguments are converted.

import { camel, comment, isFree, isNullable, isWords, keepNames, kind, pascal, prose, referred, typed } from "./names.mjs";
import { options, times } from "./results.mjs";

// The options of every verb that runs; `RunOptions` has them.
const common = ["dry_run", "allow", "give_up_secrets", "timeout"];

const listed = (verb) => verb.options.properties ?? {};
const runs = (verb) => common.every((name) => name in listed(verb));
const own = (verb) => Object.keys(listed(verb)).filter((name) => !(runs(verb) && common.includes(name)));
const definitionsOf = (schema) => ({ ...schema.results, ...schema.arguments });
const resultOf = (verb) => typed(verb.result);

export function methods(schema) {
  keepNames(schema.error_codes.oneOf.map((one) => one.const));
  const used = new Set(["Progress", "RuleId"]);
  const note = (text) => text.match(/\b[A-Z]\w+/g)?.filter((name) => name in definitionsOf(schema)).forEach((name) => used.add(name));
  const interfaces = schema.verbs.map((verb) => {
    const base = runs(verb) ? "RunOptions" : "CallOptions";
    const lines = own(verb).length === 0 ? [] : options(verb.options, own(verb));
    note(lines.join("\n").replace(/\/\*\*[^]*?\*\//g, ""));
    const about = comment(`Options of \`${camel(verb.name)}\`.`);
    const body = lines.length === 0 ? "" : `\n${lines.join("\n")}\n`;
    if (body === "") return `${about}\nexport type ${pascal(verb.name)}Options = ${base};\n`;
    return `${about}\nexport interface ${pascal(verb.name)}Options extends ${base} {${body}}\n`;
  });
  const texts = schema.verbs.map((verb) => {
    const text = method(verb);
    note(text.replace(/\/\*\*[^]*?\*\//g, ""));
    return text;
  });
  const run = options(schema.verbs.find(runs).options, common);
  const head = [
    `import { Caller } from "../caller.js";`,
    `import type { CallOptions } from "../caller.js";`,
    `import type { ${[...used].sort().join(", ")} } from "./results.js";`,
  ].join("\n");
  const runOptions = `${comment("The options of every verb that may take long.")}
export interface RunOptions extends CallOptions {
${run.join("\n")}
${comment("Is called with each snapshot of the work, at most ten times a second and at each change of phase. Default: none. What it throws is reported as a process warning, and stops nothing.", "  ")}
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}
`;
  return `${head}\n\n${runOptions}\n${interfaces.join("\n")}
/** The verbs of a manager. */
export abstract class Verbs extends Caller {
${texts.join("\n\n")}
}
`;
}

function method(verb) {
  const given = verb.required.map((name) => [name, verb.arguments.properties[name]]);
  const type = `${pascal(verb.name)}Options`;
  const paragraphs = [prose(verb.description)];
  if (verb.writes) {
    paragraphs.push("Aborted, it leaves a state that `resume`, or the same call again, goes on with from any machine.");
  }
  const returns = {
    OperationReport: "What was done, or with `dryRun` would be done.",
    KmsStatus: "The state of the cluster's KMS.",
    "readonly Finding[]": "A finding for each rule that stands against it; none: nothing does.",
  }[resultOf(verb)];
  const tags = [
    ...given.map(([name, one]) => `@param ${camel(name)} ${prose(one.description)}`),
    "@param options What else is asked for.",
    ...(returns === undefined ? [] : [`@returns ${returns}`]),
    "@throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.",
  ];
  const about = comment(paragraphs.join("\n\n"), "  ", tags);
  const name = camel(verb.name);
  const result = `Promise<${resultOf(verb)}>`;
  const parts = given.map(([one, schema]) => `${camel(one)}: ${typed(schema)}${isNullable(schema) ? " | undefined" : ""}`);
  const call = `return this.call("${verb.name}", `;
  if (given.length === 1 && isNullable(given[0][1])) {
    const other = comment(paragraphs.join("\n\n"), "  ", tags.slice(1));
    return `${about}
  ${name}(${parts[0]}, options?: ${type}): ${result};
${other}
  ${name}(options?: ${type}): ${result};
  ${name}(first?: unknown, options?: unknown): ${result} {
    if (typeof first === "object" && first !== null && options === undefined) ${call}[undefined], first);
    ${call}[first], options);
  }`;
  }
  return `${about}
  ${name}(${[...parts, `options?: ${type}`].join(", ")}): ${result} {
    ${call}[${given.map(([one]) => camel(one)).join(", ")}], options);
  }`;
}

/** What an argument takes. */
function form(schema, definitions) {
  if (isFree(schema)) return "free";
  const name = referred(schema);
  if (name === "Reencrypt") return "rewrite";
  if (name !== undefined) {
    const one = definitions[name];
    if (isWords(one) || kind(one) === "string") return "text";
    return kind(one) === "object" || (one.oneOf ?? []).every((it) => kind(it) === "object") ? "document" : "any";
  }
  if (schema.format === "seconds") return "seconds";
  return { array: "texts", string: "text", boolean: "boolean", integer: "integer" }[kind(schema)] ?? "any";
}

export function table(schema) {
  const definitions = definitionsOf(schema);
  const entry = (verb, name, one) => {
    const words = referred(one) !== undefined && isWords(definitions[referred(one)]) ? definitions[referred(one)].oneOf : [];
    return {
      name: camel(name),
      json: name,
      form: form(one, definitions),
      ...(words.length > 0 ? { choices: words.map((word) => word.const) } : {}),
      required: verb.required.includes(name) && !isNullable(one),
    };
  };
  const verbs = Object.fromEntries(
    schema.verbs.map((verb) => [
      verb.name,
      {
        method: camel(verb.name),
        arguments: verb.required.map((name) => entry(verb, name, verb.arguments.properties[name])),
        options: Object.entries(listed(verb)).map(([name, one]) => entry(verb, name, one)),
        progress: runs(verb),
      },
    ]),
  );
  return `import type { Verb } from "../arguments.js";

export const verbs = ${JSON.stringify(verbs, null, 2)} as const satisfies Record<string, Verb>;

/** Names of the members of results that are times. */
export const times: ReadonlySet<string> = new Set(${JSON.stringify(times(schema))});
`;
}
