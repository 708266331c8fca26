"""How the simulated carrier behaves, by forms: what may be changed, within which bounds, for how long.

It reads and describes; what a behaviour means is for `limpet.devtools.behaviour`, what follows for `limpet.devtools.simulator`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from limpet.core.address import parse_sender
from limpet.devtools.behaviour import FATES, Behaviour, Fate, Receipts
from limpet.devtools.simulator import Simulator
from limpet.smpp.receipt import MessageState
from limpet.smpp.status import Status
from limpet.twilio.forms import Form, boolean, choice, filled, integer, invalid
from limpet.twilio.resources import Json

V = TypeVar("V")

DELAY_MAX_S: Final = 3600.0
WHILE_MAX_S: Final = 86_400.0
REFUSALS_MAX: Final = 1000
SEED_MAX: Final = 2**31 - 1
RECEIPTS: Final[Mapping[str, Receipts]] = {
    "on-time": Receipts.ON_TIME,
    "early": Receipts.BEFORE_RESPONSE,
    "twice": Receipts.TWICE,
    "never": Receipts.NEVER,
}
STATES: Final = {state.name.lower(): state for state in MessageState}
STATUSES: Final = {status.name: status for status in Status if status is not Status.ROK}
_NAMES: Final = {fate: name for name, fate in FATES.items()}


class Script:
    """Changes a running simulator. `limpet.web.deps.Simulated` is what the API sees of it."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._usual = simulator.behaviour

    def shown(self) -> Json:
        """As it behaves now."""
        now = self._simulator.behaviour
        return {
            "err": now.err,
            "fate": _NAMES[now.share_fate],
            "fate_share": now.fate_share,
            "fates": {number: _NAMES[fate] for number, fate in now.fates.items()},
            "lose": now.lose_share,
            "receipt_delay": now.receipt_delay_s,
            "receipts": next(word for word, when in RECEIPTS.items() if when is now.receipts),
            "refuse": {number: Status(status).name for number, status in now.refuse.items()},
            "state": now.state.name.lower(),
            "submit_delay": now.submit_delay_s,
            "throttle": now.throttle_share,
        }

    def change(self, form: Form) -> Json:
        """What the form names changes, for `For` seconds or until it is changed again. 20001 for what cannot be.

        `Throttle` and `Lose` are shares of all submits, `SubmitDelay` and `ReceiptDelay` seconds; `Receipts` says when they come,
        `State` what they say, with `Err`; `Refuse` is a number, an equals sign and a status such as RINVDSTADR, or nothing to
        take it again. `Fates` is a number, an equals sign and one of `FATES`, or nothing; `FateShare` of all others fare as
        `Fate` says. `Seed` makes chance begin anew, `Disconnect` and `Down` (for so many seconds) cut every connection.
        """
        seed, down_s = integer(form, "Seed", 0, SEED_MAX), _number(form, "Down", WHILE_MAX_S)
        disconnect, for_s = boolean(form, "Disconnect"), _number(form, "For", WHILE_MAX_S)
        change = partial(_changed, changes=_changes(form), refusals=_refusals(form), fates=_fates(form))
        changed = change(self._simulator.behaviour)
        if changed.throttle_share + changed.lose_share + changed.fate_share > 1:
            raise invalid("Lose", "together with 'Throttle' and 'FateShare' more than all")
        if max(len(changed.refuse), len(changed.fates)) > REFUSALS_MAX:
            raise invalid("Refuse", f"more than {REFUSALS_MAX} numbers")
        self._simulator.alter(change, for_s)
        if seed is not None:
            self._simulator.reseed(random.Random(seed))  # noqa: S311 - plays a carrier, guards nothing
        if down_s is not None:
            self._simulator.be_down(down_s)
        elif disconnect:
            self._simulator.cut_connections()
        return self.shown()

    def reset(self) -> Json:
        """As it behaved at the start."""
        self._simulator.alter(lambda _: self._usual)
        self._simulator.be_up()
        return self.shown()


def _changed(
    now: Behaviour, changes: Mapping[str, Any], refusals: Mapping[str, Status | None], fates: Mapping[str, Fate | None]
) -> Behaviour:
    refused = {number: status for number, status in {**now.refuse, **refusals}.items() if status}
    fated = {number: fate for number, fate in {**now.fates, **fates}.items() if fate}
    return replace(now, refuse=refused, fates=fated, **changes)


def _changes(form: Form) -> dict[str, Any]:
    """The fields of `Behaviour` that the form names."""
    return {name: value for name, read in _READERS.items() if (value := read(form)) is not None}


def _number(form: Form, name: str, most: float) -> float | None:
    value = filled(form, name)
    try:
        number = None if value is None else float(value)
    except ValueError:
        number = -1.0
    if number is not None and not 0 <= number <= most:
        raise invalid(name, f"not a number from 0 to {most:g}")
    return number


def _err(form: Form) -> str | None:
    value = filled(form, "Err")
    if value is not None and not (len(value) == 3 and value.isascii() and value.isalnum()):
        raise invalid("Err", "not three digits or letters")
    return value


_READERS: Mapping[str, Callable[[Form], object]] = {
    "throttle_share": lambda form: _number(form, "Throttle", 1),
    "lose_share": lambda form: _number(form, "Lose", 1),
    "fate_share": lambda form: _number(form, "FateShare", 1),
    "share_fate": lambda form: FATES.get(choice(form, "Fate", FATES) or ""),
    "submit_delay_s": lambda form: _number(form, "SubmitDelay", DELAY_MAX_S),
    "receipt_delay_s": lambda form: _number(form, "ReceiptDelay", DELAY_MAX_S),
    "receipts": lambda form: RECEIPTS.get(choice(form, "Receipts", RECEIPTS) or ""),
    "state": lambda form: STATES.get(choice(form, "State", STATES) or ""),
    "err": _err,
}


def _refusals(form: Form) -> dict[str, Status | None]:
    """Numbers with the status that refuses their messages from now on; None for those that are taken again."""
    return dict(_by_number(form, "Refuse", STATUSES, "a status such as RINVDSTADR"))


def _fates(form: Form) -> dict[str, Fate | None]:
    """Numbers with what becomes of their messages from now on; None for those that fare as all others."""
    return dict(_by_number(form, "Fates", FATES, "a fate such as undelivered-30003"))


def _by_number(form: Form, name: str, known: Mapping[str, V], what: str) -> Iterator[tuple[str, V | None]]:
    for given in form.get(name, []):
        number, _, word = given.partition("=")
        address = parse_sender(number)
        if address is None or (word and word not in known):
            raise invalid(name, f"not a number, an equals sign and {what}")
        yield address.value, known.get(word)
