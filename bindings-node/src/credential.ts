// Tokens of any credential of @azure/identity, or of anything that is like one.

import { invalidInput } from "./error.js";
import type { TokenRequest } from "./native.js";

/** A token, as every credential of @azure/identity gives it. */
export interface AccessToken {
  /** The token. */
  readonly token: string;
  /** When it expires, in milliseconds since 1970. */
  readonly expiresOnTimestamp: number;
}

/** Every credential of @azure/identity, or anything else with `getToken`. */
export interface TokenCredential {
  /**
   * Gives a token.
   *
   * @param scopes What it is to be for.
   */
  getToken(scopes: string[]): Promise<AccessToken | null> | AccessToken | null;
}

/** Asks a credential for tokens, and keeps what it threw for the caller. */
export class TokenSource {
  /** What the credential threw last, unless it has given a token since. */
  failure: unknown;
  readonly #credential: TokenCredential;

  constructor(credential: TokenCredential) {
    if (typeof credential?.getToken !== "function") {
      throw invalidInput("credential has no getToken; pass one of @azure/identity, or leave it out");
    }
    this.#credential = credential;
  }

  /** Answers a request, sooner or later. It never throws. */
  readonly answer = (request: TokenRequest): void => {
    void this.#answer(request);
  };

  async #answer(request: TokenRequest): Promise<void> {
    try {
      const found = await this.#credential.getToken(request.scopes);
      if (typeof found?.token !== "string" || !Number.isFinite(found.expiresOnTimestamp)) {
        throw new TypeError("getToken gave no token with expiresOnTimestamp");
      }
      this.failure = undefined;
      request.give(found.token, Math.floor(found.expiresOnTimestamp));
    } catch (failure) {
      this.failure = failure;
      request.refuse(failure instanceof Error ? failure.message : String(failure));
    }
  }
}
