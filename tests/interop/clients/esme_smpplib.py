"""An ESME by smpplib: a short text, one in Unicode and one in parts by header; then receipts and texts until all are there."""

from __future__ import annotations

import json
import sys

import smpplib.client
import smpplib.consts
import smpplib.gsm


def main() -> None:
    host, port, system_id, password, person, *bodies = sys.argv[1:]
    client = smpplib.client.Client(host, int(port), timeout=20)
    ids: dict[int, str] = {}
    receipts: dict[str, str] = {}
    texts: list[str] = []

    def took(pdu: object) -> None:
        ids[pdu.sequence] = pdu.message_id.decode()

    def came(pdu: object) -> int:
        octets = pdu.short_message
        if pdu.esm_class & 0x04:
            words = dict(word.split(b":", 1) for word in octets.split(b" ") if b":" in word)
            assert pdu.receipted_message_id.decode().rstrip("\0") == words[b"id"].decode()
            receipts[words[b"id"].decode()] = words[b"stat"].decode()
        else:
            octets = octets[1 + octets[0] :] if pdu.esm_class & 0x40 else octets
            texts.append(octets.decode("utf-16-be" if pdu.data_coding == 8 else "ascii"))
        return smpplib.consts.SMPP_ESME_ROK

    client.set_message_sent_handler(took)
    client.set_message_received_handler(came)
    client.connect()
    client.bind_transceiver(system_id=system_id, password=password)
    sent: list[list[int]] = []
    for body in bodies:
        parts, coding, esm_class = smpplib.gsm.make_parts(body)
        sent.append([])
        for part in parts:
            pdu = client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_UNK, source_addr="", dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                destination_addr=person, short_message=part, data_coding=coding, esm_class=esm_class,
                registered_delivery=True,
            )  # fmt: skip
            sent[-1].append(pdu.sequence)
    while len(ids) < sum(map(len, sent)):
        client.read_once()
    print(json.dumps([[ids[sequence] for sequence in each] for each in sent]), flush=True)
    wanted = json.loads(sys.stdin.readline())
    while len(receipts) < len(ids) or len("".join(texts)) < wanted:
        client.read_once()
    client.unbind()
    client.disconnect()
    print(json.dumps({"receipts": receipts, "texts": texts}), flush=True)


main()
