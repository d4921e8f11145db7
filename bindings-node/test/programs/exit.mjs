// Leaves in the middle of a call.

import { manager } from "../world.mjs";

const of = JSON.parse(process.env.OF);
await manager(of).enable(of.key_ids[0], { onProgress: ({ step }) => step > 0 && process.exit(7) });
