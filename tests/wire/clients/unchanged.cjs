// A program as people write it for Twilio: nothing in it knows of Limpet. Prints as JSON what it saw.
"use strict";

const client = require("twilio")(process.env.TWILIO_ACCOUNT_SID, process.env.TWILIO_AUTH_TOKEN);
const to = process.argv[2];

async function main() {
  const messagingServiceSid = process.env.TWILIO_MESSAGING_SERVICE_SID;
  const message = await client.messages.create({ to, messagingServiceSid, body: "Nothing was changed here" });
  const listed = await client.messages.list({ to });
  console.log(JSON.stringify({ body: message.body, bodies: listed.map((each) => each.body) }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
