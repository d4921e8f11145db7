// The report for auditors: toHtml and toMarkdown.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { KmsError, toHtml, toMarkdown } from "aks-kms";

import { Simulator } from "./simulator.mjs";
import { fleet, manager } from "./world.mjs";

const simulator = Simulator.found();

test("a report is a file of HTML or Markdown, with the digest of the JSON that it has", async () => {
  const of = await simulator.put();
  const report = await manager(of).enable(of.key_ids[0]);
  const [html, markdown] = [toHtml(report), toMarkdown(report)];
  const [, json] = html.match(/<pre id="json">(.*)<\/pre>/);
  const digest = createHash("sha256").update(json).digest("hex");
  assert.ok(html.includes(`<pre id="sha256">${digest}</pre>`));
  assert.ok(markdown.includes(digest) && markdown.includes(`\`\`\`json\n${json}\n\`\`\``));
  assert.ok(html.includes("<b>Proven</b>") && html.includes(of.key_ids[0]));
  const { started_at, reencryption } = JSON.parse(json);
  assert.equal(new Date(started_at).getTime(), report.startedAt.getTime());
  assert.equal(reencryption.length, report.reencryption.length);
  // the same after a copy, and with times of another realm
  assert.equal(toHtml(structuredClone(report)), html);
  const foreign = { ...report, startedAt: runInNewContext(`new Date(${report.startedAt.getTime()})`) };
  assert.equal(toHtml(foreign), html);
});

test("the report of an error names what is left", async () => {
  const of = await simulator.put({ secrets: { special: [{ name: "team-1/held", kind: "denied" }] } });
  const error = await manager(of).enable(of.key_ids[0]).then(assert.fail, (problem) => problem);
  assert.ok(error instanceof KmsError && error.code === "reencrypt_incomplete", error);
  assert.match(toHtml(error.report), /<b>Not proven<\/b>[^]*<code>team-1\/held<\/code>/);
  assert.match(toMarkdown(error.report), /^# Evidence of enable on cluster [^]*\*\*Not proven\.\*\*[^]*`team-1\/held`/);
});

test("so is the report of a fleet", async () => {
  const of = await simulator.putFleet({ clusters: 2, given: { cluster: { kms: { key: "{{key.1}}" } } } });
  const report = await fleet(of, { clusters: of.ids }).status({ whenOlderThan: 24 * 60 * 60 });
  const [html, markdown] = [toHtml(report), toMarkdown(report)];
  const [, json] = html.match(/<pre id="json">(.*)<\/pre>/);
  const digest = createHash("sha256").update(json).digest("hex");
  assert.ok(html.includes(`<pre id="sha256">${digest}</pre>`) && markdown.includes(digest));
  assert.match(markdown, /^# Evidence of status on 2 clusters\n/);
  for (const { cluster } of report.clusters) assert.ok(html.includes(cluster.split("/").at(-1)));
  const { totals, clusters } = JSON.parse(json);
  assert.deepEqual([totals.clusters, clusters.map(({ cluster }) => cluster)], [2, of.ids]);
});

test("what is no report is refused", () => {
  for (const wrong of [{}, null, [], "report", { totals: {} }]) {
    for (const write of [toHtml, toMarkdown]) {
      assert.throws(() => write(wrong), (error) => error instanceof KmsError && error.code === "invalid_input", String(wrong));
    }
  }
});
