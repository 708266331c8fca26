// A Limpet for tests: started once, emptied between tests, with phones to look at and to write from. Copy it into your project.
//
// It needs the program `limpet` on the path (or in LIMPET_PROGRAM), and nothing of npm.
"use strict";

const { spawn } = require("node:child_process");
const { chmod, mkdtemp, rm } = require("node:fs/promises");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { createInterface } = require("node:readline");

class Limpet {
  /** Start one: `limpet.ready` says its URL, account, token, service and numbers. It stops by itself when this process ends. */
  static async start() {
    const home = await mkdtemp(join(tmpdir(), "limpet-"));
    await chmod(home, 0o711); // where root runs the tests, PostgreSQL's user passes through
    const options = ["--port", "0", "--throwaway", "--until-eof", "--ready-json", "--data", join(home, "data")];
    const program = process.env.LIMPET_PROGRAM ?? "limpet";
    const child = spawn(program, ["dev", ...options], { stdio: ["pipe", "pipe", "inherit"] });
    for await (const line of createInterface(child.stdout)) return new Limpet(JSON.parse(line), child, home);
    throw new Error("Limpet did not start; what it said is above.");
  }

  constructor(ready, child, home) {
    Object.assign(this, { ready, child, home, expected: new Set() });
  }

  /** A client of Twilio's, led here. */
  point(client) {
    client.api.baseUrl = client.messaging.baseUrl = this.ready.url;
    return client;
  }

  /** Begin anew: no message, mapping or opt-out is left. Once before each test. */
  async reset() {
    this.expected.clear();
    await this.post("/phones/reset", {});
  }

  /** Wait until a phone has such a text (a string is the whole of it), and answer its message. */
  async expect(number, text, { within = 5 } = {}) {
    const until = Date.now() + within * 1000;
    const came = new Map();
    for (let after = ""; ; ) {
      const wait = Math.max(0, (until - Date.now()) / 1000).toFixed(3);
      const query = new URLSearchParams({ to: number, after, wait });
      const answer = await (await fetch(`${this.ready.url}/phones/messages.json?${query}`)).json();
      after = answer.after;
      for (const message of answer.messages) {
        if (message.direction === "inbound" || this.expected.has(message.sid)) continue;
        came.set(message.sid, message);
        const fits = typeof text === "string" ? message.body === text : text.test(message.body);
        if (fits && ["sent", "delivered", "read"].includes(message.status)) {
          this.expected.add(message.sid);
          return message;
        }
      }
      if (Date.now() >= until) break;
    }
    const shown = [...came.values()].map((one) => `  ${one.status} ${one.error_code ?? ""} ${JSON.stringify(one.body)}`);
    throw new Error(`${number} did not get ${text} within ${within} s, but:\n${shown.join("\n") || "  nothing"}`);
  }

  /** Let a person write to the number that they heard from last. */
  async reply(number, text) {
    await this.post("/phones/inbound", { From: number, Body: text });
  }

  /** Move the clock on. */
  async travel(days) {
    await this.post("/phones/clock", { By: String(days * 86_400) });
  }

  async stop() {
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin.end();
    await gone;
    await rm(this.home, { recursive: true, force: true });
  }

  async post(path, body) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(this.ready.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.message);
    return said;
  }
}

module.exports = { Limpet };
