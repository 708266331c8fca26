"""Where the mappings of people are whose number may not be kept: under the number, or under its pseudonym, and never under both.

A person is one person whether or not their number is kept (rule S-29, decision 0010). The mapping is under the number from the
first message on that keeps it; until then it is under the pseudonym. Whoever makes a mapping or takes one over holds the
pseudonym's place first, then reads both: so of any number of first messages, of either kind, one makes the mapping and the
others adopt it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from limpet.core.model import Service
from limpet.core.retention import Pseudonyms
from limpet.core.sticky import StoredMapping
from limpet.store import sticky
from limpet.store.database import Connection
from limpet.store.sticky import NOBODY, MappingKey, MappingRead

SETTLE: Final = timedelta(seconds=5)
"""For so long the first such message of a service waits: transactions that began before it was known do not look under
pseudonyms, and are over by then."""


class Home(NamedTuple):
    """Where a person's mapping may be beside the number: under `pseudonym`; `there` says that it is."""

    pseudonym: MappingKey
    there: bool


class Homes:
    """Finds mappings under pseudonyms, and lets services know that there may be some."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    def hidden(self, key: MappingKey) -> MappingKey:
        """The place under the pseudonym of a person."""
        return key._replace(recipient=self._pseudonyms.of(key.recipient))

    async def settled_at(self, connection: Connection, service: Service, now: datetime) -> datetime:
        """From when on a service's mappings may be put under pseudonyms; notes that it is asked for when nobody has before."""
        return (service.scope.hides_since or await sticky.hide_people(connection, service.id, now)) + SETTLE

    async def find(
        self, connection: Connection, keys: Iterable[MappingKey], reads: dict[MappingKey, MappingRead],
        scopes: Mapping[int, int], today: int,
    ) -> dict[MappingKey, Home]:  # fmt: skip
        """Hold the pseudonyms of these people until the transaction ends, and read their mappings anew, into `reads`. `scopes`
        are where the mappings of the keys' services are.

        A place that was empty is held by a row that is made and taken away again: whoever comes to it waits for this transaction.
        """
        hidden = {key: self.hidden(key) for key in sorted(keys)}
        places = {key: pseudonym._replace(service_id=scopes[key.service_id]) for key, pseudonym in hidden.items()}
        held = await sticky.claim(connection, dict.fromkeys(sorted(set(places.values())), NOBODY), today)
        if made := [key for key, claimed in held.items() if claimed.made]:
            await sticky.disclaim(connection, made)
        both = [*hidden, *hidden.values()]
        found = dict(zip(both, await sticky.read(connection, both), strict=True))
        homes = {}
        for key, pseudonym in hidden.items():
            under_number, under_pseudonym = found[key], found[pseudonym].mapping
            there = under_number.mapping is None and under_pseudonym is not None
            reads[key] = under_number._replace(mapping=under_pseudonym) if there else under_number
            homes[key] = Home(places[key], there)
        return homes

    async def look(
        self, connection: Connection, key: MappingKey, read: MappingRead, service: Service
    ) -> StoredMapping | None:
        """A person's mapping wherever it is, without holding it: what `find` would find if nobody came in between."""
        if read.mapping is not None or not service.sticky_sender or service.scope.hides_since is None:
            return read.mapping
        return (await sticky.read(connection, [self.hidden(key)]))[0].mapping


def home_of(
    key: MappingKey, scope_id: int, homes: Mapping[MappingKey, Home], mapping: StoredMapping | None, *, obfuscated: bool
) -> MappingKey:
    """Where a message reads or makes its mapping: under the pseudonym if it is there, or is new and the number is not kept;
    within its service, or the space that it is in."""
    home = homes.get(key)
    if home is not None and (home.there or (mapping is None and obfuscated)):
        return home.pseudonym
    return key if key.service_id == scope_id else key._replace(service_id=scope_id)
