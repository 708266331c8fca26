// An ESME by npm's smpp: a short text, one in Unicode and one by message_payload; then receipts and texts until all are there.
const [host, port, systemId, password, person, ...bodies] = process.argv.slice(2);
const smpp = require(require.resolve("smpp", { paths: [process.env.NODE_SMPP] }));
const readline = require("readline");

const session = smpp.connect({ url: `smpp://${host}:${port}` });
const receipts = {}, texts = [], ids = [];
let wanted = Infinity;

session.on("error", (error) => { console.error(error); process.exit(1); });
session.on("deliver_sm", (pdu) => {
  const text = pdu.short_message.message;
  if (pdu.esm_class & 0x04) receipts[pdu.receipted_message_id] = /stat:(\w+)/.exec(text)[1];
  else texts.push(text);
  session.send(pdu.response());
  finish();
});
session.on("connect", () => {
  session.bind_transceiver({ system_id: systemId, password }, (bound) => {
    if (bound.command_status !== 0) { console.error(bound); process.exit(1); }
    bodies.forEach((body, number) => {
      const said = body.length > 160 ? { message_payload: body } : { short_message: body };
      session.submit_sm({ dest_addr_ton: 1, destination_addr: person, registered_delivery: 1, ...said }, (pdu) => {
        if (pdu.command_status !== 0) { console.error(pdu); process.exit(1); }
        ids[number] = [pdu.message_id];
        if (ids.filter(Boolean).length === bodies.length) console.log(JSON.stringify(ids));
      });
    });
  });
});
readline.createInterface({ input: process.stdin }).once("line", (line) => { wanted = JSON.parse(line); finish(); });

function finish() {
  if (Object.keys(receipts).length < bodies.length || texts.join("").length < wanted) return;
  wanted = Infinity;
  session.unbind(() => {
    console.log(JSON.stringify({ receipts, texts }));
    session.close(() => process.exit(0));
  });
}
