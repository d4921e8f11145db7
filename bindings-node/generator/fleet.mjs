// The verbs of a fleet with their options.

import { camel, comment, keepNames, ofEach, pascal, prose, typed } from "./names.mjs";
import { options, types } from "./results.mjs";

/** The options that every verb of a fleet has: how its clusters are gone through. */
const ofRun = (schema) => Object.keys(schema.fleet.options.properties);

// What each cluster may have its own of comes first; what else is required is among the options.
const given = (verb) => verb.required.filter((name) => ofEach(verb.arguments.properties[name]) !== undefined);
const named = (verb) => verb.required.filter((name) => !given(verb).includes(name));

/** What a verb takes: arguments, then options, by their names. */
export function taken(schema, verb) {
  const { properties } = verb.arguments;
  const of = (names) => names.map((name) => [name, properties[name]]);
  return { arguments: of(given(verb)), options: [...of(named(verb)), ...Object.entries({ ...verb.options.properties, ...schema.fleet.options.properties })] };
}

export function fleetMethods(schema) {
  keepNames(schema.error_codes.oneOf.map((one) => one.const));
  const used = new Set(["FleetProgress", "FleetReport"]);
  const note = (text) => types(schema, text).forEach((name) => used.add(name));
  const interfaces = schema.fleet.verbs.map((verb) => {
    const text = optionsOf(verb);
    note(text);
    return text;
  });
  const methods = schema.fleet.verbs.map((verb) => {
    const text = method(verb);
    note(text);
    return text;
  });
  const run = `${comment("The options of every verb of a fleet: how its clusters are gone through.")}
export interface FleetRunOptions extends CallOptions {
${options(schema.fleet.options, ofRun(schema)).join("\n")}
${comment("Is called when a wave or a cluster begins or ends, and with each snapshot of a cluster's own work. Default: none. What it throws is reported as a process warning, and stops nothing.", "  ")}
  readonly onProgress?: ((progress: FleetProgress) => void) | undefined;
}
`;
  return `import type { CallOptions } from "../caller.js";
import { FleetCaller } from "../fleet-caller.js";
import type { PerCluster } from "../per-cluster.js";
import type { ${[...used].sort().join(", ")} } from "./results.js";

${run}
${interfaces.join("\n")}
/** The verbs of a fleet. */
export abstract class FleetVerbs extends FleetCaller {
${methods.join("\n\n")}
}
`;
}

const nameOf = (verb) => `Fleet${pascal(verb.name)}Options`;

function optionsOf(verb) {
  const required = named(verb);
  const properties = { ...Object.fromEntries(required.map((name) => [name, verb.arguments.properties[name]])), ...verb.options.properties };
  const about = comment(`Options of a fleet's \`${camel(verb.name)}\`.`);
  const lines = options({ properties, required });
  if (lines.length === 0) return `${about}\nexport type ${nameOf(verb)} = FleetRunOptions;\n`;
  return `${about}\nexport interface ${nameOf(verb)} extends FleetRunOptions {\n${lines.join("\n")}\n}\n`;
}

function method(verb) {
  const first = given(verb).map((name) => [camel(name), verb.arguments.properties[name]]);
  const tags = [
    ...first.map(([name, one]) => `@param ${name} ${prose(one.description)} A function, called with the resource id, may say it as well.`),
    "@param options What else is asked for.",
    "@returns What became of each cluster.",
    "@throws KmsError, whose code and text say what failed, on what, and what to do; AbortError when aborted.",
  ];
  const paragraphs = [prose(verb.description)];
  if (verb.writes) paragraphs.push("Aborted, it leaves a state that the same call goes on with, from any machine.");
  const mark = named(verb).length > 0 ? "" : "?";
  const parts = first.map(([name, one]) => `${name}: PerCluster<${typed(ofEach(one))}>`);
  return `${comment(paragraphs.join("\n\n"), "  ", tags)}
  ${camel(verb.name)}(${[...parts, `options${mark}: ${nameOf(verb)}`].join(", ")}): Promise<${typed(verb.result)}> {
    return this.call("${verb.name}", [${first.map(([name]) => name).join(", ")}], options);
  }`;
}
