"""Imports of mappings as parameters and as JSON, ours."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

from limpet.core.sticky_dialects import DIALECT_NAMES
from limpet.core.sticky_import import SID_PREFIX, Counts, Import, Mode, Problem, Wish
from limpet.twilio.dates import iso8601
from limpet.twilio.forms import Form, boolean, choice, invalid, sid, text

Json = dict[str, object]
FORMATS: Final = ("ndjson", "csv")
SERVICE_LENGTH_MAX: Final = 64
_NO_CONTROL: Final = re.compile(r"[\x21-\x7e]*")


def parse_import_wish(query: Form) -> tuple[str | None, Wish]:
    """Read the query of `POST …/StickyMappings/Import`: the SID that the import is to have or has, and what it is to do."""
    mode = choice(query, "Mode", tuple(Mode)) or Mode.SKIP
    source = choice(query, "Source", DIALECT_NAMES)
    service = text(query, "LogService", SERVICE_LENGTH_MAX) or None
    if service is not None and not _NO_CONTROL.fullmatch(service):
        raise invalid("LogService", "not a SID or an id of a service")
    wish = Wish(Mode(mode), source, service, boolean(query, "DryRun") or False)
    return sid(query, "ImportSid", SID_PREFIX), wish


def parse_export_format(query: Form) -> str:
    """Read the query of `GET …/StickyMappings/Export`."""
    return choice(query, "Format", FORMATS) or FORMATS[0]


def import_resource(one: Import, account_sid: str, service_sid: str, root: str) -> Json:
    """A StickyMappings/Import: what it was to do, how far it is, and what became of the lines (`core.sticky_import.Counts`)."""
    url = f"{root}/Services/{service_sid}/StickyMappings/Import/{one.sid}"
    counts = {each.name: getattr(one.counts, each.name) for each in fields(Counts)}
    return {
        "account_sid": account_sid,
        "date_created": iso8601(one.created_at),
        "date_updated": iso8601(one.updated_at),
        "dry_run": one.wish.dry_run,
        "lines": {**counts, "passed": dict(sorted(one.counts.passed.items()))},
        "links": {"problems": f"{url}/Problems"},
        "log_service": one.wish.log_service,
        "mode": one.wish.mode.value,
        "service_sid": service_sid,
        "sid": one.sid,
        "source": one.wish.dialect,
        "state": one.state.value,
        "url": url,
        "why": one.why,
    }


def problem_resource(problem: Problem) -> Json:
    """A line that was not taken."""
    return {"line": problem.line, "place": problem.place, "why": problem.why, "what": problem.what}
