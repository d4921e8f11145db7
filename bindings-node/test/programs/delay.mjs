// Does nothing, and tells how late its event loop is: that is the machine's doing.

import { monitorEventLoopDelay } from "node:perf_hooks";
import { parentPort } from "node:worker_threads";

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
parentPort.once("message", () => parentPort.postMessage(delay.percentile(99)));
