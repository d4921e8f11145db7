// The native module: of this folder's build, else of the package of this platform.

import { existsSync } from "node:fs";
import { join } from "node:path";

import { platforms } from "./platforms.js";

/** A token that the library asks for. */
export interface TokenRequest {
  readonly scopes: string[];
  give(token: string, expiresOn: number): void;
  refuse(why: string): void;
}

/** A call that runs. */
export interface NativeCall {
  cancel(): void;
}

/** Is told of progress, and at last of how a call ended. */
export type Receiver = (kind: "progress" | "done" | "failed" | "cancelled", payload: string) => void;

export interface NativeManager {
  readonly clusterId: string;
  start(verb: string, options: string, progress: boolean, receiver: Receiver): NativeCall;
}

export interface NativeFleet {
  check(verb: string, options: string): void;
  start(verb: string, options: string, only: readonly string[] | null, progress: boolean, receiver: Receiver): NativeCall;
}

interface Native {
  readonly Manager: new (settings: string, source: ((request: TokenRequest) => void) | null) => NativeManager;
  readonly Fleet: new (settings: string, source: ((request: TokenRequest) => void) | null) => NativeFleet;
  listClusters(options: string, source: ((request: TokenRequest) => void) | null, receiver: Receiver): NativeCall;
  rules(): string;
  toHtml(report: string): string;
  toMarkdown(report: string): string;
  toText(result: string): string;
  version(): string;
  startLog(): string | null;
  scaleTime(factor: number): void;
}

function load(): Native {
  const { platform, arch } = process;
  const fitting = platforms.filter(({ os, cpu }) => os === platform && cpu === arch);
  if (fitting.length === 0) {
    const all = new Set(platforms.map(({ os, cpu }) => `${os}-${cpu}`));
    throw new Error(`aks-kms has no native module for ${platform}-${arch}; there is one for ${[...all].join(", ")}`);
  }
  const problems: NodeJS.ErrnoException[] = [];
  for (const { name } of fitting) {
    const built = join(__dirname, "..", `aks-kms.${name}.node`);
    try {
      return require(existsSync(built) ? built : `aks-kms-${name}`) as Native;
    } catch (problem) {
      problems.push(problem as NodeJS.ErrnoException);
    }
  }
  const found = problems.find(({ code }) => code !== "MODULE_NOT_FOUND");
  const names = fitting.map(({ name }) => `aks-kms-${name}`).join(" or ");
  const why =
    found === undefined
      ? `${names} is not installed; install aks-kms again on this platform, with its optional dependencies`
      : `it cannot be loaded: ${found.message}`;
  throw new Error(`the native module of aks-kms is missing: ${why}`, { cause: found ?? problems[0] });
}

export const native = load();

const problem = native.startLog();
if (problem !== null) process.emitWarning(problem, "AksKmsWarning");
