"""`limpet doctor`, the carriers: each is asked as its kind demands, unless a running Limpet is bound to it already."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from limpet.carrier.smpp_probe import Step, probe
from limpet.commands.finding import Finding, Verdict, expiry
from limpet.config import CarrierConfig
from limpet.core.routing import UNSEEN_AFTER, carrier_of
from limpet.smpp.commands import Bind
from limpet.store.carriers import Carriers, LaneView
from limpet.store.database import Database

ADVICE: Mapping[str, str] = {
    "name": "Check carriers.host, and this machine's DNS.",
    "connection": "Check carriers.port, the firewall, and whether the carrier lets this address in.",
    "TLS": "Check carriers.tls and carriers.tls_ca_file, and the carrier's certificate.",
    "bind": "Check carriers.system_id, its password and system_type, and how many binds the carrier allows.",
    "enquire_link": "Ask the carrier: it must answer enquire_link.",
    "unbind": "Ask the carrier: it must answer unbind.",
}

Check = Callable[[CarrierConfig, float], Awaitable[list[Finding]]]


async def check_smpp(carrier: CarrierConfig, timeout_s: float) -> list[Finding]:
    """An SMPP carrier: name, connection, TLS, bind, enquire_link, unbind; up to the first that fails."""
    area, ca_file = f"carrier {carrier.name}", carrier.tls_ca_file
    tls = ssl.create_default_context(cafile=ca_file and str(ca_file)) if carrier.tls else None
    bind = Bind(carrier.system_id, carrier.password, carrier.system_type)
    return [_found(area, step) async for step in probe(carrier.host, carrier.port, tls, bind, timeout_s)]


CHECKS: Mapping[str, Check] = {"smpp": check_smpp}
"""How each kind of carrier is asked."""


async def bound_lanes(database: Database) -> dict[str, LaneView]:
    """The lanes to which a running Limpet is bound, by carrier: they are not to be disturbed."""
    now = await database.now()
    lanes = await Carriers(database).lanes()
    return {
        carrier_of(name): view
        for name, view in lanes.items()
        if view.pulse.bound and now - view.pulse.seen_at <= UNSEEN_AFTER
    }


async def check_carrier(carrier: CarrierConfig, bound: Mapping[str, LaneView], timeout_s: float) -> list[Finding]:
    """What is known of a carrier, or comes of asking it."""
    area = f"carrier {carrier.name}"
    if (view := bound.get(carrier.name)) is not None:
        detail = f"a running Limpet ({view.owner}) is bound since {view.pulse.since:%Y-%m-%d %H:%M:%S} UTC"
        return [Finding(area, "bind", Verdict.OK, detail)]
    if (check := CHECKS.get(carrier.kind)) is None:
        return [Finding(area, "bind", Verdict.WARN, f"carriers of the kind {carrier.kind} are not asked")]
    return await check(carrier, timeout_s)


def _found(area: str, step: Step) -> Finding:
    if step.good and step.until is not None:
        return expiry(area, step.name, step.until, datetime.now(UTC), "the carrier's certificate is good")
    verdict = Verdict.OK if step.good else Verdict.FAIL
    return Finding(area, step.name, verdict, step.detail, "" if step.good else ADVICE[step.name])
