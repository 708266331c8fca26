// A message centre by npm's smpp: takes every submit_sm, sends a receipt for it, and lets a person answer the first one, wide.
const smpp = require(require.resolve("smpp", { paths: [process.env.NODE_SMPP] }));
const parts = [];
let next = 1;

const server = smpp.createServer((session) => {
  session.on("error", () => {});
  session.on("bind_transceiver", (pdu) => {
    const good = pdu.system_id === "limpet" && pdu.password === "secret";
    session.send(pdu.response({ command_status: good ? smpp.ESME_ROK : smpp.ESME_RBINDFAIL }));
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => { session.send(pdu.response()); session.close(); });
  session.on("submit_sm", (pdu) => {
    const id = `00${(next++).toString(16).toUpperCase()}`;
    parts.push(pdu.short_message.message);
    console.log(JSON.stringify({ from: pdu.source_addr, to: pdu.destination_addr, text: pdu.short_message.message }));
    session.send(pdu.response({ message_id: id }));
    const back = {
      source_addr: pdu.destination_addr, source_addr_ton: 1, source_addr_npi: 1,
      destination_addr: pdu.source_addr, dest_addr_ton: 1, dest_addr_npi: 1,
    };
    session.deliver_sm({
      ...back, esm_class: 4, receipted_message_id: id, message_state: 2,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2601011200 done date:2601011201 stat:DELIVRD err:000 text:`,
    });
    if (parts.length === 1) session.deliver_sm({ ...back, data_coding: 8, short_message: "Ракушка 🐚" });
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
