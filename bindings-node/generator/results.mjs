// The types of results, and of what arguments are made of.

import { camel, comment, isFree, isNullable, isWords, keepNames, members, prose, typed } from "./names.mjs";

export function typesOfResults(schema) {
  keepNames(schema.error_codes.oneOf.map((one) => one.const));
  const definitions = { ...schema.arguments, ...schema.results };
  const texts = [words("ErrorCode", { ...schema.error_codes, description: "The stable code of an error, the same in every language." })];
  for (const name of Object.keys(definitions).sort()) {
    const one = definitions[name];
    if (isWords(one)) texts.push(words(name, one));
    else if (isTagged(one)) texts.push(union(name, one));
    else if (one.properties !== undefined) {
      const isArgument = schema.results[name] === undefined;
      texts.push(isArgument ? argument(name, one) : result(name, one));
    } else texts.push(`${comment(prose(one.description) || `\`${name}\`.`)}\nexport type ${name} = ${typed(one)};\n`);
  }
  return texts.join("\n");
}

const isTagged = (schema) => (schema.oneOf ?? []).length > 0 && schema.oneOf.every((one) => one.properties?.kind !== undefined);

function words(name, schema) {
  const lines = schema.oneOf.map((one) => `${one.description ? `${comment(prose(one.description), "  ")}\n` : ""}  | "${one.const}"`);
  return `${comment(prose(schema.description))}\nexport type ${name} =\n${lines.join("\n")};\n`;
}

/** An object whose member `kind` says which others it has. */
function union(name, schema) {
  const common = schema.properties === undefined ? [] : members(schema);
  const variants = schema.oneOf.map((one) => {
    const about = one.description ? `${comment(prose(one.description), "  ")}\n` : "";
    return `${about}  | { ${[...members(one), ...common].join(" ")} }`;
  });
  return `${comment(prose(schema.description))}\nexport type ${name} =\n${variants.join("\n")};\n`;
}

// What the crate's methods say of a result.
const judged = {
  OperationReport: {
    isProven: "Whether every secret of the cluster is proven to be under the expected key; false where no pass over the whole cluster ran.",
    isRefused: "Whether this is the report of a dry run of what would be refused.",
  },
  FleetReport: {
    isComplete: "Whether every cluster was read and is as it was asked for: done, or not due yet. False for a dry run that would do something.",
  },
  Provisioned: { isRefused: "Whether this is what a dry run of what would be refused gave." },
};

function result(name, schema) {
  const required = schema.required ?? [];
  const names = [...required, ...Object.keys(schema.properties).filter((one) => !required.includes(one))];
  const lines = members(schema).map((line, index) => {
    const one = schema.properties[names[index]];
    const text = prose(one.description);
    // a member that is always there is null instead
    const about = required.includes(names[index]) && isNullable(one) ? text.replace(/\babsent\b/g, "null") : text;
    return `${about === "" ? "" : `${comment(about, "  ")}\n`}  ${line}`;
  });
  for (const [member, about] of Object.entries(judged[name] ?? {})) {
    lines.push(`${comment(about, "  ")}\n  readonly ${member}: boolean;`);
  }
  return `${comment(prose(schema.description))}\nexport interface ${name} {\n${lines.join("\n")}\n}\n`;
}

/** An object of options. */
function argument(name, schema) {
  return `${comment(prose(schema.description))}\nexport interface ${name} {\n${options(schema).join("\n")}\n}\n`;
}

/** Members that may be left out: never null. */
export function options(schema, names = Object.keys(schema.properties)) {
  const required = schema.required ?? [];
  return names.map((name) => {
    const one = schema.properties[name];
    const text = [prose(one.description), one.format === "seconds" ? "In seconds." : ""].join(" ").trim();
    const mark = required.includes(name) ? `: ${typed(one)}` : `?: ${typed(one)} | undefined`;
    return `${text === "" ? "" : `${comment(text, "  ")}\n`}  readonly ${camel(name)}${mark};`;
  });
}

/** The types of the schema that a text names, but for its comments. */
export function types(schema, text) {
  const names = text.replace(/\/\*\*[^]*?\*\//g, "").match(/\b[A-Z]\w+/g) ?? [];
  return names.filter((name) => name in { ...schema.results, ...schema.arguments });
}

/** Names of members that are times. */
export function times(schema) {
  const dates = new Set();
  const others = new Set();
  const visit = (one) => {
    for (const [name, member] of Object.entries(one.properties ?? {})) {
      if (isFree(member)) throw new Error(`${name} has names that are not the library's: they must not be changed`);
      (member.format === "date-time" ? dates : others).add(name);
      visit(member);
    }
    [...(one.oneOf ?? []), ...(one.anyOf ?? []), ...(one.items ? [one.items] : [])].forEach(visit);
  };
  Object.values(schema.results).forEach(visit);
  const both = [...dates].filter((name) => others.has(name));
  if (both.length > 0) throw new Error(`${both.join(", ")} is a time in one result, and something else in another`);
  return [...dates].sort();
}

