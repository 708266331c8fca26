"""What the door hands requests on to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from limpet.carrier.http_client import Medium
from limpet.carrier.http_notices import NoticeDesk
from limpet.clock import Clock
from limpet.core.inventory import Inventory
from limpet.core.limits import SCHEDULED_MAX
from limpet.flow.accept import Accept
from limpet.flow.clicks import Clicks
from limpet.flow.directory import Directory
from limpet.flow.events import Events
from limpet.flow.rebalance import Rebalances
from limpet.flow.release import Releases
from limpet.flow.sticky_import import StickyImports
from limpet.store.accounts import Accounts
from limpet.store.brands import Brands, Verifications
from limpet.store.campaigns import Campaigns
from limpet.store.content import Contents
from limpet.store.database import Database, Installation
from limpet.store.deactivations import Deactivations
from limpet.store.deliveries import Deliveries
from limpet.store.event_streams import EventStreams
from limpet.store.links import LinkConfigs
from limpet.store.media import MediaStore
from limpet.store.messages import Messages
from limpet.store.opt_outs import OptOuts
from limpet.store.people import People
from limpet.store.person_requests import PersonRequests
from limpet.store.registration_views import RegistrationViews
from limpet.store.registrations import RegistrationBook
from limpet.store.senders import Senders
from limpet.store.services import Services
from limpet.store.smpp_credentials import SmppCredentials
from limpet.store.sticky import StickyStore
from limpet.store.swaps import Swaps
from limpet.twilio.forms import Form
from limpet.twilio.resources import Json

Network = IPv4Network | IPv6Network
PersonWrites = Callable[[str, str, str, str, Sequence[str]], bool]
"""A person's text: the number's carrier, who writes, to which number, what, with which media; whether that carrier brings it."""


class Simulated(Protocol):
    """How a simulated carrier behaves, to be looked at and changed by forms."""

    def shown(self) -> Json:
        """As it behaves now."""

    def change(self, form: Form) -> Json:
        """Change what the form names; ApiError when it names what cannot be."""

    def reset(self) -> Json:
        """As it behaves at the start."""


@dataclass(frozen=True, slots=True)
class Compliance:
    """What is registered with carriers, and where each number stands."""

    brands: Brands
    campaigns: Campaigns
    verifications: Verifications
    registrations: RegistrationViews
    swaps: Swaps


def compliance(database: Database, book: RegistrationBook) -> Compliance:
    """All of it over one database."""
    return Compliance(
        Brands(database),
        Campaigns(database, book),
        Verifications(database),
        RegistrationViews(database),
        Swaps(database),
    )


@dataclass(frozen=True, slots=True)
class Deps:
    """The parts of a running Limpet that requests reach.

    `carriers` are the names that a number may have, the first for those that name none. `public_url` begins every absolute URL
    in answers when it is set; otherwise the request's own host does, or what a proxy in `trusted_proxies` forwards.
    `inventory` is what numbers are on offer; `bring_your_own` says whether an account may take others as well.
    """

    accounts: Accounts
    services: Services
    senders: Senders
    messages: Messages
    sticky: StickyStore
    opt_outs: OptOuts
    contents: Contents
    media: MediaStore
    deliveries: Deliveries
    event_streams: EventStreams
    events: Events
    deactivations: Deactivations
    directory: Directory
    accept: Accept
    clicks: Clicks
    link_configs: LinkConfigs
    releases: Releases
    installation: Installation
    clock: Clock
    carriers: tuple[str, ...]
    public_url: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    concurrency_max: int = 1000
    """Requests of one account at a time."""
    person_writes: PersonWrites | None = None
    """With simulated carriers."""
    inventory: Inventory = field(default_factory=Inventory)
    bring_your_own: bool = True
    link_domain: str | None = None
    """What short links begin with; None for the address by which a request came."""
    link_fallback: str | None = None
    """Where short links lead of which nothing is known."""
    callbacks_due: Callable[[], None] = lambda: None
    """Told that callbacks have become due in the table."""
    notices: Mapping[str, NoticeDesk] = field(default_factory=dict)
    """Where carriers over HTTP bring what they have to tell, by their names."""
    carrier_medium: Callable[[str], Awaitable[Medium | None]] | None = None
    """Fetches a medium of an inbound message that only its carrier's credentials open; None where anybody may."""
    elsewhere: frozenset[str] = frozenset()
    """The carriers of other regions (error 21669)."""
    scheduled_max: int = SCHEDULED_MAX
    """How many messages an account may have scheduled that has no limit of its own."""
    smpp_credentials: SmppCredentials | None = None
    simulated: Simulated | None = None
    """With a simulated carrier: how it behaves."""
    compliance: Compliance = field(kw_only=True)
    people: People = field(kw_only=True)
    sticky_imports: StickyImports = field(kw_only=True)
    rebalances: Rebalances = field(kw_only=True)

    @property
    def person_requests(self) -> PersonRequests:
        """Who had people's data exported or erased."""
        return PersonRequests(self.database)

    @property
    def database(self) -> Database:
        """Where everything is kept."""
        return self.services.database
