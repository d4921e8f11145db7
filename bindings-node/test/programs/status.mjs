// Prints the cluster by the credential that HOW names, or that the library finds.

import * as identity from "@azure/identity";

import { manager } from "../world.mjs";

const of = JSON.parse(process.env.OF);
const credential = process.env.HOW === undefined ? undefined : new identity[process.env.HOW]();
console.log((await manager(of, { credential }).status()).cluster);
