"""Which description belongs to which kind of carrier over HTTP."""

from __future__ import annotations

from limpet.carrier.bandwidth import Bandwidth
from limpet.carrier.generic import Generic
from limpet.carrier.http_values import Upstream
from limpet.carrier.plivo import Plivo
from limpet.carrier.telnyx import Telnyx
from limpet.carrier.twilio import Twilio
from limpet.carrier.vonage import Vonage
from limpet.config_http import (
    BandwidthConfig,
    GenericConfig,
    HttpCarrierConfig,
    PlivoConfig,
    TelnyxConfig,
    TwilioConfig,
    VonageConfig,
)


def upstream_of(config: HttpCarrierConfig) -> Upstream:
    """The description of a configured carrier."""
    match config:
        case TwilioConfig():
            return Twilio(config)
        case TelnyxConfig():
            return Telnyx(config)
        case BandwidthConfig():
            return Bandwidth(config)
        case PlivoConfig():
            return Plivo(config)
        case VonageConfig():
            return Vonage(config)
        case GenericConfig():
            return Generic(config)
        case _:
            raise TypeError(f"{config.kind} is no kind of carrier")
