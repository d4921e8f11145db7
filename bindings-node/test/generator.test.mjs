// What the generator makes of a schema that has more than today's verbs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { typesOfResults } from "../generator/results.mjs";
import { methods, table } from "../generator/verbs.mjs";

const report = { description: "A report.", type: "object", properties: { made_at: { type: "string", format: "date-time" } }, required: ["made_at"] };
const run = {
  dry_run: { type: "boolean", default: false },
  allow: { type: "array", items: { type: "string" } },
  give_up_secrets: { type: "array", items: { type: "string" } },
  timeout: { type: "number", format: "seconds" },
};
const schema = (verb) => ({
  verbs: [
    {
      name: "make_it",
      writes: true,
      description: "Makes it by `make_it`, as `operation_failed` tells.",
      required: ["body", "key_source"],
      arguments: {
        type: "object",
        properties: {
          body: { description: "The document." },
          key_source: { anyOf: [{ type: "string" }, { $ref: "#/$defs/KeySource" }] },
        },
        required: ["body", "key_source"],
      },
      options: { type: "object", properties: { ...run, key_size: { type: ["integer", "null"] } }, additionalProperties: false },
      result: { $ref: "#/$defs/OperationReport" },
      ...verb,
    },
  ],
  error_codes: { oneOf: [{ type: "string", const: "operation_failed" }] },
  arguments: { KeySource: { description: "A source.", type: "object", properties: { key_id: { type: "string" } }, required: ["key_id"] } },
  results: { OperationReport: report, Progress: { ...report, properties: {}, required: [] } },
});

test("a document of another API keeps its names, and a choice of types is one", () => {
  const text = methods(schema());
  assert.match(text, /makeIt\(body: Readonly<Record<string, unknown>>, keySource: string \| KeySource, options\?: MakeItOptions\)/);
  assert.match(text, /Makes it by `makeIt`, as `operation_failed` tells\./);
  assert.match(text, /readonly keySize\?: number \| undefined;/);
  const made = table(schema());
  assert.match(made, /"json": "body",\s+"form": "free"/);
  assert.match(made, /"json": "key_source",\s+"form": "any"/);
  assert.match(made, /new Set\(\["made_at"\]\)/);
});

test("results are as the crate orders them, and have no other names", () => {
  assert.match(typesOfResults(schema()), /export interface OperationReport \{[^}]*readonly madeAt: Date;/);
  const others = schema();
  others.results.OperationReport = { ...report, properties: { tags: { type: "object" } }, required: ["tags"] };
  assert.throws(() => table(others), /tags has names that are not the library's/);
});

test("a name is a time everywhere, or nowhere", () => {
  const both = schema();
  both.results.Progress = { ...report, properties: { made_at: { type: "integer" } } };
  assert.throws(() => table(both), /made_at is a time in one result, and something else in another/);
});
