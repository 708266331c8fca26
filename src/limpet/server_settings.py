"""What the configuration says, as the parts of a server want it; `limpet dev` has its own ideas of some.

Values in, values out: what is started with them is `limpet.server`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from limpet.config import AnyCarrierConfig, CarrierConfig, Config, DevOptions
from limpet.config_http import HttpCarrierConfig
from limpet.config_numbers import read_offers
from limpet.config_registration import RegistrationConfig
from limpet.core.inventory import Inventory
from limpet.core.routing import Patience, Routes
from limpet.devtools.seed import for_sale
from limpet.flow.whole import Pace

DEV_DOUBT_PATIENCE_S = 10.0


def registration(config: Config, dev: DevOptions | None) -> RegistrationConfig:
    """Who registers numbers: who is configured, or with `dev` a simulated registrar."""
    if dev is None:
        return config.registration
    return RegistrationConfig("simulated", delay_s=dev.registration_delay_s)


def inventory(config: Config, dev: DevOptions | None) -> Inventory:
    """The numbers on offer: those of the carriers' files, or some of nobody's with `dev`."""
    if dev is not None:
        return Inventory(for_sale())
    files = [(each.numbers_file, each.name) for each in config.carriers if each.numbers_file is not None]
    return Inventory(offer for path, carrier in files for offer in read_offers(path, carrier))


def pace(config: Config, dev: DevOptions | None, carriers: Sequence[AnyCarrierConfig]) -> Pace:
    """How patient and how busy the flow is."""
    rated = config.dispatch.sender_rates == "twilio" if dev is None else dev.realistic_rates
    smpp = [each for each in carriers if isinstance(each, CarrierConfig)]  # their lanes keep their rates PDU by PDU
    over_http = [each for each in carriers if isinstance(each, HttpCarrierConfig)]
    account_per_s = config.dispatch.account_segments_per_s if rated and dev is None else 0.0
    return Pace(
        lease=timedelta(seconds=config.dispatch.lane_lease_s),
        doubt_patience_s=config.dispatch.in_doubt_wait_s if dev is None else DEV_DOUBT_PATIENCE_S,
        purge_rows_per_s=config.sticky.purge_rows_per_s,
        refused_days=config.sticky.refused_days,
        take_over=config.database.url is None,  # the directory's lock says that nobody else is alive
        rated=rated,
        pending_max=config.server.max_pending,
        routes=Routes(config.routes, {each.name: each.also_through for each in config.carriers}),
        patience=Patience(
            timedelta(seconds=config.dispatch.failover_after_s), timedelta(seconds=config.dispatch.failback_after_s)
        ),
        segments_per_s={each.name: each.segments_per_s for each in over_http if each.segments_per_s},
        receipts_on_last=frozenset(carrier.name for carrier in smpp if carrier.receipts == "last"),
        whole_messages=frozenset(carrier.name for carrier in smpp if carrier.long_messages == "payload"),
        query_after={carrier.name: timedelta(seconds=carrier.query_after_s) for carrier in smpp if carrier.query},
        account_per_s=account_per_s or None,
        scheduled_max=config.dispatch.scheduled_max,
        elsewhere=elsewhere(config),
        tmobile=config.registration.tmobile,
    )


def elsewhere(config: Config) -> frozenset[str]:
    """The carriers of other regions: they are configured for other servers on the same database."""
    return frozenset(each.name for each in config.carriers if each.region not in ("", config.server.region))
