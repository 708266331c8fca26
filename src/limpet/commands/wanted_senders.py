"""The senders that a configuration file gives to an account, and the names of a pool: each read as the API reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limpet.commands.wanted_table import Refused, Table, spelled
from limpet.core.address import AddressKind, parse_sender
from limpet.core.model import CHANNEL_KINDS, Capability, SenderKind
from limpet.store.senders import NewSender
from limpet.twilio import number_form, short_code_form
from limpet.twilio.number_form import friendly_name, parse_number
from limpet.twilio.pool_form import parse_name
from limpet.twilio.short_code_form import RCS_PREFIX, parse_channel_sender, parse_short_code

_ADDRESS_MAX = 120


@dataclass(frozen=True, slots=True)
class WantedSender:
    """A number, short code or sender of another channel, and the carriers that it may also go through."""

    path: str
    new: NewSender
    also_through: tuple[str, ...] | None

    @property
    def address(self) -> str:
        """What it is called."""
        return self.new.address


@dataclass(frozen=True, slots=True)
class WantedName:
    """A name of a pool; with `destination` for one country, or with an empty country for all that have none of their own."""

    path: str
    new: NewSender
    destination: bool

    @property
    def country(self) -> str:
        """The country whose people see it."""
        return self.new.country


def read_sender(table: Table, carriers: Sequence[str]) -> WantedSender:
    """One `[[accounts.numbers]]`."""
    given = table.text("number", _ADDRESS_MAX)
    address = parse_sender(given)
    if given.startswith(RCS_PREFIX) or (address is not None and address.kind is AddressKind.WHATSAPP):
        table.known("number", "country")
        form = {"Sender": [given], **table.form(("Country",))}
        channel = table.read(lambda: parse_channel_sender(form))
        return WantedSender(table.path, _new(channel.address, channel.country, channel.kind, frozenset(), "", {}), None)
    if address is not None and address.kind is AddressKind.SHORT_CODE:
        new = _short_code(table, given, carriers)
    elif address is not None and address.kind is AddressKind.PHONE:
        new = _number(table, given, carriers)
    else:
        why = 'must be a number such as "+14155550100", a short code, or whatsapp: or rcs: and what follows.'
        raise Refused(table.join("number"), why)
    return WantedSender(table.path, new, _also_through(table, carriers))


def read_name(table: Table, place: int, given: object, carriers: Sequence[str]) -> WantedName:
    """One of a service's `names`: a text, or a table with `name` and perhaps `country` and `carrier`."""
    path = table.join(f"names[{place}]")
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, Mapping):
        raise Refused(path, "must be a name, or a table with a name.")
    one = Table(path, given, ("name", "country", "carrier"))
    form = {"AlphaSender": [one.text("name", _ADDRESS_MAX)], **one.form(("Carrier",))}
    if destination := one.has("country"):
        form["IsoCountryCode"] = [str(given["country"])]
    name = one.read(lambda: parse_name(form, carriers, destination=destination))
    kind = SenderKind.DESTINATION_ALPHA if destination else SenderKind.ALPHANUMERIC
    carrier = name.carrier or carriers[0]
    return WantedName(path, _new(name.name, name.country, kind, frozenset({Capability.SMS}), carrier, {}), destination)


def _number(table: Table, given: str, carriers: Sequence[str]) -> NewSender:
    table.known("number", "also_through", *map(spelled, number_form.PARAMETERS))
    form = {"PhoneNumber": [given], **table.form(number_form.PARAMETERS)}
    asked = table.read(lambda: parse_number(form))
    address = asked.address
    assert address is not None, "a number was given"
    kind = SenderKind.TOLL_FREE if address.toll_free else SenderKind.LONG_CODE
    columns = {"friendly_name": friendly_name(address), **asked.changes.columns}
    return _new(
        address.value, address.country or "", kind, asked.capabilities or frozenset({Capability.SMS}),
        _carrier(table, asked.carrier, carriers), columns, asked.changes.settings,
    )  # fmt: skip


def _short_code(table: Table, given: str, carriers: Sequence[str]) -> NewSender:
    table.known("number", "also_through", *map(spelled, short_code_form.PARAMETERS))
    form = {"ShortCode": [given], **table.form(short_code_form.PARAMETERS)}
    if sorted(form.get("Capabilities", [""])[0].split(",")) == ["mms", "sms"]:
        form["Capabilities"] = ["sms,mms"]
    asked = table.read(lambda: parse_short_code(form, carriers))
    carrier = asked.carrier or carriers[0]
    return _new(asked.address, asked.country, asked.kind, asked.capabilities, carrier, asked.columns)


def _new(
    address: str, country: str, kind: SenderKind, capabilities: frozenset[Capability], carrier: str,
    columns: Mapping[str, str], settings: Mapping[str, str] | None = None,
) -> NewSender:  # fmt: skip
    named: dict[str, Any] = {"friendly_name": address, **columns}
    carrier = "" if kind in CHANNEL_KINDS else carrier
    return NewSender(
        address=address, country=country, kind=kind, capabilities=capabilities, carrier=carrier, settings=settings or {}, **named
    )  # fmt: skip


def _carrier(table: Table, asked: str | None, carriers: Sequence[str]) -> str:
    if asked is not None and asked not in carriers:
        raise Refused(table.join("carrier"), f'names "{asked}", which is none of {", ".join(carriers)}.')
    return asked or carriers[0]


def _also_through(table: Table, carriers: Sequence[str]) -> tuple[str, ...] | None:
    if not table.has("also_through"):
        return None
    found = table.texts("also_through")
    for place, name in enumerate(found):
        if name not in carriers:
            why = f'names "{name}", which is none of {", ".join(carriers)}.'
            raise Refused(table.join(f"also_through[{place}]"), why)
    return tuple(found)
