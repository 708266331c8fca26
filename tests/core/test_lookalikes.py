"""Smart encoding: what is replaced by what, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.encoding import Encoding, segment
from limpet.core.lookalikes import smart_encoded


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("“Don’t” – she said…", '"Don\'t" - she said...'),
        ("«½»", '"1/2"'),
        ("a\u00a0b\tc", "a  b       c"),
        ("\uff21\uff10\uff5e\uff01", "A0~!"),
        ("\u1d00\u0299\u1d22", "ABZ"),
        ("\u2039x\u203a", ">x<"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\u200b", "\u200b"),
        ("ｑ", "ｑ"),
        ("Grüße, Ñandú 你好 😀", "Grüße, Ñandú 你好 😀"),
    ],
)
def test_what_twilios_table_says(text: str, sent: str) -> None:
    assert smart_encoded(text) == sent


def test_what_kept_a_text_out_of_gsm7_does_so_no_more() -> None:
    text = "“" + "x" * 158 + "”"
    assert (segment(text).encoding, segment(text).count) == (Encoding.UCS2, 3)
    assert (segment(smart_encoded(text)).encoding, segment(smart_encoded(text)).count) == (Encoding.GSM7, 1)


@given(st.text())
def test_encoding_what_is_encoded_changes_nothing(text: str) -> None:
    assert smart_encoded(smart_encoded(text)) == smart_encoded(text)


GSM7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./09:;<=>?¡AZÄÖÑÜ§¿azäöñüà\f^{}\\[~]|€"


@given(st.text(GSM7))
def test_gsm7_stays_as_it_is(text: str) -> None:
    assert smart_encoded(text) == text
