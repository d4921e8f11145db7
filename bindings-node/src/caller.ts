// How a call runs.

import { AsyncResource } from "node:async_hooks";

import { type Verb, argumentsOf, shown } from "./arguments.js";
import type { TokenSource } from "./credential.js";
import { AbortError, KmsError, asked, fromDocument, invalidInput } from "./error.js";
import { verbs } from "./generated/table.js";
import { read } from "./json.js";
import type { NativeCall, NativeManager, Receiver } from "./native.js";

/** The options of every call. */
export interface CallOptions {
  /**
   * Aborts the call: it rejects with `AbortError`. What a verb had begun can be gone on with, from any machine. Default:
   * none.
   */
  readonly signal?: AbortSignal | undefined;
}

type Told = ((progress: unknown) => unknown) | undefined;

/**
 * What is called, and how it is begun.
 *
 * @internal
 */
export interface Callable {
  readonly verb: Verb;
  /** The options that are not the library's. */
  readonly handled: readonly string[];
  readonly source: TokenSource | undefined;
  begin(text: string, progress: boolean, receiver: Receiver): NativeCall;
}

/** Calls verbs. */
export abstract class Caller {
  /** @internal */
  protected abstract readonly native: NativeManager;
  /** @internal */
  protected abstract readonly source: TokenSource | undefined;

  /** @internal */
  protected call<T>(name: keyof typeof verbs, given: readonly unknown[], options: unknown): Promise<T> {
    const verb = verbs[name];
    const from = Reflect.get(this, verb.method) as () => void;
    return traced(from, () => {
      const begin: Callable["begin"] = (text, progress, receiver) => this.native.start(name, text, progress, receiver);
      const handled = verb.progress ? ["signal", "onProgress"] : ["signal"];
      return run<T>({ verb, handled, source: this.source, begin }, given, options);
    });
  }
}

/**
 * Runs a call; its error has the stack of who called `from`.
 *
 * @internal
 */
export function traced<T>(from: (...given: never[]) => unknown, call: () => Promise<T>): Promise<T> {
  // where the caller is; an error that is made later does not know it
  const here: { stack?: string } = {};
  Error.captureStackTrace(here, from);
  return call().catch((problem: unknown) => {
    if (problem instanceof KmsError || problem instanceof AbortError) {
      const frames = here.stack?.split("\n").slice(1).join("\n");
      problem.stack = `${problem.name}: ${problem.message}\n${frames}`;
    }
    throw problem;
  });
}

/**
 * Runs a call.
 *
 * @internal
 */
export async function run<T>(callable: Callable, given: readonly unknown[], options: unknown): Promise<T> {
  const { text, signal, onProgress } = checked(callable, given, options);
  if (signal?.aborted) throw new AbortError(signal.reason);
  const tell = onProgress === undefined ? undefined : AsyncResource.bind(teller(onProgress));
  let abort: (() => void) | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      const call: NativeCall = asked(() =>
        callable.begin(text, tell !== undefined, (kind, payload) => {
          try {
            if (kind === "progress") tell?.(payload);
            else if (kind === "done") resolve(read(payload) as T);
            else if (kind === "cancelled") reject(new AbortError(signal?.reason));
            else reject(failure(payload, callable.source));
          } catch (problem) {
            // nobody catches what is thrown here
            reject(problem as Error);
          }
        }),
      );
      abort = () => call.cancel();
      signal?.addEventListener("abort", abort, { once: true });
    });
  } finally {
    if (abort !== undefined) signal?.removeEventListener("abort", abort);
  }
}

/**
 * What a call takes: the arguments as JSON, and the options that are not the library's.
 *
 * @throws KmsError with the code `invalid_input`, for what is missing, unknown or malformed.
 * @internal
 */
export function checked(callable: Pick<Callable, "verb" | "handled">, given: readonly unknown[], options: unknown) {
  const others = handled(options);
  return { text: argumentsOf(callable.verb, given, (options ?? {}) as object, callable.handled), ...others };
}

function failure(payload: string, source: TokenSource | undefined): Error {
  const error = fromDocument(payload);
  if (error.code !== "unauthenticated" || source?.failure === undefined) return error;
  return fromDocument(payload, source.failure);
}

/** The options that are not the library's. */
function handled(options: unknown): { signal: AbortSignal | undefined; onProgress: Told } {
  if (options !== undefined && (typeof options !== "object" || options === null || Array.isArray(options))) {
    throw invalidInput(`options is ${shown(options)}; pass an object, or leave it out`);
  }
  const { signal, onProgress } = (options ?? {}) as { signal?: AbortSignal; onProgress?: Told };
  // one of another realm, or of a library, does as well
  if (signal !== undefined && (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function")) {
    throw invalidInput(`signal is ${shown(signal)}; pass an AbortSignal, or leave it out`);
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw invalidInput(`onProgress is ${shown(onProgress)}; pass a function, or leave it out`);
  }
  return { signal, onProgress };
}

/** Tells of progress. What the caller's function throws, at once or later, is a warning, the first time. */
function teller(onProgress: NonNullable<Told>): (payload: string) => void {
  const warned = new Set<string>();
  const warn = (problem: unknown): void => {
    const what = problem instanceof Error ? problem.message : String(problem);
    if (warned.has(what)) return;
    warned.add(what);
    const detail = problem instanceof Error ? problem.stack : undefined;
    process.emitWarning(`onProgress threw: ${what}`, { type: "AksKmsWarning", ...(detail === undefined ? {} : { detail }) });
  };
  return (payload) => {
    try {
      const given = onProgress(read(payload));
      if (given instanceof Promise) given.catch(warn);
    } catch (problem) {
      warn(problem);
    }
  };
}
