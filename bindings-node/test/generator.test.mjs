// What the generator makes of a schema that has more than today's verbs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fleetMethods } from "../generator/fleet.mjs";
import { typesOfResults } from "../generator/results.mjs";
import { functions, methods, table } from "../generator/verbs.mjs";

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
  functions: [
    {
      name: "list_it",
      writes: false,
      description: "Lists it.",
      required: ["groups"],
      arguments: { type: "object", properties: { groups: { type: ["array", "null"], items: { type: "string" } } } },
      options: {
        type: "object",
        properties: { cloud: { type: ["string", "null"] }, ca_bundle: { type: ["string", "null"] }, at_most: { type: "number" }, timeout: { type: "number" } },
      },
      result: { $ref: "#/$defs/OperationReport" },
    },
  ],
  fleet: {
    verbs: [
      {
        name: "turn_it",
        writes: true,
        description: "Turns each.",
        required: ["older_than", "key_ids"],
        arguments: {
          type: "object",
          properties: {
            older_than: { description: "The age.", type: "number", format: "seconds" },
            key_ids: { description: "The keys.", oneOf: [{ type: "object", properties: { all: { type: "string" } } }, { type: "object", properties: { each: { type: "object" } } }] },
          },
        },
        options: { type: "object", properties: { timeout: run.timeout } },
        result: { $ref: "#/$defs/FleetReport" },
      },
      { name: "see_it", writes: false, description: "Sees each.", required: [], arguments: { type: "object" }, options: { type: "object" }, result: { $ref: "#/$defs/FleetReport" } },
    ],
    options: { type: "object", properties: { dry_run: run.dry_run, waves: { type: "array", items: { type: "integer" } } } },
  },
  error_codes: { oneOf: [{ type: "string", const: "operation_failed" }] },
  arguments: { KeySource: { description: "A source.", type: "object", properties: { key_id: { type: "string" } }, required: ["key_id"] } },
  results: { OperationReport: report, FleetReport: report, FleetProgress: report, Progress: { ...report, properties: {}, required: [] } },
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

test("a word or an object has a name, and its word is known", () => {
  const others = schema();
  const { KeySource: Key } = others.arguments;
  const source = { description: "A source.", anyOf: [{ type: "string", const: "platform" }, { $ref: "#/$defs/Key" }] };
  others.arguments = { Key, KeySource: source };
  others.verbs[0].arguments.properties.key_source = { $ref: "#/$defs/KeySource" };
  assert.match(typesOfResults(others), /export type KeySource = "platform" \| Key;/);
  assert.match(methods(others), /makeIt\(body: Readonly<Record<string, unknown>>, keySource: KeySource, /);
  assert.match(table(others), /"form": "wordOrDocument",\s+"choices": \[\s+"platform"\s+\]/);
});

test("a function has the options of every function, and no progress", () => {
  const text = functions(schema());
  assert.match(text, /interface ListItOptions extends FunctionOptions \{\s+readonly atMost\?: number \| undefined;\s+readonly timeout\?: number \| undefined;\s+\}/);
  assert.match(text, /export function listIt\(groups: readonly string\[\] \| undefined, options\?: ListItOptions\): Promise<OperationReport>;/);
  assert.match(text, /export function listIt\(options\?: ListItOptions\): Promise<OperationReport>;/);
  assert.match(text, /import type \{ OperationReport \} from/);
  const [, made] = table(schema()).split("export const functions");
  assert.match(made, /"json": "ca_bundle",\s+"form": "text"/);
  assert.match(made, /"json": "at_most",\s+"form": "number"/);
  assert.match(made, /"progress": false/);
});

test("a verb of a fleet has what each cluster has first, and what else is required among its options", () => {
  const text = fleetMethods(schema());
  assert.match(text, /interface FleetRunOptions extends CallOptions \{\s+readonly dryRun\?: boolean \| undefined;\s+readonly waves\?: readonly number\[\] \| undefined;/);
  assert.match(text, /interface FleetTurnItOptions extends FleetRunOptions \{[^}]*readonly olderThan: number;[^}]*readonly timeout\?: number \| undefined;/);
  assert.match(text, /turnIt\(keyIds: PerCluster<string>, options: FleetTurnItOptions\): Promise<FleetReport> \{\s+return this\.call\("turn_it", \[keyIds\], options\);/);
  assert.match(text, /export type FleetSeeItOptions = FleetRunOptions;/);
  assert.match(text, /seeIt\(options\?: FleetSeeItOptions\)/);
  assert.equal(text.match(/the same call goes on with/g).length, 1);
  const [, of] = table(schema()).split("export const fleetVerbs");
  const [made] = of.split("export const functions");
  assert.match(made, /"json": "key_ids",\s+"form": "text",\s+"required": true,\s+"each": true/);
  assert.match(made, /"json": "older_than",\s+"form": "seconds",\s+"required": true\s/);
  assert.match(made, /"json": "waves",\s+"form": "integers"/);
});

test("what is made without a record has progress, and does not speak of resume", () => {
  const { dry_run, timeout } = run;
  const [makes] = schema().verbs;
  const options = { type: "object", properties: { dry_run, timeout } };
  const prepares = { ...makes, name: "prepare_it", description: "An interrupted call is gone on with by the same call.", options };
  const text = methods({ ...schema(), verbs: [makes, prepares] });
  assert.match(text, /interface PrepareItOptions extends ProgressOptions \{\s+readonly dryRun\?: boolean/);
  assert.equal(text.match(/`resume`, or the same call again/g).length, 1);
});

test("an absent member that is always there is null", () => {
  const others = schema();
  others.results.OperationReport = {
    ...report,
    properties: { key: { type: ["string", "null"], description: "The key; absent when off." }, size: { type: "integer", description: "Absent: absent." } },
    required: ["key"],
  };
  const text = typesOfResults(others);
  assert.match(text, /The key; null when off\. \*\/\s+readonly key: string \| null;/);
  assert.match(text, /Absent: absent\. \*\/\s+readonly size\?: number;/);
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
