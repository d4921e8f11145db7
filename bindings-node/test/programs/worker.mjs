// Turns KMS on, slowly, and says when secrets are being rewritten.

import { parentPort } from "node:worker_threads";

import { manager } from "../world.mjs";

const of = JSON.parse(process.env.OF);
await manager(of).enable(of.key_ids[0], {
  reencrypt: { maxRequestsPerSecond: 100 },
  onProgress: ({ phase, done }) => phase === "reencrypt" && done > 0 && parentPort.postMessage("rewriting"),
});
