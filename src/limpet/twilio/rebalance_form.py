"""Rebalances on the wire, ours: what a plan is asked for, what becomes of it, and how both look. It knows no rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from limpet.core.rebalance import CHANGES, IDLE_DAYS, MOVES_MAX, PER_SECOND, Rebalance, Share, Wish
from limpet.twilio.dates import iso8601
from limpet.twilio.forms import Form, choice, integer, missing
from limpet.twilio.mapping_form import parse_reason

Json = dict[str, object]
IDLE_DAYS_MAX: Final = 3650
PER_SECOND_MAX: Final = 2000


def parse_wish(form: Form) -> Wish:
    """Read the form of `POST …/Rebalances`."""
    idle = integer(form, "IdleDays", 0, IDLE_DAYS_MAX)
    return Wish(
        IDLE_DAYS if idle is None else idle,
        integer(form, "Percent", 1, 100),
        integer(form, "MaxMoves", 1, MOVES_MAX) or MOVES_MAX,
        integer(form, "PerSecond", 1, PER_SECOND_MAX) or PER_SECOND,
        parse_reason(form),
    )


def parse_change(form: Form) -> str:
    """Read the form of `POST …/Rebalances/{LR}`: what is to become of it."""
    wanted = choice(form, "Status", tuple(CHANGES))
    if wanted is None:
        raise missing("Status")
    return wanted


def rebalance_resource(one: Rebalance, account_sid: str, service_sid: str, root: str) -> Json:
    """A Rebalance. `planned` are the people who are to move, of whom `moved` have; `skipped` those who were not to be moved any
    more when their turn came; `undone` those who have the number of before again."""
    return {
        "account_sid": account_sid,
        "actor": one.actor,
        "credential": one.credential,
        "date_created": iso8601(one.created_at),
        "date_updated": iso8601(one.updated_at),
        "estimated": one.estimated,
        "idle_days": one.wish.idle_days,
        "max_moves": one.wish.max_moves,
        "members": [_share(each) for each in one.members],
        "moved": one.moved,
        "people": one.people,
        "per_second": one.wish.per_second,
        "percent": one.wish.percent,
        "planned": one.planned,
        "reason": one.wish.reason,
        "service_sid": service_sid,
        "sid": one.sid,
        "skipped": one.skipped,
        "status": one.state.value,
        "undone": one.undone,
        "url": f"{root}/Services/{service_sid}/Rebalances/{one.sid}",
    }


def shifts_resource(shifts: Iterable[tuple[str, str, int, int]]) -> list[Json]:
    """How many people go from which number to which, and how many have gone."""
    return [
        {"from": before, "to": after, "planned": planned, "moved": moved} for before, after, planned, moved in shifts
    ]


def _share(one: Share) -> Json:
    return {
        "people": one.people,
        "phone_number": one.phone_number,
        "planned": one.planned,
        "sid": one.sid,
        "weight": one.weight,
    }
