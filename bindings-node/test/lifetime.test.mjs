// How calls end: aborts, other processes, callbacks that throw, worker threads.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";

import { Simulator } from "./simulator.mjs";
import { environment, manager } from "./world.mjs";

const simulator = Simulator.found();
const here = new URL("./", import.meta.url);

/** A cluster with KMS on, whose secrets are under the first version of its key. */
const withKms = (secrets) => simulator.put({ cluster: { kms: { key: "{{key.1}}" } }, secrets });

/** Runs a program of this folder with a case; gives what it said and how it ended. */
async function runs(program, of) {
  const child = spawn(process.execPath, [new URL(program, here).pathname], { env: environment(of) });
  let said = "";
  child.stdout.on("data", (part) => (said += part));
  child.stderr.on("data", (part) => (said += part));
  const [code, signal] = await once(child, "close");
  return { code, signal, said };
}

describe("lifetimes", { concurrency: 3 }, () => {
  test("a signal that is aborted already sends nothing", async () => {
    const of = await simulator.put();
    const reason = new Error("not today");
    await assert.rejects(manager(of).enable(of.key_ids[0], { signal: AbortSignal.abort(reason) }), {
      name: "AbortError",
      code: "ABORT_ERR",
      cause: reason,
    });
    assert.deepEqual(await of.writes(), []);
  });

  test("aborted in the middle of a rotation, another process resumes", async () => {
    const of = await withKms({ namespaces: 4, each: 250 });
    const controller = new AbortController();
    const phases = [];
    const onProgress = ({ phase, step, done }) => {
      phases.push(phase);
      // the key is changed, and secrets are being rewritten under it
      if (phase === "reencrypt" && step > 3 && done > 0) controller.abort();
    };
    const options = { signal: controller.signal, onProgress, reencrypt: { maxRequestsPerSecond: 400 } };
    await assert.rejects(manager(of).rotate(of.key_ids[1], options), { name: "AbortError" });
    const status = await manager(of).status();
    assert.equal(status.operationInProgress?.operation, "rotate");
    assert.ok(status.operationInProgress.since instanceof Date);

    const { code, said } = await runs("programs/resume.mjs", of);
    assert.equal(code, 0, said);
    assert.equal(said, "rotate proven at once\n");
    const { by_key: found } = await of.secrets();
    assert.deepEqual(Object.keys(found), [of.key_ids[1]]);
  });

  test("a process that ends after an abort has given the Lease back", async () => {
    const of = await simulator.put({ secrets: { namespaces: 4, each: 50 } });
    const { code, said } = await runs("programs/abort.mjs", of);
    assert.deepEqual([code, said], [0, "AbortError\nin time\n"]);
    assert.ok((await of.secrets()).plaintext > 0, "the work was over before it was aborted");
    const { said: resumed } = await runs("programs/resume.mjs", of);
    assert.equal(resumed, "enable proven at once\n");
  });

  test("a callback that throws is a warning, and stops nothing", async () => {
    const of = await simulator.put();
    const warnings = [];
    const listen = (warning) => warnings.push(warning);
    process.on("warning", listen);
    const report = await manager(of).enable(of.key_ids[0], {
      onProgress: ({ finished }) => {
        if (finished) return Promise.reject(new Error("later"));
        throw new Error("at once");
      },
    });
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", listen);
    assert.ok(report.isProven);
    const ours = warnings.filter(({ name }) => name === "AksKmsWarning").map(({ message }) => message);
    assert.deepEqual(ours, ["onProgress threw: at once", "onProgress threw: later"]);
  });

  test("progress has times and names of JavaScript, and an end", async () => {
    const of = await simulator.put();
    const seen = [];
    await manager(of).enable(of.key_ids[0], { onProgress: (now) => seen.push(now) });
    assert.deepEqual(seen.filter(({ finished }) => finished).length, 1);
    assert.equal(seen.at(-1).finished, true);
    assert.ok("etaSeconds" in seen[0]);
  });

  test("the event loop is never blocked", async () => {
    const of = await withKms({ namespaces: 10, each: 1000 });
    const idle = new Worker(new URL("programs/delay.mjs", here));
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const report = await manager(of).rotate(of.key_ids[1], { reencrypt: { pace: "fast" }, onProgress: () => {} });
    delay.disable();
    idle.postMessage("enough");
    const [machine] = await once(idle, "message");
    await idle.terminate();
    assert.ok(report.isProven);
    assert.ok(report.reencryption.at(-1).counts.total >= 10_000);
    const own = (delay.percentile(99) - machine) / 1e6;
    assert.ok(own < 20, `its delay was ${own} ms more than that of a thread that does nothing`);
  });

  test("a process stays alive while a call runs, and ends by itself", async () => {
    const { code, said } = await runs("programs/enable.mjs", await simulator.put());
    assert.equal(code, 0, said);
    assert.equal(said, "proven\n");
  });

  test("a process that only makes a manager ends at once", async () => {
    const { code, said } = await runs("programs/idle.mjs", await simulator.put());
    assert.equal(code, 0, said);
  });

  test("process.exit in the middle of a call ends the process", async () => {
    const { code, signal, said } = await runs("programs/exit.mjs", await simulator.put());
    assert.deepEqual([code, signal], [7, null], said);
  });

  test("worker threads work, at once", async () => {
    const cases = await Promise.all([simulator.put(), simulator.put()]);
    const said = await Promise.all(
      cases.map(async (of) => {
        const worker = new Worker(new URL("programs/enable.mjs", here), { env: environment(of), stdout: true });
        let text = "";
        worker.stdout.on("data", (part) => (text += part));
        await once(worker, "exit");
        return text;
      }),
    );
    assert.deepEqual(said, ["proven\n", "proven\n"]);
  });

  test("a process whose only thread with the module is terminated in the middle lives on", async () => {
    const of = await simulator.put({ secrets: { namespaces: 4, each: 250 } });
    const { code, signal, said } = await runs("programs/terminate.mjs", of);
    assert.deepEqual([code, signal, said], [0, null, "alive\n"]);
    assert.ok((await of.secrets()).plaintext > 0, "the work was over before the worker was terminated");
  });

  test("terminating a worker in the middle stops its work", async () => {
    const of = await simulator.put({ secrets: { namespaces: 4, each: 250 } });
    const worker = new Worker(new URL("programs/worker.mjs", here), { env: environment(of) });
    await once(worker, "message");
    await worker.terminate();
    // it would be a conflict if the work went on
    const report = await manager(of).resume();
    assert.equal(report.operation, "enable");
    assert.ok(report.isProven);
  });
});
