"""A carrier's file of numbers: read, or refused in one sentence that names the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from limpet import config_numbers
from limpet.config_numbers import read_offers
from limpet.config_rules import ConfigError


def test_numbers_are_read_and_comments_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("# ours\n\n+14155550123, sms+mms\r\n+447700900120,sms,mobile\n")
    assert [(each.address.value, each.type, each.carrier) for each in read_offers(file, "acme")] == [
        ("+14155550123", "local", "acme"),
        ("+447700900120", "mobile", "acme"),
    ]


@pytest.mark.parametrize("line", ["x", "+14155550123;sms", "+14155550123,sms,house", "+1" + "4" * 300])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text(f"+14155550123\n{line}\n")
    with pytest.raises(ConfigError, match=r"numbers\.csv, line 2: "):
        read_offers(file, "acme")


def test_a_file_that_is_not_there_or_no_text_or_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_offers(tmp_path / "none", "acme")
    file = tmp_path / "numbers.csv"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_offers(file, "acme")
    monkeypatch.setattr(config_numbers, "OFFERS_MAX", 1)
    file.write_text("+14155550123\n+14155550124\n")
    with pytest.raises(ConfigError, match="more than 1 numbers"):
        read_offers(file, "acme")
