"""Kannel's bearerbox and smsbox as an ESME: their configuration, their processes, and what they hand on over HTTP."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from tests.support.process import free_port

START_S = 20
SBIN = Path("/usr/sbin")
BEARERBOX = SBIN / "bearerbox"
CONFIG = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = admin
smsbox-port = {box}
smsbox-interface = 127.0.0.1
dlr-storage = internal
log-level = 1

group = smsc
smsc = smpp
smsc-id = limpet
host = {host}
port = {port}
transceiver-mode = true
smsc-username = {system_id}
smsc-password = {password}
system-type = "VMA"
source-addr-autodetect = yes
dest-addr-ton = 1
dest-addr-npi = 1
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {send}
sendsms-interface = 127.0.0.1
log-level = 1

group = sendsms-user
username = tester
password = tester
concatenation = true
max-messages = 10

group = sms-service
keyword = default
get-url = "{customer}/text?from=%p&to=%P&text=%b&coding=%c&charset=%C"
max-messages = 0
catch-all = true
"""


class Kannel:
    """A running pair of boxes."""

    def __init__(self, send_port: int, customer: str) -> None:
        self._send_port = send_port
        self._customer = customer
        self._opener = build_opener(ProxyHandler({}))

    def send(self, source: str, to: str, body: str, *, wide: bool = False) -> None:
        """Let smsbox send a text and report what becomes of it to the customer's `/receipt`."""
        asked = {
            "username": "tester", "password": "tester", "from": source, "to": to, "text": body, "dlr-mask": "31",
            "dlr-url": f"{self._customer}/receipt?state=%d&id=%F&text={'wide' if wide else 'plain'}",
            "charset": "utf-8", **({"coding": "2"} if wide else {}),
        }  # fmt: skip
        with self._opener.open(
            f"http://127.0.0.1:{self._send_port}/cgi-bin/sendsms?{urlencode(asked)}", timeout=10
        ) as answer:
            assert answer.status == 202


@contextmanager
def kannel(directory: Path, smpp: str, system_id: str, password: str, customer: str) -> Iterator[Kannel]:
    """Boxes bound to a message centre, and stopped at the end."""
    host, _, port = smpp.rpartition(":")
    send, box_port = free_port(), free_port()
    config = directory / "kannel.conf"
    config.write_text(
        CONFIG.format(
            admin=free_port(), box=box_port, send=send, host=host, port=port, system_id=system_id, password=password,
            customer=customer,
        )
    )  # fmt: skip
    processes = []
    try:
        for box in ("bearerbox", "smsbox"):
            with (directory / f"{box}.log").open("wb") as log:
                processes.append(
                    subprocess.Popen([str(SBIN / box), str(config)], stdout=log, stderr=log, cwd=directory)
                )
            _wait_for(box_port)  # smsbox gives up at once where no bearerbox listens
        yield Kannel(send, customer)
    finally:
        for process in reversed(processes):
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline, "bearerbox does not listen"
            time.sleep(0.05)
        else:
            return
