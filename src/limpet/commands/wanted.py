"""What a configuration file wants: accounts with their numbers, services, pools and opt-out settings, as values.

The settings are those of the API, by the same readers and under the same names in snake case. Whatever cannot be is one sentence
with its key and line. It knows no database.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from limpet.commands.toml_lines import line_of
from limpet.commands.wanted_pool import MemberSettings, WantedSpace, read_member, read_space_of, read_spaces
from limpet.commands.wanted_senders import WantedName, WantedSender, read_name, read_sender
from limpet.commands.wanted_table import Refused, Table, spelled
from limpet.config_rules import ConfigError
from limpet.core.model import AccountStatus
from limpet.core.optout import OptOutSettings
from limpet.store.services import ServiceSettings
from limpet.twilio.opt_out_form import SET_PARAMETERS, parse_settings
from limpet.twilio.pool_form import COUNTRIES
from limpet.twilio.service_form import PARAMETERS, parse_service
from limpet.twilio.sid import is_sid

FILE_BYTES_MAX = 16_000_000
NAME_LENGTH_MAX = 64
_TOKEN = re.compile(r"[\x21-\x7e]{32,128}")


@dataclass(frozen=True, slots=True)
class WantedService:
    """A service: its settings, who is in its pool, and how it hears opt-outs."""

    path: str
    sid: str | None
    settings: ServiceSettings
    senders: tuple[str, ...]
    names: tuple[WantedName, ...]
    opt_out: OptOutSettings
    members: Mapping[str, MemberSettings] = field(default_factory=dict)
    """What those of the senders may do of which the file says that."""
    space: str | None = None
    """The name of the space that it is in."""


@dataclass(frozen=True, slots=True)
class WantedAccount:
    """An account with what is its own. `token` is where the file says that there is one; it is never shown."""

    path: str
    sid: str | None
    name: str
    token: str | None
    status: AccountStatus
    countries: frozenset[str] | None
    senders: tuple[WantedSender, ...]
    services: tuple[WantedService, ...]
    accounts: tuple[WantedAccount, ...] = ()
    spaces: tuple[WantedSpace, ...] | None = None
    """None: the file says nothing of spaces."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file may refer to: configured carriers, variables of the environment, and files beside it."""

    carriers: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path


def load_wanted(path: Path, carriers: tuple[str, ...], environment: Mapping[str, str]) -> tuple[WantedAccount, ...]:
    """What a file wants; ConfigError, in one sentence, when it cannot be read or used."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise ConfigError(f"{path} is longer than {FILE_BYTES_MAX} bytes.")
        text = content.decode()
        table = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {' '.join(str(error).split()).rstrip('.')}.") from error
    try:
        return read_wanted(table, Surroundings(carriers, environment, path.absolute().parent))
    except Refused as error:
        line = line_of(text, error.path)
        raise ConfigError(f"{path}{f', line {line}' if line else ''}: {error}") from error


def read_wanted(table: Mapping[str, object], around: Surroundings) -> tuple[WantedAccount, ...]:
    """What a table of TOML wants; Refused names the key that cannot be."""
    top = Table("", table, ("accounts",))
    accounts = tuple(_account(one, around, main=True) for one in top.tables("accounts"))
    if not accounts:
        raise Refused("accounts", "must be at least one table, under [[accounts]].")
    everybody = list(_all(accounts))
    _unique([(one.path, one.name) for one in accounts], "name")
    _unique([(one.path, one.sid) for one in everybody if one.sid], "sid")
    _unique([(s.path, s.address) for one in everybody for s in one.senders], "number")
    return accounts


def _account(table: Table, around: Surroundings, *, main: bool) -> WantedAccount:
    table.known("name", "sid", "auth_token_env", "auth_token_file", "status", "countries", "numbers", "services",
                "sticky_spaces", *(("accounts",) if main else ()))  # fmt: skip
    name, status = (
        table.text("name", NAME_LENGTH_MAX),
        AccountStatus(table.choice("status", tuple(AccountStatus)) or "active"),
    )
    senders = tuple(read_sender(one, around.carriers) for one in table.tables("numbers"))
    owned = [sender.address for sender in senders]
    spaces = read_spaces(table)
    _unique([(one.path, one.name) for one in spaces or ()], "name")
    services = tuple(_service(one, around, owned, spaces) for one in table.tables("services"))
    _unique([(one.path, one.settings.friendly_name) for one in services], "name")
    _once_in_a_pool(services)
    below = tuple(_account(one, around, main=False) for one in table.tables("accounts"))
    _unique([(one.path, one.name) for one in below], "name")
    if status is AccountStatus.CLOSED and (senders or services or below):
        raise Refused(table.join("status"), 'cannot be "closed" of an account that is to have something.')
    return WantedAccount(
        table.path, _sid(table, "AC"), name, _token(table, around), status, _countries(table), senders, services, below, spaces
    )  # fmt: skip


def _service(
    table: Table, around: Surroundings, owned: Sequence[str], spaces: Sequence[WantedSpace] | None
) -> WantedService:
    settings = tuple(name for name in map(spelled, PARAMETERS) if name != "friendly_name")
    table.known("name", "sid", "numbers", "names", "opt_out", "sticky_space", *settings)
    name = table.text("name", NAME_LENGTH_MAX)
    form = {**table.form(PARAMETERS), "FriendlyName": [name]}
    changes = table.read(lambda: parse_service(form))
    members = [read_member(table, place, one, owned) for place, one in enumerate(table.many("numbers"))]
    names = tuple(read_name(table, place, one, around.carriers) for place, one in enumerate(table.many("names")))
    _names_differ(table, names)
    return WantedService(
        table.path, _sid(table, "MG"), ServiceSettings(**changes), tuple(address for address, _ in members), names,
        _opt_out(table), {address: one for address, one in members if one is not None}, read_space_of(table, spaces),
    )  # fmt: skip


def _opt_out(table: Table) -> OptOutSettings:
    below = table.table("opt_out")
    if below is None:
        return OptOutSettings()
    below.known("advanced", "sets")
    settings = OptOutSettings()
    if (advanced := below.switch("advanced")) is not None:
        settings = OptOutSettings(advanced)
    seen: set[tuple[str, ...]] = set()
    for one in below.tables("sets"):
        one.known(*map(spelled, SET_PARAMETERS))
        form = one.form(SET_PARAMETERS)
        place = tuple(form.get(key, [""])[0].upper() for key in ("Country", "Language"))
        if place in seen:
            raise Refused(one.path, "is a second set for the same country and language.")
        seen.add(place)
        settings = one.read(lambda form=form, now=settings: parse_settings(form, now))  # type: ignore[misc]
    return settings


def _sid(table: Table, prefix: str) -> str | None:
    sid = table.text("sid", 34) if table.has("sid") else None
    if sid is not None and not is_sid(prefix, sid):
        raise Refused(table.join("sid"), f"must be {prefix} and 32 hexadecimal digits.")
    return sid


def _token(table: Table, around: Surroundings) -> str | None:
    """The auth token that a variable or a file holds."""
    if table.has("auth_token_env") and table.has("auth_token_file"):
        raise Refused(table.join("auth_token_file"), "cannot be given beside auth_token_env.")
    if table.has("auth_token_env"):
        where, variable = table.join("auth_token_env"), table.text("auth_token_env", 255)
        if variable not in around.environment:
            raise Refused(where, f"names the variable {variable}, which is not set.")
        token = around.environment[variable]
    elif table.has("auth_token_file"):
        where, file = (
            table.join("auth_token_file"),
            around.directory / Path(table.text("auth_token_file", 4096)).expanduser(),
        )
        try:
            token = (file.read_text().splitlines() or [""])[0]
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not a text"
            raise Refused(where, f"names {file}, which cannot be read: {why}.") from error
    else:
        return None
    if not _TOKEN.fullmatch(token):
        raise Refused(where, "must lead to 32 to 128 printable ASCII characters without spaces.")
    return token


def _countries(table: Table) -> frozenset[str] | None:
    if not table.has("countries"):
        return None
    found = table.texts("countries")
    for place, country in enumerate(found):
        if country not in COUNTRIES:
            raise Refused(table.join(f"countries[{place}]"), 'must be the code of a country such as "GB".')
    return frozenset(found)


def _once_in_a_pool(services: Sequence[WantedService]) -> None:
    pools: dict[str, str] = {}
    for service in services:
        for place, sender in enumerate(service.senders):
            if (other := pools.setdefault(sender, service.path)) != service.path or service.senders.index(
                sender
            ) != place:
                raise Refused(
                    f"{service.path}.numbers[{place}]", f'names "{sender}", which is in the pool of {other} already.'
                )


def _names_differ(table: Table, names: Sequence[WantedName]) -> None:
    places = [(name.destination, name.country) for name in names]
    for place, one in enumerate(places):
        if one in places[:place]:
            raise Refused(
                table.join(f"names[{place}]"), "is a second name for the same destination, and a pool has one."
            )


def _unique(found: Sequence[tuple[str, str]], what: str) -> None:
    seen: dict[str, str] = {}
    for where, value in found:
        if value in seen:
            raise Refused(f"{where}.{what}", f'must be unique, and "{value}" is at {seen[value]} too.')
        seen[value] = where


def _all(accounts: Sequence[WantedAccount]) -> Iterator[WantedAccount]:
    for account in accounts:
        yield account
        yield from _all(account.accounts)
