// The errors.

import type { ErrorCode, Finding, OperationReport } from "./generated/results.js";
import { named } from "./json.js";

interface Details {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly serviceCode: string | null;
  readonly findings: readonly Finding[];
  readonly report: OperationReport | null;
}

/**
 * Why a call failed: its message says what failed, on what, and what to do, for every finding. It never has a token,
 * a kubeconfig or a secret's value.
 */
export class KmsError extends Error {
  /** The stable code, the same in every language. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later with nothing else changed. */
  readonly retryable: boolean;
  /** The rules behind an `invalid_input`, `preflight_failed` or `conflict`. */
  readonly findings: readonly Finding[];
  /** The service's own error code, such as `EtagMismatch`; null: there is none. */
  readonly serviceCode: string | null;
  /** How far the operation came; null: it did not begin. Not shown by `console.log`: it is long. */
  declare readonly report: OperationReport | null;

  /** @internal */
  constructor(details: Details, options?: ErrorOptions) {
    super(details.message, options);
    this.code = details.code;
    this.retryable = details.retryable;
    this.serviceCode = details.serviceCode;
    this.findings = details.findings;
    Object.defineProperty(this, "report", { value: details.report, enumerable: false });
  }
}
Object.defineProperty(KmsError.prototype, "name", { value: "KmsError", configurable: true, writable: true });

/** A call that was aborted. What it had begun is recorded in the cluster: `resume`, or the same call again, goes on. */
export class AbortError extends Error {
  /** As of every abort in Node.js. */
  readonly code = "ABORT_ERR";

  /** @internal */
  constructor(reason: unknown) {
    super("The operation was aborted", { cause: reason });
  }
}
Object.defineProperty(AbortError.prototype, "name", { value: "AbortError", configurable: true, writable: true });

/** An argument that is malformed, before the library was asked. */
export function invalidInput(message: string): KmsError {
  return new KmsError({
    code: "invalid_input",
    message,
    retryable: false,
    serviceCode: null,
    findings: [],
    report: null,
  });
}

/** The error that a document of the native module tells of. */
export function fromDocument(text: string, cause?: unknown): KmsError {
  return new KmsError(named(JSON.parse(text)) as Details, cause === undefined ? undefined : { cause });
}

/** Calls the native module, whose errors are documents. */
export function asked<T>(ask: () => T): T {
  try {
    return ask();
  } catch (problem) {
    const text = (problem as Error).message;
    throw text.startsWith("{") ? fromDocument(text) : problem;
  }
}
