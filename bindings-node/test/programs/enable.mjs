// Turns KMS on, and lets the process end by itself.

import { manager } from "../world.mjs";

const of = JSON.parse(process.env.OF);
const report = await manager(of).enable(of.key_ids[0]);
console.log(report.isProven ? "proven" : "not proven");
