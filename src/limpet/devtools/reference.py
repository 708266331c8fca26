"""The reference of the API: every operation that Twilio documents, and what it is here. `make reference` writes it.

The operations are facts in `docs/reference/operations.json`, what is served comes from the application's own routes, and what
differs or is missing, with why, from the tables below: a page that says otherwise than the code cannot be written.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from limpet.web.app import served

OPERATIONS: Final = "operations.json"
PAGE: Final = "api.md"

_VOICE = "Limpet carries messages, not calls"
_REGISTRY = "vetting by third parties is made at the registry itself"
GROUPS: Final = (
    ("Messages", r"/2010-04-01/Accounts/\{AccountSid\}/Messages", "not there yet"),
    (
        "Numbers",
        r"/2010-04-01/Accounts/\{AccountSid\}/(AvailablePhoneNumbers|IncomingPhoneNumbers|SMS/)",
        "no inventory has numbers or add-ons of this kind",
    ),
    ("Accounts and keys", r"/2010-04-01/Accounts(/\{Sid\})?\.json|.*/(Keys|SigningKeys|Tokens)", "not there yet"),
    ("Usage and balance", r".*/(Usage|Balance)", "nothing watches usage here"),
    (
        "Addresses, caller IDs, notifications",
        r".*/(Addresses|OutgoingCallerIds|\{AccountSid\}/Notifications)",
        "not there yet",
    ),
    ("Applications", r".*/(Applications|AuthorizedConnectApps|ConnectApps)", "URLs are set on services and numbers"),
    ("Calls", r".*/Calls", _VOICE),
    ("Conferences", r".*/Conferences", _VOICE),
    ("Queues of calls", r".*/Queues", _VOICE),
    ("Recordings and transcriptions", r".*/(Recordings|Transcriptions)", _VOICE),
    ("SIP", r".*/SIP", _VOICE),
    ("Services", r"/v1/Services(/(\{Sid\}|Usecases))?$", "not there yet"),
    ("Senders of a service", r"/v1/Services/\{\w+\}/\w*(PhoneNumbers|ShortCodes|Senders)", "not there yet"),
    ("Registration", r"/v1/(a2p|Tollfree|Services/\{\w+\}/Compliance|Services/PreregisteredUsa2p)", _REGISTRY),
    ("Short links", r"/v1/LinkShortening", "domains for short links are the operator's, in the configuration"),
    ("Deactivated numbers", r"/v1/Deactivations", "not there yet"),
    ("Event streams", r"/v1/(Sinks|Subscriptions|Types|Schemas)", "not there yet"),
)
"""Title, the paths that belong there, and why what is not served there is not."""

WHY_NOT: Final[Mapping[str, str]] = {
    "CreateToken": "tokens for TURN servers belong to calls",
    **dict.fromkeys(
        ("ListNotification", "FetchNotification"),
        "they are the log of calls; what went wrong with a message, its `error_code` says",
    ),
    **dict.fromkeys(
        ("ListOutgoingCallerId", "FetchOutgoingCallerId", "UpdateOutgoingCallerId", "DeleteOutgoingCallerId"),
        "caller IDs belong to calls",
    ),
    "CreateValidationRequest": "caller IDs belong to calls",
    **dict.fromkeys(
        (
            "ListAddress", "CreateAddress", "FetchAddress", "UpdateAddress", "DeleteAddress", "ListDependentPhoneNumber",
        ),
        "no number here needs an address",
    ),
}  # fmt: skip
"""Operations that are not served for another reason than their group's."""

DIFFERS: Final[Mapping[str, str]] = {
    "CreateAccount": "at most 1000 sub-accounts that are not closed",
    "CreateIncomingPhoneNumber": "[buys or brings a number](../howto/numbers.md); `Carrier` and `Capabilities` are ours",
    "CreateMessage": "[what differs](../api.md#what-differs)",
    "CreateBrandRegistrations": "[A2P 10DLC](../howto/a2p-10dlc.md); Trust Hub's profiles are not looked up",
    "CreateTollfreeVerification": "a record: sending does not depend on it",
    "UpdateUsAppToPerson": "a verified campaign may be changed too, and stays verified meanwhile",
    "CreateSink": "webhooks only, by POST; [event streams](../howto/event-streams.md)",
    "CreateSubscription": "[the types that there are](../howto/event-streams.md#events)",
    "FetchDeactivation": "of the lists that [the operator brings](../howto/deactivations.md)",
    "FetchBalance": "always 0: nothing is charged here",
    "ListUsageRecord": "sms and mms categories, counted from the messages that there are, at most 1,000,000; no prices",
    "ListUsageRecordDaily": "as the records; at most 366 days",
    "UpdateIncomingPhoneNumber": "no transfer to another account; settings for calls are kept and not acted on",
    "ListMessage": "a page above 0 needs its `PageToken`",
}
"""What is served and does something else than Twilio's page says."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One of Twilio's: which document has it, and its name there."""

    document: str
    path: str
    method: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """The method and the path without the names of its parts, by which it is found among what is served."""
        return self.method, _shape(self.path)


def read_operations(file: Path) -> list[Operation]:
    """Twilio's operations, from the list of facts."""
    return [Operation(name, *each) for name, found in json.loads(file.read_text()).items() for each in found]


def reference(operations: Collection[Operation], here: Collection[tuple[str, str]]) -> str:
    """The page; `here` is each method and path that is served. LookupError when a table names no operation."""
    names = {each.name for each in operations}
    if unknown := sorted({*DIFFERS, *WHY_NOT} - names):
        raise LookupError(f"no such operation: {', '.join(unknown)}")
    found = {(method, _shape(path)) for method, path in here}
    return "\n".join([*_head(operations, found), *_groups(operations, found), *_ours(operations, here)]) + "\n"


def _head(operations: Collection[Operation], found: Collection[tuple[str, str]]) -> Iterator[str]:
    yield "# Reference: every operation of Twilio's API, and what it is here"
    yield ""
    yield "Made from the routes of the code by `make reference`. Twilio's documents: *api v2010*, *messaging v1* and *events v1*."
    yield "What is ours, and what differs for all of them, is in [the API](../api.md)."
    yield ""
    yield "| Document | Operations | Supported |"
    yield "|---|---|---|"
    for document, count in Counter(each.document for each in operations).items():
        supported = sum(each.document == document and each.key in found for each in operations)
        yield f"| {document} | {count} | {supported} |"


def _groups(operations: Collection[Operation], found: Collection[tuple[str, str]]) -> Iterator[str]:
    rest = list(operations)
    for title, pattern, why in GROUPS:
        own = [each for each in rest if re.match(pattern, each.path)]
        rest = [each for each in rest if each not in own]
        yield from _table(title, own)
        yield from (f"| {each.name} | {each.method} | `{each.path}` | {_said(each, found, why)} |" for each in own)
    if rest:
        raise LookupError(f"in no group: {', '.join(each.name for each in rest)}")


def _table(title: str, rows: Collection[Operation]) -> tuple[str, ...]:
    if not rows:
        raise LookupError(f"nothing belongs to {title}")
    return "", f"## {title}", "", "| Operation | Method | Path | Here |", "|---|---|---|---|"


def _said(operation: Operation, found: Collection[tuple[str, str]], why: str) -> str:
    if operation.key not in found:
        return f"not supported: {WHY_NOT.get(operation.name, why)}"
    return f"differs: {DIFFERS[operation.name]}" if operation.name in DIFFERS else "supported"


def _ours(operations: Collection[Operation], here: Collection[tuple[str, str]]) -> Iterator[str]:
    known = {each.key for each in operations}
    ours = sorted((path, method) for method, path in here if (method, _shape(path)) not in known)
    yield from ("", "## Ours", "", "What Twilio does not have.", "", "| Method | Path |", "|---|---|")
    yield from (f"| {method} | `{path}` |" for path, method in ours)


def _shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def main(directory: Path) -> None:
    """Write the page beside the list of facts."""
    page = reference(read_operations(directory / OPERATIONS), list(served()))
    (directory / PAGE).write_text(page)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
