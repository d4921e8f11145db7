// Starts a simulator, and runs a program in the environment that leads to it: `node test/simulated.mjs node --test`.

import { spawn } from "node:child_process";

import { start } from "./simulator.mjs";

// the simulator ends with this process
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
const found = await start();
const [program, ...options] = process.argv.slice(2);
const child = spawn(program, options, { stdio: "inherit", env: { ...process.env, ...found } });
child.on("exit", (code) => process.exit(code ?? 1));
