// A walk over the API by whichever major of Twilio's Node SDK is in NODE_PATH, unmodified but for its base URL.
//
//     NODE_PATH=the/modules node walk.cjs '{"url": …, "account_sid": …, "auth_token": …, "area_code": …}'
//
// Resources are always named by SID: the instances of major 6 forget theirs. Prints the SDK's version and the steps taken
// as JSON; a step that fails ends it with a stack trace.
"use strict";

const assert = require("node:assert/strict");
const twilio = require("twilio");
const { version } = require("twilio/package.json");

const ready = JSON.parse(process.argv[2]);
let next = 2_000_000;
/** A number of the area code that is this walk's own. */
const newNumber = () => `+1${ready.area_code}${next++}`;

function connect(user, secret) {
  const client = twilio(user ?? ready.account_sid, secret ?? ready.auth_token, { accountSid: ready.account_sid });
  client.api.baseUrl = client.messaging.baseUrl = client.events.baseUrl = ready.url;
  return client;
}

/** What a request that the SDK does not make is answered with. */
async function post(path, body) {
  const login = Buffer.from(`${ready.account_sid}:${ready.auth_token}`).toString("base64");
  const headers = { "Content-Type": "application/json", Authorization: `Basic ${login}` };
  const answer = await fetch(ready.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return answer.json();
}

/** The status and the code with which a call is refused. */
async function refused(call) {
  try {
    await call();
  } catch (error) {
    return [error.status, error.code];
  }
  throw new assert.AssertionError({ message: "it was not refused" });
}

const STEPS = {
  async account(client) {
    const found = await client.api.v2010.accounts(ready.account_sid).fetch();
    assert.deepEqual([found.status, found.type], ["active", "Full"]);
    const all = await client.api.v2010.accounts.list();
    assert(all.some((each) => each.sid === ready.account_sid));
  },

  async keys(client) {
    const made = await client.newKeys.create({ friendlyName: "Walk" });
    const holder = connect(made.sid, made.secret);
    assert(Array.isArray(await holder.messages.list({ limit: 1 })));
    assert.equal((await client.keys(made.sid).update({ friendlyName: "Walked" })).friendlyName, "Walked");
    assert((await client.keys.list()).some((each) => each.sid === made.sid));
    assert.equal(await client.keys(made.sid).remove(), true);
    const late = () => holder.incomingPhoneNumbers.create({ phoneNumber: newNumber() });
    assert.deepEqual(await refused(late), [401, 20003]);
  },

  async numbers(client) {
    const phoneNumber = newNumber();
    const made = await client.incomingPhoneNumbers.create({ phoneNumber, smsUrl: "https://example.com/in" });
    assert(made.dateCreated instanceof Date && !Number.isNaN(made.dateCreated.getTime()));
    assert.equal((await client.incomingPhoneNumbers(made.sid).update({ friendlyName: "Desk" })).friendlyName, "Desk");
    assert.deepEqual((await client.incomingPhoneNumbers.list({ phoneNumber })).map((each) => each.sid), [made.sid]);
    assert.equal(await client.incomingPhoneNumbers(made.sid).remove(), true);
    assert.deepEqual(await refused(() => client.incomingPhoneNumbers(made.sid).fetch()), [404, 20404]);
  },

  async services(client) {
    const made = await client.messaging.v1.services.create({ friendlyName: "Walk", stickySender: true, validityPeriod: 600 });
    assert.deepEqual([made.stickySender, made.validityPeriod, made.smartEncoding], [true, 600, true]);
    assert(made.dateCreated instanceof Date && !Number.isNaN(made.dateCreated.getTime()));
    const it = client.messaging.v1.services(made.sid);
    assert.equal((await it.update({ friendlyName: "Walked", stickySender: false })).stickySender, false);
    assert.equal((await it.fetch()).friendlyName, "Walked");
    assert.equal(await it.remove(), true);
    assert.deepEqual(await refused(() => it.fetch()), [404, 20404]);
  },

  async pools(client) {
    const service = await client.messaging.v1.services.create({ friendlyName: "Pool" });
    const mine = [];
    for (let n = 0; n < 5; n++) {
      const number = await client.incomingPhoneNumbers.create({ phoneNumber: newNumber() });
      const joined = await client.messaging.v1.services(service.sid).phoneNumbers.create({ phoneNumberSid: number.sid });
      assert.deepEqual([joined.phoneNumber, joined.countryCode], [number.phoneNumber, "US"]);
      mine.unshift(number.sid);
    }
    assert.deepEqual((await client.messaging.v1.services(service.sid).phoneNumbers.list({ pageSize: 2 })).map((each) => each.sid), mine);
    assert.deepEqual(await refused(() => client.messaging.v1.services(service.sid).phoneNumbers.create({ phoneNumberSid: mine[0] })), [409, 21710]);
    assert.equal(await client.messaging.v1.services(service.sid).phoneNumbers(mine[0]).remove(), true);
  },

  async messages(client) {
    const service = await client.messaging.v1.services.create({ friendlyName: "Sticky" });
    const mine = [];
    for (let n = 0; n < 3; n++) {
      const number = await client.incomingPhoneNumbers.create({ phoneNumber: newNumber() });
      await client.messaging.v1.services(service.sid).phoneNumbers.create({ phoneNumberSid: number.sid });
      mine.push(number.phoneNumber);
    }
    const [to, messagingServiceSid] = [newNumber(), service.sid];
    const first = await client.messages.create({ to, messagingServiceSid, body: "Grüße 1" });
    assert.deepEqual([first.status, first.from, first.numSegments, first.direction], ["accepted", null, "0", "outbound-api"]);
    for (let n = 2; n < 8; n++) await client.messages.create({ to, messagingServiceSid, body: `Grüße ${n}` });
    const heard = await client.messages.list({ to, pageSize: 3 });
    assert.deepEqual(heard.map((each) => each.body), [7, 6, 5, 4, 3, 2, 1].map((n) => `Grüße ${n}`));
    assert.equal(new Set(heard.map((each) => each.from)).size, 1);
    assert(mine.includes(heard[0].from) && heard[0].dateCreated instanceof Date);
    const plain = await client.messages.create({ to, from: mine[0], body: "plain" });
    assert.deepEqual([plain.status, plain.from], ["queued", mine[0]]);
  },

  async scheduled(client) {
    const service = await client.messaging.v1.services.create({ friendlyName: "Later" });
    const number = await client.incomingPhoneNumbers.create({ phoneNumber: newNumber() });
    await client.messaging.v1.services(service.sid).phoneNumbers.create({ phoneNumberSid: number.sid });
    const sendAt = new Date(Date.now() + 3_600_000);
    const made = await client.messages.create({
      to: newNumber(), messagingServiceSid: service.sid, body: "later", scheduleType: "fixed", sendAt,
    });
    assert.equal(made.status, "scheduled");
    assert.equal((await client.messages(made.sid).update({ status: "canceled" })).status, "canceled");
  },

  async short_codes(client) {
    const service = await client.messaging.v1.services.create({ friendlyName: "Codes" });
    const made = await client.request({ // bringing one is Limpet's own
      method: "post", uri: `${ready.url}/2010-04-01/Accounts/${ready.account_sid}/SMS/ShortCodes.json`,
      data: { ShortCode: `${ready.area_code}${ready.area_code}`, Country: "US" },
    });
    const { sid, short_code } = typeof made.body === "string" ? JSON.parse(made.body) : made.body;
    assert.equal((await client.shortCodes(sid).update({ friendlyName: "Votes" })).friendlyName, "Votes");
    assert((await client.shortCodes.list()).some((each) => each.sid === sid));
    const pool = client.messaging.v1.services(service.sid).shortCodes;
    const joined = await pool.create({ shortCodeSid: sid });
    assert.deepEqual([joined.shortCode, joined.countryCode], [short_code, "US"]);
    assert.deepEqual((await pool.list()).map((each) => each.sid), [sid]);
    assert.equal(await client.messaging.v1.services(service.sid).shortCodes(sid).remove(), true);
  },

  async names(client) {
    const service = await client.messaging.v1.services.create({ friendlyName: "Names" });
    const it = client.messaging.v1.services(service.sid);
    const made = await it.alphaSenders.create({ alphaSender: "ACME" });
    assert.deepEqual([made.alphaSender, made.capabilities], ["ACME", ["SMS"]]);
    assert.deepEqual((await it.alphaSenders.list()).map((each) => each.sid), [made.sid]);
    assert.deepEqual(await refused(() => it.alphaSenders.create({ alphaSender: "Other" })), [412, 21714]);
    assert.equal(await it.alphaSenders(made.sid).remove(), true);
    if (it.destinationAlphaSenders) { // younger than some majors
      const there = await it.destinationAlphaSenders.create({ alphaSender: "ACME FR", isoCountryCode: "FR" });
      assert.equal(there.isoCountryCode, "FR");
      assert.deepEqual((await it.destinationAlphaSenders.list()).map((each) => each.sid), [there.sid]);
    }
  },

  async feedback(client) {
    const { phoneNumber } = await client.incomingPhoneNumbers.create({ phoneNumber: newNumber() });
    const sent = await client.messages.create({ to: newNumber(), from: phoneNumber, body: "x", provideFeedback: true });
    const given = await client.messages(sent.sid).feedback.create({ outcome: "confirmed" });
    assert.equal(given.outcome, "confirmed");
  },

  async subaccounts(client) {
    const made = await client.api.v2010.accounts.create({ friendlyName: "Part" });
    assert.deepEqual([made.status, made.ownerAccountSid], ["active", ready.account_sid]);
    assert.equal((await client.api.v2010.accounts(made.sid).update({ status: "suspended" })).status, "suspended");
    const found = await client.api.v2010.accounts.list({ friendlyName: "Part" });
    assert(found.some((each) => each.sid === made.sid));
  },

  async available_numbers(client) {
    const offered = await client.availablePhoneNumbers("US").local.list({ limit: 2 });
    assert.equal(offered.length, 2);
    const { phoneNumber } = offered[0];
    const bought = await client.incomingPhoneNumbers.create({ phoneNumber });
    assert.equal(bought.phoneNumber, phoneNumber);
    const still = await client.availablePhoneNumbers("US").local.list({ limit: 1000 });
    assert(!still.some((each) => each.phoneNumber === phoneNumber));
    assert.equal(await client.incomingPhoneNumbers(bought.sid).remove(), true);
  },

  async event_streams(client) {
    const streams = client.events.v1;
    const sent = "com.twilio.messaging.message.sent";
    const sinkConfiguration = { destination: "https://example.com/events", method: "POST", batch_events: true };
    const sink = await streams.sinks.create({ description: "Ours", sinkConfiguration, sinkType: "webhook" });
    assert.deepEqual([sink.status, sink.sinkType], ["active", "webhook"]);
    assert.deepEqual(sink.sinkConfiguration, sinkConfiguration);
    assert.equal((await streams.sinks(sink.sid).update({ description: "Theirs" })).description, "Theirs");
    const failed = { type: "com.twilio.messaging.message.failed", schema_version: 2 };
    const types = [{ type: sent }, failed];
    const made = await streams.subscriptions.create({ description: "Some", sinkSid: sink.sid, types });
    assert.deepEqual([made.sinkSid, made.description], [sink.sid, "Some"]);
    const asked = await streams.subscriptions(made.sid).subscribedEvents.list();
    assert.deepEqual(new Map(asked.map((one) => [one.type, one.schemaVersion])), new Map([[failed.type, 2], [sent, 8]]));
    assert.equal(await streams.subscriptions(made.sid).subscribedEvents(sent).remove(), true);
    assert.deepEqual((await streams.subscriptions.list({ sinkSid: sink.sid })).map((one) => one.sid), [made.sid]);
    assert.deepEqual(await refused(() => streams.sinks(sink.sid).remove()), [400, 91007]);
    assert.equal(await streams.subscriptions(made.sid).remove(), true);
    assert.equal(await streams.sinks(sink.sid).remove(), true);
    const kinds = await streams.eventTypes.list({ pageSize: 5 });
    assert(kinds.some((one) => one.type === sent && one.schemaId === "Messaging.MessageStatus"));
    assert.equal((await streams.schemas("Messaging.MessageStatus").versions.list()).length, 8);
  },

  async deactivations(client) {
    const found = await client.messaging.v1.deactivations().fetch({ date: ready.deactivated_day });
    const place = found.redirectTo ?? found.redirect_to; // major 6 hands the answer on as it came
    assert(place.startsWith(ready.url));
    const nothing = () => client.messaging.v1.deactivations().fetch({ date: "2020-01-01" });
    assert.deepEqual(await refused(nothing), [404, 20404]);
  },

  async media(client) {
    const number = await client.incomingPhoneNumbers.create({ phoneNumber: newNumber() });
    const service = await client.messaging.v1.services.create({ friendlyName: "Media", mmsConverter: true });
    await client.messaging.v1.services(service.sid).phoneNumbers.create({ phoneNumberSid: number.sid });
    const place = { messagingServiceSid: service.sid, mediaUrl: ["https://example.com/a.png"] };
    const sent = await client.messages.create({ to: newNumber(), body: "look", ...place });
    assert.equal(sent.numMedia, "1");
    const [found] = await client.messages(sent.sid).media.list();
    assert.equal(found.parentSid, sent.sid);
    assert.equal((await client.messages(sent.sid).media(found.sid).fetch()).sid, found.sid);
    assert.equal(await client.messages(sent.sid).media(found.sid).remove(), true);
    assert.deepEqual(await client.messages(sent.sid).media.list(), []);
  },

  async content(client) {
    client.content.baseUrl = ready.url;
    const types = { "twilio/text": { body: "Hello {{1}}" } };
    const template = { friendly_name: "walk", language: "en", variables: { 1: "nobody" }, types };
    const made = await post("/v1/Content", template); // the majors make templates in different ways
    assert.equal((await client.content.v1.contents(made.sid).fetch()).friendlyName ?? made.friendly_name, "walk");
    assert((await client.content.v1.contents.list()).some((each) => each.sid === made.sid));
    const { phoneNumber } = await client.incomingPhoneNumbers.create({ phoneNumber: newNumber() });
    const variables = { contentSid: made.sid, contentVariables: JSON.stringify({ 1: "Ada" }) };
    const sent = await client.messages.create({ to: newNumber(), from: phoneNumber, ...variables });
    assert.equal(sent.body, "Hello Ada");
    assert.equal(await client.content.v1.contents(made.sid).remove(), true);
  },

  async compliance(client) {
    const { v1 } = client.messaging;
    const bundles = { customerProfileBundleSid: `BU${"1".repeat(32)}`, a2PProfileBundleSid: `BU${"2".repeat(32)}` };
    const brand = await v1.brandRegistrations.create({ ...bundles, mock: true });
    assert.equal(brand.mock, true);
    assert((await v1.brandRegistrations.list()).some((each) => each.sid === brand.sid));
    const service = await v1.services.create({ friendlyName: "Campaign" });
    const cases = await v1.services(service.sid).usAppToPersonUsecases.fetch({ brandRegistrationSid: brand.sid });
    assert((cases.usAppToPersonUsecases ?? cases.us_app_to_person_usecases).some((each) => each.code === "MIXED"));
    assert.deepEqual(await v1.services(service.sid).usAppToPerson.list(), []);
    assert(Array.isArray(await v1.tollfreeVerifications.list()));
  },

  async errors(client) {
    const create = (fields) => refused(() => client.messages.create({ to: newNumber(), body: "x", ...fields }));
    const service = await client.messaging.v1.services.create({ friendlyName: "Empty" });
    assert.deepEqual(await create({ to: "nobody", from: "+15005550006" }), [400, 21211]);
    assert.deepEqual(await create({}), [400, 21603]);
    assert.deepEqual(await create({ messagingServiceSid: service.sid }), [400, 21704]);
    assert.deepEqual(await refused(() => client.messages(`SM${"0".repeat(32)}`).fetch()), [404, 20404]);
  },
};

async function walk() {
  const client = connect();
  for (const step of Object.values(STEPS)) await step(client);
  console.log(JSON.stringify({ version, steps: Object.keys(STEPS) }));
}

walk().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
