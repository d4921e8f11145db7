// Goes on with what another process began, and says whether it had to watch that one's Lease.

import { manager } from "../world.mjs";

let watched = false;
const onProgress = ({ message }) => (watched ||= message.includes("still holds the cluster's Lease"));
const report = await manager(JSON.parse(process.env.OF)).resume({ onProgress });
console.log(report.operation, report.isProven ? "proven" : "not proven", watched ? "after it had watched" : "at once");
