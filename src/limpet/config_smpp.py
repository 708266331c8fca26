"""What an operator may say about how one carrier speaks SMPP; where it is and who we are to it is in `limpet.config`.

Each setting with its default and its bounds. What they cause is for `limpet.carrier`; every one is explained in
docs/howto/smpp-carriers.md.
"""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with a rule
from __future__ import annotations

import re
from dataclasses import dataclass

from limpet.config_rules import HOST, SWITCH, ConfigError, Rule, one_of, seconds, setting, text, whole

Tlvs = tuple[tuple[int, bytes], ...]
TLVS_MAX = 32
TLV_OCTETS_MAX = 1024
_TAG = re.compile(r"0x[0-9a-fA-F]{1,4}")
_HEX = "hex:"
_PRINTABLE = r"[\x20-\x7e]*"
_CODING = whole(0, 255)
_TON = whole(0, 6)
_NPI = whole(0, 18)


def _read_tlvs(value: object) -> Tlvs:
    if not isinstance(value, dict) or len(value) > TLVS_MAX or not all(map(_TAG.fullmatch, value)):
        raise ValueError
    return tuple((int(tag, 16), _octets(each)) for tag, each in value.items())


def _octets(value: object) -> bytes:
    if not isinstance(value, str):
        raise TypeError
    octets = bytes.fromhex(value[len(_HEX) :]) if value.startswith(_HEX) else value.encode("latin-1")
    if len(octets) > TLV_OCTETS_MAX:
        raise ValueError
    return octets


def _read_rate(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _RATE_MAX:
        raise ValueError
    return float(value) or None


_RATE_MAX = 100_000
TLVS = Rule(
    f'a table of at most {TLVS_MAX} TLVs such as {{ "0x1400" = "text" }} or {{ "0x1401" = "hex:00ff" }}', _read_tlvs
)
RATE = Rule(f"a number of segments a second from 0 (no limit) to {_RATE_MAX}", _read_rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmppSettings:
    """The part of one `[[carriers]]` that is about SMPP's choices.

    `binds` is how many lanes lead to the carrier, `bind` what each of them binds. `segments_per_s` is for all lanes together.
    `receipts` says whether a message of several segments gets a receipt for each, or one for the last. `query_after_s` is how
    long a message waits for its receipt before the carrier is asked, where it knows `query`.
    """

    bind: str = setting(one_of("transceiver", "pair", "transmitter"), "transceiver")
    binds: int = setting(whole(1, 64), 1)
    bind_ton: int = setting(_TON, 0)
    bind_npi: int = setting(_NPI, 0)
    address_range: str = setting(text(40, _PRINTABLE, "a text of at most 40 ASCII characters"), "")
    service_type: str = setting(text(5, _PRINTABLE, "a text of at most 5 ASCII characters"), "")
    country_code: str = setting(text(3, r"[1-9][0-9]{0,2}", "1 to 3 digits of a country's calling code"), "")
    plus: bool = setting(SWITCH, False)
    default_alphabet: str = setting(one_of("gsm7", "gsm7_packed", "latin1"), "gsm7")
    default_coding: int = setting(_CODING, 0)
    ucs2_coding: int = setting(_CODING, 8)
    long_messages: str = setting(one_of("udh8", "udh16", "sar", "payload"), "udh8")
    submit: str = setting(one_of("submit_sm", "data_sm"), "submit_sm")
    registered_delivery: int = setting(whole(0, 31), 1)
    receipts: str = setting(one_of("each", "last"), "each")
    reference: bool = setting(SWITCH, True)
    tlvs: Tlvs = setting(TLVS, ())
    segments_per_s: float | None = setting(RATE, None)
    throttle_pause_s: float = setting(seconds(0.01, 60), 1.0)
    reconnect_max_s: float = setting(seconds(1, 3600), 60.0)
    refused_reconnect_max_s: float = setting(seconds(1, 86_400), 300.0)
    query: bool = setting(SWITCH, False)
    query_after_s: float = setting(seconds(10, 86_400), 3600.0)
    outbind_port: int | None = setting(whole(1, 65535), None)
    outbind_host: str = setting(HOST, "127.0.0.1")
    outbind_system_id: str = setting(text(15, _PRINTABLE, "a text of at most 15 ASCII characters"), "")
    outbind_password: str = setting(text(8, _PRINTABLE, "a text of at most 8 ASCII characters"), "", secret=True)


def check_smpp(settings: SmppSettings, path: str) -> None:
    """ConfigError for settings that do not go together."""
    if settings.outbind_port is None:
        return
    if settings.binds != 1:
        raise ConfigError(f"{path}.outbind_port is for one bind: a carrier calls one port.")
    if settings.bind == "transmitter" or not settings.outbind_system_id:
        raise ConfigError(
            f"{path}.outbind_port needs outbind_system_id, and a bind that receives: transceiver or pair."
        )
