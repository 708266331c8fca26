"""TLVs of SMPP that Limpet has no use for and keeps: what a carrier says of a text beyond the text.

They are kept for people to look at. A carrier may send what it likes, so there is an end to how much of it is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TLVS_MAX = 16
TLV_OCTETS_MAX = 1024
"""All values of a text together."""

Tlvs = tuple[tuple[int, bytes], ...]
"""Tag and value, in the order in which they came."""


def kept(tlvs: Iterable[tuple[int, bytes]]) -> Tlvs:
    """Those that are kept: of a tag the first, at most TLVS_MAX of TLV_OCTETS_MAX; one that no longer fits is left out."""
    found: dict[int, bytes] = {}
    left = TLV_OCTETS_MAX
    for tag, value in tlvs:
        if tag not in found and len(value) <= left and len(found) < TLVS_MAX:
            found[tag] = value
            left -= len(value)
    return tuple(found.items())


def written(tlvs: Tlvs) -> dict[str, str]:
    """As `tlvs` of a carrier are written in limpet.toml: `{"0x1400": "hex:00ff"}`."""
    return {f"0x{tag:04X}": f"hex:{value.hex()}" for tag, value in tlvs}


def read(said: Mapping[str, str]) -> Tlvs:
    """What `written` wrote."""
    return tuple((int(tag, 16), bytes.fromhex(value.removeprefix("hex:"))) for tag, value in said.items())
