// Turns KMS on, slowly, aborts that in the middle, and lets the process end by itself.

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
