// What two runs have in common, in two languages: names, and what does not differ from run to run.

const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** A value with the names that JavaScript has. */
export function named(value) {
  if (Array.isArray(value)) return value.map(named);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [camel(name), named(one)]));
}

// what no two runs have in common
const varying = new Set([
  "apiServers",
  "by",
  "etag",
  "finishedAt",
  "keyCreatedAt",
  "keyExpiresAt",
  "keyIdHash",
  "operationId",
  "provenAt",
  "requests",
  "samples",
  "seconds",
  "secretsPerSecond",
  "since",
  "startedAt",
  "watermark",
]);

/**
 * A result without what differs from run to run; that it is there stays. `ids` are those of the case, by the names that they
 * get.
 */
export function common(value, ids) {
  if (typeof value === "string") return placed(value, ids);
  if (Array.isArray(value)) return value.map((one) => common(one, ids));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, varying.has(name) ? kind(one) : common(one, ids)]),
  );
}

const kind = (value) => (Array.isArray(value) ? "array" : value === null ? "null" : typeof value);

function placed(text, ids) {
  let found = text;
  for (const [name, id] of Object.entries(ids)) found = found.replaceAll(id, `{{${name}}}`);
  return found;
}
