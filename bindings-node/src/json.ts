// Names and times of JSON, as JavaScript has them.

import { times } from "./generated/table.js";

function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A result, from what the native module says. */
export function read(text: string): unknown {
  return named(JSON.parse(text));
}

/** A value with the names and times of JavaScript. */
export function named(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(named);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      camel(name),
      times.has(name) && typeof one === "string" ? new Date(one) : named(one),
    ]),
  );
}

/** A value with the names of JSON, and without what is undefined. */
export function written(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== "object" || value === null) return value;
  // a time, of whichever realm: it is written as JSON has it
  if (typeof (value as Date).toJSON === "function") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([name, one]) => [snake(name), written(one)]),
  );
}
