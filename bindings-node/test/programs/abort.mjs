// Turns KMS on, slowly, aborts that in the middle, and lets the process end by itself: within what time, it says.

import { manager } from "../world.mjs";

const of = JSON.parse(process.env.OF);
const controller = new AbortController();
const options = {
  signal: controller.signal,
  reencrypt: { maxRequestsPerSecond: 100 },
  onProgress: ({ phase, step, done }) => phase === "reencrypt" && step > 2 && done > 0 && controller.abort(),
};
await manager(of)
  .enable(of.key_ids[0], options)
  .catch(({ name }) => console.log(name));
const aborted = performance.now();
process.on("exit", () => console.log(performance.now() - aborted < 5_000 ? "in time" : "late"));
