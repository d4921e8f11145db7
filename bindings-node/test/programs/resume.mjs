// Goes on with what another process began.

import { manager } from "../world.mjs";

const report = await manager(JSON.parse(process.env.OF)).resume();
console.log(report.operation, report.isProven ? "proven" : "not proven");
