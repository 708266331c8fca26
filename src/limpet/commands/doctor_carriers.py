"""`limpet doctor`, the carriers: each is asked as its kind demands, unless a running Limpet is bound to it already."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from limpet.carrier.smpp_probe import Step, probe
from limpet.commands.finding import Finding, Verdict, expiry
from limpet.config import AnyCarrierConfig, CarrierConfig
from limpet.config_http import HttpCarrierConfig
from limpet.core.routing import UNSEEN_AFTER, carrier_of
from limpet.smpp.commands import Bind
from limpet.store.carriers import Carriers, LaneView
from limpet.store.database import Database

ADVICE: Mapping[str, str] = {
    "name": "Check carriers.host or base_url, and this machine's DNS.",
    "connection": "Check carriers.port or base_url, the firewall, and whether the carrier lets this address in.",
    "TLS": "Check carriers.tls and carriers.tls_ca_file, and the carrier's certificate.",
    "bind": "Check carriers.system_id, its password and system_type, and how many binds the carrier allows.",
    "enquire_link": "Ask the carrier: it must answer enquire_link.",
    "unbind": "Ask the carrier: it must answer unbind.",
}


async def check_smpp(carrier: CarrierConfig, timeout_s: float) -> list[Finding]:
    """An SMPP carrier: name, connection, TLS, bind, enquire_link, unbind; up to the first that fails."""
    area, ca_file = f"carrier {carrier.name}", carrier.tls_ca_file
    tls = ssl.create_default_context(cafile=ca_file and str(ca_file)) if carrier.tls else None
    bind = Bind(carrier.system_id, carrier.password, carrier.system_type)
    return [_found(area, step) async for step in probe(carrier.host, carrier.port, tls, bind, timeout_s)]


async def check_http(carrier: HttpCarrierConfig, timeout_s: float) -> list[Finding]:
    """A carrier over HTTP: name, connection, TLS. Nothing is asked of it, since each request there may be a message."""
    area, at = f"carrier {carrier.name}", urlsplit(carrier.api_url)
    tls = ssl.create_default_context() if at.scheme == "https" else None
    port = at.port or (443 if tls else 80)
    return [_found(area, step) async for step in probe(at.hostname or "", port, tls, None, timeout_s)]


async def bound_lanes(database: Database) -> dict[str, LaneView]:
    """The lanes to which a running Limpet is bound, by carrier: they are not to be disturbed."""
    now = await database.now()
    lanes = await Carriers(database).lanes()
    return {
        carrier_of(name): view
        for name, view in lanes.items()
        if view.pulse.bound and now - view.pulse.seen_at <= UNSEEN_AFTER
    }


async def check_carrier(carrier: AnyCarrierConfig, bound: Mapping[str, LaneView], timeout_s: float) -> list[Finding]:
    """What is known of a carrier, or comes of asking it."""
    area = f"carrier {carrier.name}"
    if (view := bound.get(carrier.name)) is not None:
        detail = f"a running Limpet ({view.owner}) is bound since {view.pulse.since:%Y-%m-%d %H:%M:%S} UTC"
        return [Finding(area, "bind", Verdict.OK, detail)]
    if isinstance(carrier, HttpCarrierConfig):
        return await check_http(carrier, timeout_s)
    return await check_smpp(carrier, timeout_s)


def _found(area: str, step: Step) -> Finding:
    if step.good and step.until is not None:
        return expiry(area, step.name, step.until, datetime.now(UTC), "the carrier's certificate is good")
    verdict = Verdict.OK if step.good else Verdict.FAIL
    return Finding(area, step.name, verdict, step.detail, "" if step.good else ADVICE[step.name])
