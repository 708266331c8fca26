"""A person's data on the wire, ours: who is meant, a line of an export, what an erasure came to, and the book of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from limpet.core.ids import day_date, id_time
from limpet.core.people import Counts, Kind
from limpet.core.sticky_flags import ESTABLISHED
from limpet.twilio.dates import iso8601
from limpet.twilio.resources import Json
from limpet.twilio.sid import message_sid

_INNER: Final = frozenset({"bucket", "id", "message_id", "service_id", "sender_id", "pictured", "flags"})
"""What rows have for the store's own use."""


def line_resource(kind: Kind, row: Mapping[str, Any], sid_key: bytes) -> Json:
    """A line of an export: `kind`, the SID of the message that it hangs on if any, and what is kept, under its own names."""
    line: Json = {"kind": kind}
    if "message_id" in row:
        line["message_sid"] = message_sid(row["bucket"], row["message_id"], media=row["pictured"], sid_key=sid_key)
    if kind in (Kind.EVENT, Kind.OPT_OUT):
        line["date_created"] = iso8601(id_time(row["id"]))
    line |= {name: _plain(name, value) for name, value in row.items() if name not in _INNER}
    if kind is Kind.MAPPING:
        line["established"] = bool(row["flags"] & ESTABLISHED)
    return line


def counted_resource(account_sid: str, to: str, counts: Counts, on_their_way: Sequence[Json], *, dry_run: bool) -> Json:
    """What was erased of a person, or with `dry_run` what would be; `on_their_way` are messages that have to end first."""
    return {
        "account_sid": account_sid,
        "counts": dict(counts),
        "dry_run": dry_run,
        "on_their_way": list(on_their_way),
        "to": to,
    }


def waiting_resource(sid: str, status: str, expires_at: datetime, send_at: datetime | None) -> Json:
    """A message that keeps a person from being erased: until when at most, and where it is scheduled for when."""
    return {
        "message_sid": sid,
        "status": status,
        "date_expires": iso8601(expires_at),
        "send_at": None if send_at is None else iso8601(send_at),
    }


def request_resource(
    account_sid: str, act: str, actor: str, counts: Counts, created_at: datetime, finished_at: datetime | None
) -> Json:
    """Who had a person's data exported or erased. Whose is not known; `date_finished` null: it was broken off."""
    return {
        "account_sid": account_sid,
        "act": act,
        "actor": actor,
        "counts": dict(counts),
        "date_created": iso8601(created_at),
        "date_finished": None if finished_at is None else iso8601(finished_at),
    }


def _plain(name: str, value: object) -> object:
    if isinstance(value, datetime):
        return iso8601(value)
    if isinstance(value, bytes):
        return value.hex()
    return day_date(value).isoformat() if name.endswith("_day") and isinstance(value, int) else value
