#!/usr/bin/env node
// Writes `src/generated` from `bindings/schema.json`: the types of results and options, the methods of the verbs, the
// functions, and the table by which arguments are converted. `--check` writes nothing, and fails when they are stale.

import { readFileSync, writeFileSync } from "node:fs";

import { fleetMethods } from "./generator/fleet.mjs";
import { typesOfResults } from "./generator/results.mjs";
import { functions, methods, table } from "./generator/verbs.mjs";

const here = new URL("./", import.meta.url);
const schema = JSON.parse(readFileSync(new URL("../bindings/schema.json", here), "utf8"));
const head = (about) =>
  `// ${about}\n//\n// Generated from bindings/schema.json by \`bindings-node/generate.mjs\`: change it there.\n\n`;

const files = {
  "results.ts": head("What verbs give, and what arguments are made of.") + typesOfResults(schema),
  "verbs.ts": head("The verbs of a manager, with their options.") + methods(schema),
  "fleet.ts": head("The verbs of a fleet, with their options.") + fleetMethods(schema),
  "functions.ts": head("What needs no manager, with its options.") + functions(schema),
  "table.ts": head("The verbs, as data.") + table(schema),
};
const stale = [];
for (const [name, now] of Object.entries(files)) {
  const file = new URL(`src/generated/${name}`, here);
  let before;
  try {
    before = readFileSync(file, "utf8");
  } catch {
    // there is none yet
  }
  if (before !== now) {
    stale.push(name);
    if (!process.argv.includes("--check")) writeFileSync(file, now);
  }
}
if (stale.length > 0 && process.argv.includes("--check")) {
  console.error(`stale: ${stale.join(", ")}; run bindings-node/generate.mjs`);
  process.exitCode = 1;
}
