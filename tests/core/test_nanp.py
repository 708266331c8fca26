"""The table of area codes: facts of the report by name, its own order, and `phonenumbers` as a second opinion."""

from __future__ import annotations

import phonenumbers
import pytest

from limpet.core.nanp import AREA_CODES, TOLL_FREE, country, location, overlay

EVERY_CODE = [str(code) for code in range(200, 1000)]


@pytest.mark.parametrize(
    ("code", "where"),
    [
        ("415", ("US", "CA")),
        ("212", ("US", "NY")),
        ("907", ("US", "AK")),
        ("416", ("CA", "ON")),
        ("867", ("CA", "NT/YT/NU")),
        ("782", ("CA", "NS/PE")),
        ("273", ("CA", "QC")),
        ("787", ("PR", "PR")),
        ("671", ("GU", "GU")),
        ("670", ("MP", "MP")),
        ("340", ("VI", "VI")),
        ("684", ("AS", "AS")),
        ("876", ("JM", "JM")),
        ("809", ("DO", "DO")),
        ("721", ("SX", "SX")),
        ("441", ("BM", "BM")),
        ("500", ("US", None)),
        ("900", ("US", None)),
        ("833", ("US", None)),
        ("600", ("CA", None)),
        ("555", (None, None)),
        ("211", (None, None)),
        ("", (None, None)),
        ("+14", (None, None)),
    ],
)
def test_a_code_is_of_a_country_and_a_place(code: str, where: tuple[str | None, str | None]) -> None:
    assert (country(code), location(code)) == where


@pytest.mark.parametrize(
    ("code", "others"),
    [
        ("415", "628"),
        ("628", "415"),
        ("212", "332 646 917"),
        ("917", "212 332 347 465 646 718 929"),
        ("718", "347 465 917 929"),
        ("604", "236 257 672 778"),
        ("250", "236 257 672 778"),
        ("236", "250 257 604 672 778"),
        ("564", "206 360"),
        ("206", "564"),
        ("312", "872"),
        ("872", "312 773"),
        ("207", ""),
        ("321", ""),
        ("407", "321 689"),
        ("658", "876"),
        ("800", ""),
        ("500", ""),
        ("555", ""),
    ],
)
def test_the_overlay_is_that_of_the_codes_own_row(code: str, others: str) -> None:
    assert overlay(code) == frozenset(others.split())


def test_an_overlay_names_known_codes_of_the_same_country_and_never_the_code_itself() -> None:
    for code, found in AREA_CODES.items():
        assert code not in found.overlay
        assert {country(other) for other in found.overlay} <= {found.country}


def test_the_table_is_whole() -> None:
    assert len(AREA_CODES) == 457
    assert all(len(code) == 3 and code.isdigit() and code[0] >= "2" for code in AREA_CODES)
    assert frozenset({"800", "833", "844", "855", "866", "877", "888"}) == TOLL_FREE
    assert not TOLL_FREE & set(AREA_CODES)


def test_phonenumbers_does_not_disagree_on_any_country() -> None:
    numbers = {code: phonenumbers.parse(f"+1{code}2345678") for code in EVERY_CODE}
    theirs = {code: phonenumbers.region_code_for_number(number) for code, number in numbers.items()}
    known = {code: region for code, region in theirs.items() if region is not None}
    assert len(known) > 400
    assert {code: country(code) for code in known} == known
