"""What a configuration file says of the members of a pool, and of the spaces that services share: read as the API reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limpet.commands.wanted_table import Refused, Table, spelled
from limpet.core.address import parse_sender
from limpet.core.model import DRAIN_DAYS, MemberState
from limpet.store.sticky_spaces import SpaceSettings
from limpet.twilio.pool_form import MEMBER_PARAMETERS, parse_member_change
from limpet.twilio.sticky_space_form import PARAMETERS as SPACE_PARAMETERS
from limpet.twilio.sticky_space_form import parse_space

_ADDRESS_MAX = 120
_NAME_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True)
class MemberSettings:
    """What a member of a pool may do; what a table of it does not give is as by default."""

    weight: int = 1
    state: MemberState = MemberState.ACTIVE
    daily_contacts: int | None = None
    drain_days: int = DRAIN_DAYS
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class WantedSpace:
    """A space, by its name."""

    path: str
    settings: SpaceSettings

    @property
    def name(self) -> str:
        """What it is called."""
        return self.settings.friendly_name


def read_member(table: Table, place: int, given: object, owned: Sequence[str]) -> tuple[str, MemberSettings | None]:
    """One of a service's `numbers`, as it is spelled among the account's: a text, which says nothing of its settings, or a table
    with `number` and settings."""
    path, settings = table.join(f"numbers[{place}]"), None
    if isinstance(given, Mapping):
        one = Table(path, given, ("number", *map(spelled, MEMBER_PARAMETERS)))
        number, settings = one.text("number", _ADDRESS_MAX), read_settings(one)
    else:
        number = Table.text_of(given, path)
    address = parse_sender(number)
    spelling = number if address is None else address.value
    if spelling not in owned:
        raise Refused(path, f'names "{number}", which is not one of the numbers of the account.')
    return spelling, settings


def read_settings(table: Table) -> MemberSettings:
    """The settings of a member that a table gives."""
    form = table.form(MEMBER_PARAMETERS)
    changes: dict[str, Any] = table.read(lambda: parse_member_change(form)) if form else {}
    settings = MemberSettings(**changes)
    if settings.replaces and settings.state is not MemberState.DISABLED:
        raise Refused(table.join("replace"), 'is only for a number whose state is "disabled".')
    return settings


def read_spaces(table: Table) -> tuple[WantedSpace, ...] | None:
    """An account's `sticky_spaces`; None where the file says nothing of them."""
    if not table.has("sticky_spaces"):
        return None
    found: list[WantedSpace] = []
    for one in table.tables("sticky_spaces"):
        one.known("name", *(spelled(name) for name in SPACE_PARAMETERS if name != "FriendlyName"))
        form = {**one.form(SPACE_PARAMETERS), "FriendlyName": [one.text("name", _NAME_LENGTH_MAX)]}
        space = WantedSpace(one.path, SpaceSettings(**one.read(lambda form=form: parse_space(form))))  # type: ignore[misc]
        if space.settings.of_all and any(other.settings.of_all for other in found):
            raise Refused(one.join("all_services"), "cannot be true of two spaces of an account.")
        found.append(space)
    return tuple(found)


def read_space_of(table: Table, spaces: Sequence[WantedSpace] | None) -> str | None:
    """The space that a service is in, by its name: that of all services where there is one; None for none."""
    everybodys = next((space.name for space in spaces or () if space.settings.of_all), None)
    if not table.has("sticky_space"):
        return everybodys
    name = table.text("sticky_space", _NAME_LENGTH_MAX)
    if name not in {space.name for space in spaces or ()}:
        raise Refused(table.join("sticky_space"), f'names "{name}", which is none of the sticky_spaces of the account.')
    if everybodys not in (None, name):
        raise Refused(
            table.join("sticky_space"), f'names "{name}", but every service of the account is in "{everybodys}".'
        )
    return name
