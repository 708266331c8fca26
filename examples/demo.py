"""What Limpet is for, in a few seconds: people written to many times, each always from the same number.

Starts `limpet dev` in a directory of its own, then does what a customer would, with the official `twilio` package and nothing
else: makes a service, puts numbers into its pool, sends in rounds, waits for the receipts, and looks who heard from whom.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from twilio.rest import Client

ROUNDS = 5
NUMBERS = ("+14155550120", "+12125550121", "+13125550122", "+12065550123", "+16175550124", "+15125550125")
RECIPIENTS = (
    "+14155550180", "+14155550181", "+12125550182", "+16465550183", "+13125550184", "+12065550185",
    "+16175550186", "+15125550187", "+13055550188", "+17025550189", "+14165550190", "+442079460991",
)  # fmt: skip
BODIES = (
    "Your parcel leaves today.",
    "It is on its way. 🐚",
    "It will be there between 9 and 11. " * 6,
    "It has arrived.",
    "How did it go? Answer with a number from 1 to 5.",
)
RECEIPTS_TIMEOUT_S = 20.0
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
FINAL = {"delivered", "undelivered", "failed", "canceled"}


@dataclass
class Person:
    """One recipient, and what became of the messages to it."""

    address: str
    sids: list[str] = field(default_factory=list)
    heard_from: set[str] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)
    why: str = ""


def main() -> int:
    """Run it all; 0 when everybody always heard from one number and everything was delivered."""
    console = Console(highlight=False)
    forget_other_twilios()
    with running_limpet(console) as ready:
        client = Client(ready["account_sid"], ready["auth_token"])
        client.api.base_url = client.messaging.base_url = ready["url"]
        service = make_service(client)
        console.print(f"{len(NUMBERS)} numbers in the pool of a new service at {ready['url']}")
        people = [Person(address) for address in RECIPIENTS]
        with Progress(
            TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), console=console
        ) as progress:
            send_rounds(client, service.sid, people, progress)
            wait_for_receipts(client, people, progress)
        for person in people:
            person.why = why(client, person.sids[0])
    console.print(report(people))
    changed = sum(len(person.heard_from) != 1 for person in people)
    messages = sum(len(person.sids) for person in people)
    undelivered = messages - sum(person.statuses["delivered"] for person in people)
    if undelivered:
        console.print(f"{undelivered} messages were not delivered.")
    print(f"demo: {messages} messages, {len(people)} recipients, {changed} changed sender")
    return 1 if changed or undelivered else 0


def forget_other_twilios() -> None:
    """The SDK reads these, and would go elsewhere."""
    for name in ("TWILIO_REGION", "TWILIO_EDGE"):
        os.environ.pop(name, None)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


@contextmanager
def running_limpet(console: Console) -> Iterator[dict[str, Any]]:
    """A `limpet dev` on a free port, stopped and removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="limpet-demo-"))
    home.chmod(0o711)  # PostgreSQL's user passes through it when root runs this
    command = [
        str(Path(sys.executable).with_name("limpet")),
        "dev",
        "--port",
        "0",
        "--data",
        str(home / "data"),
        "--ready-json",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        with console.status("Starting Limpet with its own PostgreSQL and a simulated carrier"):
            assert process.stdout is not None
            first = process.stdout.readline()
        if not first:
            raise SystemExit("Limpet did not start; what it said is above.")
        yield json.loads(first)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(home, ignore_errors=True)


def make_service(client: Client) -> Any:
    """A Messaging Service with all NUMBERS in its sender pool; Sticky Sender is on unless one says otherwise."""
    service = client.messaging.v1.services.create(friendly_name="Demo")
    for number in NUMBERS:
        owned = client.incoming_phone_numbers.create(phone_number=number)
        service.phone_numbers.create(phone_number_sid=owned.sid)
    return service


def send_rounds(client: Client, service_sid: str, people: list[Person], progress: Progress) -> None:
    """Write to everybody in each round, in another order each time."""
    task = progress.add_task("sent", total=ROUNDS * len(people))
    order = random.Random(2026)
    for body in BODIES[:ROUNDS]:
        for person in order.sample(people, len(people)):
            sent = client.messages.create(to=person.address, messaging_service_sid=service_sid, body=body.strip())
            person.sids.append(sent.sid)
            progress.advance(task)


def wait_for_receipts(client: Client, people: list[Person], progress: Progress) -> None:
    """Fetch each message until its status is final, or time is over."""
    waiting = [(person, sid) for person in people for sid in person.sids]
    task = progress.add_task("delivered", total=len(waiting))
    deadline = time.monotonic() + RECEIPTS_TIMEOUT_S
    while waiting:
        person, sid = waiting.pop(0)
        message = client.messages(sid).fetch()
        if message.status in FINAL or time.monotonic() > deadline:
            person.statuses[message.status] += 1
            person.heard_from.add(message.from_ or "nobody")
            progress.advance(task)
        else:
            waiting.append((person, sid))
            time.sleep(0.01)


REASONS = {
    "area_code": "same area code",
    "overlay": "area code of the same place",
    "country": "same country",
    "us_or_canada": "nearest: US or Canada",
    "us_fallback": "none of that country: US",
    "any": "the only ones there are",
}


def why(client: Client, message_sid: str) -> str:
    """Why a person's first message came from its number: what Limpet noted when it chose (ours, so not in Twilio's package)."""
    url = f"{client.api.base_url}/2010-04-01/Accounts/{client.account_sid}/Messages/{message_sid}/Decision.json"
    reason = json.loads(client.request("GET", url).text)["reason"]
    return f"{REASONS.get(reason, reason)}, then sticky"


def report(people: list[Person]) -> Table:
    """Who heard from which number, why, and what became of the messages."""
    table = Table("Recipient", "Heard from", "Why", "Messages")
    for person in people:
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(person.statuses.items()))
        table.add_row(person.address, "\n".join(sorted(person.heard_from)), person.why, statuses)
    return table


if __name__ == "__main__":
    sys.exit(main())
