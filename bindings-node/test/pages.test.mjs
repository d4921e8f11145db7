// Every block of JavaScript in the documentation, as a reader pastes it: in each simulated world that a page starts, one after the
// other. `bindings-python/tests/test_pages.py` does the same with the other languages, and sees to it that no block is left out.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";

import { Simulator, start } from "./simulator.mjs";

const docs = new URL("../../docs/", import.meta.url);
const project = process.env.AKS_KMS_NODE_PROJECT;
const scaled = new URL("scaled.cjs", import.meta.url).pathname;

/** Chapter, language and text of each block of a page. */
function blocks(page) {
  const parts = /^## (.*)$|^```(\w+)\n([^]*?)^```$/gm;
  const found = [];
  let chapter = "";
  for (const [, heading, language, text] of readFileSync(new URL(page, docs), "utf8").matchAll(parts)) {
    if (heading !== undefined) chapter = heading;
    else found.push({ chapter, language, text });
  }
  return found;
}

/** Each world that a page starts: what it begins with, and the program that is pasted there. */
function worlds(page) {
  const found = [];
  let begin = "";
  for (const { chapter, language, text } of blocks(page)) {
    if (text.includes("cargo run -p aks-kms-simulator --")) {
      const [, given] = /^echo '(.*)' > /.exec(text);
      found.push({ given: JSON.parse(given), program: begin });
    } else if (language === "js" && found.length > 0) {
      found.at(-1).program += text;
      if (chapter === "Begin") begin += text;
    }
  }
  return found;
}

describe("what is pasted", { concurrency: 2 }, () => {
  const all = readdirSync(docs).flatMap((page) => worlds(page).map((world, index) => ({ name: `${page} ${index + 1}`, ...world })));

  test("there are pages to paste from", () => assert.ok(all.length > 2));

  for (const { name, given, program } of all) {
    test(name, async () => {
      const environment = await start(given);
      const file = `pasted-${name.replace(/\W/g, "-")}.mjs`;
      writeFileSync(join(project, file), program);
      const env = { ...process.env, ...environment, NODE_OPTIONS: `--require ${scaled}` };
      const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: project, env });
      const proven = stdout.match(/^proven: \w+$/gm);
      assert.ok(proven.length > 0 && proven.every((line) => line === "proven: true"), stdout);
      const simulator = new Simulator(environment.SIMULATOR, environment.SIMULATOR_TOKEN);
      const truth = await simulator.secrets(environment.CASE);
      assert.deepEqual([truth.plaintext, truth.unreadable], [0, 0]);
    });
  }
});
