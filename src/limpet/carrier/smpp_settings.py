"""A carrier as the operator wrote it down, as its lanes want it."""

from __future__ import annotations

import ssl

from limpet.carrier.smpp_codes import error_codes
from limpet.carrier.smpp_config import (
    USUAL_WORDING,
    Binds,
    Coding,
    Long,
    Numbering,
    Numberings,
    Outbinds,
    SmppConfig,
    Wording,
)
from limpet.config import CarrierConfig
from limpet.config_rules import ConfigError


def smpp_config(carrier: CarrierConfig) -> SmppConfig:
    """The configuration of each of a carrier's lanes; ConfigError, in one sentence, where SMPP cannot carry a value."""
    ca_file = None if carrier.tls_ca_file is None else str(carrier.tls_ca_file)
    try:
        return SmppConfig(
            carrier.host, carrier.port, carrier.system_id, carrier.password, carrier.system_type, carrier.window_size_max,
            carrier.response_timeout_s, carrier.enquire_link_s,
            ssl.create_default_context(cafile=ca_file) if carrier.tls else None,
            _numberings(carrier), carrier.throttle_pause_s,
            reconnect_max_s=carrier.reconnect_max_s,
            refused_reconnect_max_s=carrier.refused_reconnect_max_s,
            binds=Binds(carrier.bind),
            address_numbering=Numbering(carrier.bind_ton, carrier.bind_npi),
            address_range=carrier.address_range,
            wording=_wording(carrier),
            segments_per_s=None if carrier.segments_per_s is None else carrier.segments_per_s / carrier.binds,
            outbinds=_outbinds(carrier),
            query=carrier.query,
            error_codes=error_codes(carrier.error_codes),
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(f'The carrier "{carrier.name}" cannot be spoken to as configured: {error}.') from error


def _numberings(carrier: CarrierConfig) -> Numberings:
    return Numberings(
        Numbering(carrier.phone_ton, carrier.phone_npi),
        Numbering(carrier.short_code_ton, carrier.short_code_npi),
        Numbering(carrier.alphanumeric_ton, carrier.alphanumeric_npi),
    )


def _wording(carrier: CarrierConfig) -> Wording:
    """How messages are written; the one usual value where nothing is said, so that nothing is asked a message."""
    wording = Wording(
        Coding(carrier.default_alphabet), carrier.default_coding, carrier.ucs2_coding, Long(carrier.long_messages),
        carrier.service_type, carrier.registered_delivery, dict(carrier.tlvs), carrier.reference, carrier.submit == "data_sm",
        carrier.plus, carrier.country_code,
    )  # fmt: skip
    return USUAL_WORDING if wording == USUAL_WORDING else wording


def _outbinds(carrier: CarrierConfig) -> Outbinds | None:
    if carrier.outbind_port is None:
        return None
    return Outbinds(carrier.outbind_host, carrier.outbind_port, carrier.outbind_system_id, carrier.outbind_password)
