// The sign-up, tried with phones: `npm install twilio`, then `node --test`.
"use strict";

const assert = require("node:assert/strict");
const { after, before, beforeEach, test } = require("node:test");
const twilio = require("twilio");
const { Limpet } = require("./limpet.cjs");
const { SignUp } = require("./sign-up.cjs");

const ANNA = "+14155550150";
const CODE = /Your code is (\d{6})\./;
let app, client, limpet;

before(async () => {
  limpet = await Limpet.start();
  client = limpet.point(twilio(limpet.ready.account_sid, limpet.ready.auth_token));
});
beforeEach(async () => {
  await limpet.reset();
  app = new SignUp(client, limpet.ready.service_sid);
});
after(() => limpet?.stop());

async function join(number) {
  await app.begin(number);
  const { body } = await limpet.expect(number, CODE);
  assert(await app.confirm(number, CODE.exec(body)[1]));
  return limpet.expect(number, /Welcome/);
}

test("who brings the code back is a member", async () => {
  const welcome = await join(ANNA);
  assert(app.members.has(ANNA));
  assert(limpet.ready.numbers.includes(welcome.from));
});

test("a wrong code is none", async () => {
  await app.begin(ANNA);
  await limpet.expect(ANNA, CODE);
  assert.equal(await app.confirm(ANNA, "a guess"), false);
});

test("who writes STOP hears no more", async () => {
  await join(ANNA);
  await limpet.reply(ANNA, "STOP");
  await limpet.expect(ANNA, /no more messages/);
  await app.tellAll("There is news");
  await assert.rejects(limpet.expect(ANNA, "There is news", { within: 0.5 }), /failed 21610/);
});

test("each test begins anew, and in the present", async () => {
  await limpet.travel(366);
  await app.begin(ANNA);
  await limpet.expect(ANNA, CODE);
});
