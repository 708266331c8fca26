// People sign up with their phone number: a code goes to it, and whoever brings it back is a member.
//
// Nothing in here knows of Limpet: it is an application as one writes it for Twilio.
"use strict";

const { randomInt } = require("node:crypto");

class SignUp {
  constructor(client, messagingServiceSid) {
    this.client = client;
    this.messagingServiceSid = messagingServiceSid;
    this.codes = new Map();
    this.members = new Set();
  }

  /** Send a code. */
  async begin(to) {
    const code = String(randomInt(1_000_000)).padStart(6, "0");
    this.codes.set(to, code);
    await this.send(to, `Your code is ${code}. Nobody else needs to know it.`);
  }

  /** Whether the code was right; it is good for one try. */
  async confirm(to, code) {
    const right = this.codes.get(to) === code;
    this.codes.delete(to);
    if (right) {
      this.members.add(to);
      await this.send(to, "Welcome! Reply STOP to hear no more.");
    }
    return right;
  }

  /** Write to every member. */
  async tellAll(news) {
    for (const to of this.members) await this.send(to, news);
  }

  async send(to, body) {
    await this.client.messages.create({ to, messagingServiceSid: this.messagingServiceSid, body });
  }
}

module.exports = { SignUp };
