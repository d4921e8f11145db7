// Compares what the languages wrote of each conformance case: `node test/results.mjs rust=FOLDER node=FOLDER`. The first says
// what the others must say. Exit code 1: they differ, or one lacks a case.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { common, named } from "./common.mjs";

/** What is different from run to run in texts, besides the ids of a case: it gets a number, the same where it is the same. */
const texts = [
  [/\b[0-9a-f]{16}\b/g, "name"],
  [/\b[0-9a-f]{32}\b/g, "version"],
  [/\b[0-9a-f]{64}\b/g, "hash"],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "time"],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "uuid"],
  [/process \d+/g, "process"],
  [/127\.0\.0\.1:\d+/g, "address"],
  // which ones were heard until the time was over
  [/(\d+ of \d+ API servers not heard; )?those heard write with [^;]+/g, "heard"],
];

/** What each language has that the first does not, by folders that are named by language. */
export function differences(folders, cases) {
  const [[first, expected], ...others] = Object.entries(folders);
  const found = [];
  for (const name of cases) {
    const one = outcome(expected, name, first);
    if (one === undefined) found.push(`${name}: ${first} has no result`);
    for (const [language, folder] of others) {
      const other = outcome(folder, name, language);
      if (other === undefined) found.push(`${name}: ${language} has no result`);
      else if (one !== undefined) found.push(...apart(one, other).map((why) => `${name}: ${language}: ${why}`));
    }
  }
  return found;
}

function outcome(folder, name, language) {
  let text;
  try {
    text = readFileSync(join(folder, name), "utf8");
  } catch (problem) {
    if (problem.code === "ENOENT") return undefined;
    throw problem;
  }
  const { ids, ...written } = JSON.parse(text);
  const all = common(named(written), ids);
  // the methods of the crate, which are fields here
  for (const one of [all.result, all.error?.report]) {
    if (language === "node") dropMethods(one);
    if (["platform-managed", "customer-managed"].includes(one?.after?.experience)) addUp(one.reencryption);
  }
  return JSON.parse(texts.reduce((now, [pattern, what]) => numbered(now, pattern, what), JSON.stringify(sorted(all))));
}

/** With the fields of every object in one order. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
}

function numbered(text, pattern, what) {
  const seen = [];
  return text.replace(pattern, (one) => {
    if (!seen.includes(one)) seen.push(one);
    return `{{${what}.${seen.indexOf(one) + 1}}}`;
  });
}

/** AKS rewrites at the same time there: which of the two was first at a secret differs from run to run. */
function addUp(passes) {
  for (const { counts } of passes) {
    counts.rewritten += counts.current;
    delete counts.current;
  }
}

function dropMethods(report) {
  for (const name of ["isProven", "isRefused"]) {
    if (report == null || !(name in report)) continue;
    assert.equal(typeof report[name], "boolean");
    delete report[name];
  }
}

/** Where two values are not the same. */
function apart(one, other, at = "$") {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return one === other ? [] : [`${at} is ${JSON.stringify(other)} instead of ${JSON.stringify(one)}`];
  }
  if (Array.isArray(one) !== Array.isArray(other)) return [`${at} is ${JSON.stringify(other)} instead of ${JSON.stringify(one)}`];
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].flatMap((name) => {
    if (!(name in other)) return [`${at}.${name} is missing`];
    if (!(name in one)) return [`${at}.${name} is ${JSON.stringify(other[name])}, and should not be there`];
    return apart(one[name], other[name], `${at}.${name}`);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folders = Object.fromEntries(process.argv.slice(2).map((one) => one.split("=", 2)));
  const all = readdirSync(new URL("../../tests/conformance/", import.meta.url));
  const cases = all.filter((name) => name.endsWith(".json") && name !== "schema.json").sort();
  const found = differences(folders, cases);
  for (const one of found) console.error(one);
  if (found.length > 0) process.exit(1);
  console.log(`${cases.length} conformance cases have the same results in ${Object.keys(folders).join(", ")}`);
}
