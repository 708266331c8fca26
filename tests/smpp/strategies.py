"""Random PDUs that fit their field tables, for every command, and ways to cut a stream into chunks."""

from __future__ import annotations

from hypothesis import strategies as st

from limpet.smpp.commands import Command, Pdu
from limpet.smpp.layouts import LAYOUTS, TLV_OCTETS, Field, Kind

_CHARACTERS = st.characters(min_codepoint=1, max_codepoint=255)
SEQUENCES = st.integers(1, 0x7FFFFFFF)
STATUSES = st.integers(0, 0xFFFFFFFF)


def values(field: Field) -> st.SearchStrategy[object]:
    if field.kind is Kind.INTEGER:
        return st.integers(0, 255)
    if field.kind is Kind.C_STRING:
        return st.text(_CHARACTERS, max_size=field.octets_max - 1)
    return st.binary(max_size=field.octets_max)


def _tlv(tag: int) -> st.SearchStrategy[tuple[int, bytes]]:
    least, most = TLV_OCTETS.get(tag, (0, 300))
    return st.tuples(st.just(tag), st.binary(min_size=least, max_size=min(most, 300)))


TLVS = st.lists(st.one_of(st.integers(0, 0xFFFF), st.sampled_from(sorted(TLV_OCTETS))).flatmap(_tlv), max_size=4).map(
    dict
)


EVERY = st.sampled_from(list(Command))


@st.composite
def pdus(draw: st.DrawFn, commands: st.SearchStrategy[Command] = EVERY) -> Pdu:
    command = draw(commands)
    layout = LAYOUTS[command]
    body = layout.body(*(draw(values(field)) for field in layout.fields))
    return Pdu(command, draw(STATUSES), draw(SEQUENCES), body, draw(TLVS))


@st.composite
def chunked(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    cuts = sorted(draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
