// The simulator as a process, and its cases.

import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const scale = 0.01;

/** One subscription of a simulator, with its cluster, vault and identity. */
export class Case {
  constructor(document) {
    Object.assign(this, document);
  }

  /** Asks the administration about this case. */
  ask(path, method = "GET", body) {
    return request(`${this.admin}/cases/${this.id}/${path}`.replace(/\/$/, ""), this.admin_token, method, body);
  }

  /** The same, where the answer is no JSON. */
  text(path) {
    return request(`${this.admin}/cases/${this.id}/${path}`, this.admin_token, "GET", undefined, String);
  }

  /** Under what the cluster's secrets are, as read from its store. */
  secrets() {
    return this.ask("secrets");
  }

  /** The writes that were seen, in order. */
  writes() {
    return this.ask("writes");
  }

  end() {
    return this.ask("", "DELETE");
  }

  /** A value with what its placeholders stand for. */
  filled(value) {
    if (typeof value === "string") return this.#text(value);
    if (Array.isArray(value)) return value.map((one) => this.filled(one));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [this.#text(name), this.filled(one)]));
  }

  #text(text) {
    const ids = { key: this.key_ids, other_key: this.other_key_ids };
    const fields = {
      vault: this.key_vault_id,
      other_vault: this.other_key_vault_id,
      cluster: this.cluster_id,
      subscription: this.subscription_id,
      identity: this.identity_id,
      principal: this.principal_id,
    };
    for (const [name, [first]] of Object.entries(ids)) {
      // without its version
      if (first !== undefined) fields[name] = first.replace(/\/[^/]*$/, "");
    }
    return text
      .replace(/\{\{(key|other_key)\.(\d+)\}\}/g, (whole, name, number) => ids[name][number - 1] ?? whole)
      .replace(/\{\{(\w+)\}\}/g, (whole, name) => fields[name] ?? whole);
  }
}

/** Clusters of a simulator in several subscriptions, with one way to sign in. */
export class SimulatedFleet {
  constructor(document) {
    Object.assign(this, document);
    this.ids = this.clusters.map(({ cluster_id: id }) => id);
  }

  /** The case of each cluster, with its keys. */
  cases() {
    const found = this.clusters.map(({ case: id }) => request(`${this.admin}/cases/${id}`, this.admin_token, "GET"));
    return Promise.all(found.map(async (one) => new Case(await one)));
  }

  end() {
    return request(`${this.admin}/fleets/${this.id}`, this.admin_token, "DELETE");
  }
}

function request(url, token, method, body, read = JSON.parse) {
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const headers = { authorization: `Bearer ${token}` };
  if (sent !== undefined) Object.assign(headers, { "content-type": "application/json", "content-length": Buffer.byteLength(sent) });
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, { method, headers }, (answer) => {
      const parts = [];
      answer.on("error", reject).on("data", (part) => parts.push(part)).on("end", () => {
        const text = Buffer.concat(parts).toString();
        if (answer.statusCode >= 300) reject(new Error(`${method} ${url}: ${answer.statusCode} ${text}`));
        else resolve(text === "" ? undefined : read(text));
      });
    });
    asked.on("error", reject).end(sent);
  });
}

/** A simulator. */
export class Simulator {
  constructor(admin, token) {
    Object.assign(this, { admin, token });
  }

  /** The one that the environment leads to. */
  static found() {
    return new Simulator(process.env.SIMULATOR, process.env.SIMULATOR_TOKEN);
  }

  /** Under what the secrets of a case's cluster are. */
  secrets(id) {
    return request(`${this.admin}/cases/${id}/secrets`, this.token, "GET");
  }

  /** Makes a case of its own. */
  async put(given = {}) {
    return new Case(await request(`${this.admin}/cases`, this.token, "PUT", given));
  }

  /** Makes many clusters. */
  async putFleet(given = {}) {
    return new SimulatedFleet(await request(`${this.admin}/fleets`, this.token, "PUT", given));
  }
}

/** Starts a simulator, which ends with this process; gives the environment that leads to its first case. */
export async function start(given = {}) {
  const folder = mkdtempSync(join(tmpdir(), "aks-kms-node-"));
  writeFileSync(join(folder, "given.json"), JSON.stringify(given));
  const log = openSync(join(folder, "simulator.log"), "w");
  const options = ["--port", "0", "--time-scale", String(scale), "--given", join(folder, "given.json"), "--directory", folder];
  const child = spawn(process.env.AKS_KMS_SIMULATOR, options, { stdio: ["ignore", "ignore", log] });
  closeSync(log);
  child.unref();
  process.on("exit", () => {
    child.kill();
    rmSync(folder, { recursive: true });
  });
  const deadline = Date.now() + 60_000;
  while (!existsSync(join(folder, "env"))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`the simulator did not start: ${readFileSync(join(folder, "simulator.log"), "utf8")}`);
    }
    await sleep(20);
  }
  const lines = readFileSync(join(folder, "env"), "utf8").trim().split("\n");
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^export (\w+)=(.*)$/.exec(line);
      return [name, value.replace(/^'(.*)'$/, "$1")];
    }),
  );
}
