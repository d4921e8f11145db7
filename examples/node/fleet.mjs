// No key older than a year, in all clusters that the application sees: a program for a scheduler.
//
// DAYS says how old a key may become (365), `--dry-run` what would be done, and writes nothing. Run again, also after it
// was killed, it goes on where it stopped. It ends with 0 when every key is young, and every secret of what it rotated
// is proven to be under the new one. AZURE_RESOURCE_MANAGER names another cloud than Azure's public one.
// Against the simulator: `examples/node/simulated --fleet node examples/node/fleet.mjs`.

import { EnvironmentCredential } from "@azure/identity";
import { Fleet, toText } from "aks-kms";

const { DAYS = "365", AZURE_RESOURCE_MANAGER } = process.env;
const fleet = new Fleet({
  filter: ({ enabled }) => enabled,
  credential: new EnvironmentCredential({ disableInstanceDiscovery: true }),
  cloud: AZURE_RESOURCE_MANAGER,
});

// Ctrl-C, and a scheduler that stops its job, end it at once. What was begun is recorded in each cluster.
const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => interrupt.abort());

try {
  const report = await fleet.rotate({
    whenOlderThan: Number(DAYS) * 24 * 60 * 60,
    waves: [1, 10, 100],
    dryRun: process.argv.includes("--dry-run"),
    signal: interrupt.signal,
    onProgress: ({ progress, message }) => {
      // what each cluster does meanwhile is left out
      if (progress === null) console.error(message);
    },
  });
  process.stdout.write(toText(report));
  for (const keyId of report.removableKeys) console.log(`no cluster of these needs ${keyId} any more`);
  process.exitCode = report.isComplete ? 0 : 1;
} catch (error) {
  if (error.name !== "AbortError") throw error;
  console.error("stopped; run it again to go on");
  process.exitCode = 130;
}
