#!/usr/bin/env node
// Packs what is published: the main package, and one for each platform whose native module is given.
//
//   scripts/pack.mjs FOLDER [--bills FOLDER] aks-kms.linux-x64-gnu.node…
//
// A platform's package has the licences of what is compiled into its module, and with `--bills` its bill of materials:
// `aks-kms-linux-x64-gnu.cdx.json` of that folder, which packaging/bill writes.
//
// The main package has every platform's package as an optional dependency of the same version; npm installs those
// that fit. `npx tsc -p .` comes before. It prints the names of the packed files.

import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const here = resolve(import.meta.dirname, "..");
const { platforms } = createRequire(import.meta.url)("../dist/platforms.js");
const {
  values: { bills },
  positionals: [folder, ...modules],
} = parseArgs({ options: { bills: { type: "string" } }, allowPositionals: true });
const licences = "THIRD-PARTY-LICENSES";
const { devDependencies: _, ...main } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

function pack(name, manifest, fill) {
  const root = join(folder, name);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync(join(here, "LICENSE"), join(root, "LICENSE"));
  fill(root);
  const options = ["pack", "--json", "--ignore-scripts", "--pack-destination", resolve(folder)];
  const [{ filename }] = JSON.parse(execFileSync("npm", options, { cwd: root, encoding: "utf8" }));
  console.log(join(folder, filename));
}

for (const module of modules) {
  const platform = platforms.find(({ name }) => basename(module) === `aks-kms.${name}.node`);
  if (platform === undefined) throw new Error(`${module} is of no platform: ${platforms.map(({ name }) => name).join(", ")}`);
  const { version, license, repository, bugs, homepage, engines } = main;
  const { name, os, cpu, libc } = platform;
  const file = basename(module);
  const bill = `aks-kms-${name}.cdx.json`;
  const manifest = {
    name: `aks-kms-${name}`,
    version,
    description: `The native module of aks-kms for ${name}.`,
    license,
    repository,
    bugs,
    homepage,
    engines,
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    main: file,
    files: [file, licences, ...(bills === undefined ? [] : [bill])],
  };
  pack(manifest.name, manifest, (root) => {
    copyFileSync(module, join(root, file));
    copyFileSync(join(here, licences), join(root, licences));
    if (bills !== undefined) copyFileSync(join(bills, bill), join(root, bill));
    writeFileSync(join(root, "README.md"), `# ${manifest.name}\n\n${manifest.description} Install \`aks-kms\`.\n`);
  });
}
const optionalDependencies = Object.fromEntries(platforms.map(({ name }) => [`aks-kms-${name}`, main.version]));
pack(main.name, { ...main, optionalDependencies }, (root) => {
  cpSync(join(here, "dist"), join(root, "dist"), { recursive: true });
  copyFileSync(join(here, "README.md"), join(root, "README.md"));
});
