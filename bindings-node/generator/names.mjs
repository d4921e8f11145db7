// Names, types and texts of the schema, as TypeScript has them.

const plain = { string: "string", integer: "number", number: "number", boolean: "boolean" };

export const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
export const pascal = (name) => camel(`_${name}`);

/** The definition that a schema is, whether it may be null or not. */
export function referred(schema) {
  const others = (schema.anyOf ?? []).filter((one) => one.type !== "null");
  const found = schema.$ref ?? (others.length === 1 ? others[0].$ref : undefined);
  return found?.split("/").at(-1);
}

export const isNullable = (schema) =>
  [schema.type].flat().includes("null") || (schema.anyOf ?? []).some((one) => one.type === "null");

/** The JSON type, without null. */
export const kind = (schema) => [schema.type].flat().find((one) => one !== "null");

/** Whether it is one of some words. */
export const isWords = (schema) => (schema.oneOf ?? []).length > 0 && schema.oneOf.every((one) => one.type === "string");

/** What one cluster of a fleet has, where each may have its own. */
export const ofEach = (schema) =>
  schema.oneOf?.map((one) => one.properties?.all).find((one) => one !== undefined && schema.oneOf.some((other) => other.properties?.each !== undefined));

/** Whether it is an object of any members, or anything: a document of another API. */
export const isFree = (schema) =>
  schema === true ||
  (["object", undefined].includes(kind(schema)) &&
    ["properties", "oneOf", "anyOf", "$ref", "const"].every((name) => schema[name] === undefined));

/** The type, without null. */
export function typed(schema) {
  if (isFree(schema)) return "Readonly<Record<string, unknown>>";
  const name = referred(schema);
  if (name !== undefined) return name;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const variants = (schema.anyOf ?? schema.oneOf ?? []).filter((one) => one.type !== "null");
  if (variants.length > 0) return variants.map((one) => typed(one)).join(" | ");
  if (schema.format === "date-time") return "Date";
  if (kind(schema) === "array") {
    const inner = typed(schema.items);
    return `readonly ${/\W/.test(inner) ? `(${inner})` : inner}[]`;
  }
  if (kind(schema) === "object") return `{ ${members(schema).join(" ")} }`;
  const found = plain[kind(schema)];
  if (found === undefined) throw new Error(`there is no type for ${JSON.stringify(schema)}`);
  return found;
}

/** The members of an object in the order of the crate, as a result has them. */
export function members(schema) {
  const required = schema.required ?? [];
  const names = [...required, ...Object.keys(schema.properties).filter((name) => !required.includes(name))];
  return names.map((name) => {
    const one = schema.properties[name];
    if (!required.includes(name)) return `readonly ${camel(name)}?: ${typed(one)};`;
    return `readonly ${camel(name)}: ${typed(one)}${isNullable(one) ? " | null" : ""};`;
  });
}

/** A description without what only Rust has, and with the names of JavaScript. */
export function prose(text = "") {
  return text
    .replace(/```[^]*?```/g, "")
    .replace(/\[`([^`\]]+)`\]\([^)]*\)/g, "`$1`")
    .replace(/\[`([^`\]]+)`\]/g, "`$1`")
    .replace(/`Error::/g, "`")
    .replaceAll("`KmsManager::builder`", "`KmsManager`")
    .replace(/`([a-z0-9]+(?:_[a-z0-9]+)+)`/g, (whole, name) => (code.has(name) ? whole : `\`${camel(name)}\``))
    .replaceAll("`None`", "null")
    .replaceAll("this crate", "this library")
    .trim()
    .split("\n\n")
    .map((part) => part.replace(/\s+/g, " ").trim())
    .filter((part) => part !== "" && !part.startsWith("`Display` "))
    .join("\n\n");
}

// what is the same in every language
const code = new Set();
export const keepNames = (names) => names.forEach((name) => code.add(name));

/** A comment for documentation, with tags. */
export function comment(text, indent = "", tags = []) {
  const width = 112 - indent.length;
  const lines = [];
  for (const paragraph of text.split("\n\n")) {
    if (lines.length > 0) lines.push("");
    lines.push(...wrapped(paragraph, width));
  }
  if (tags.length > 0) lines.push("", ...tags.flatMap((tag) => wrapped(tag, width)));
  const safe = lines.map((line) => line.replaceAll("*/", "*\\/"));
  if (safe.length === 1) return `${indent}/** ${safe[0]} */`;
  return [`${indent}/**`, ...safe.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}`), `${indent} */`].join("\n");
}

function wrapped(paragraph, width) {
  const lines = [""];
  for (const word of paragraph.split(" ")) {
    const line = lines.at(-1);
    if (line !== "" && line.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
