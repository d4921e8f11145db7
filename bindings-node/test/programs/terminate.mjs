// Terminates a worker thread in the middle of a call, and lives on for a while.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

const worker = new Worker(new URL("worker.mjs", import.meta.url));
await once(worker, "message");
await worker.terminate();
await sleep(500);
console.log("alive");
