"""The second factor against RFC 6238, and how long somebody waits who has failed."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from limpet.core.console import LEAST, Act, Role, may
from limpet.core.sign_in import STEP_S, WAIT_MAX, code_at, neighbourhood, otpauth_uri, step_of, wait_after

SECRET = b"12345678901234567890"
VECTORS = [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"),
           (2000000000, "69279037"), (20000000000, "65353130")]  # fmt: skip
"""RFC 6238, appendix B, SHA-1: eight digits, of which apps show the last six."""


@pytest.mark.parametrize(("second", "digits"), VECTORS)
def test_codes_are_those_of_the_rfc(second: int, digits: str) -> None:
    assert code_at(SECRET, second // STEP_S) == digits[-6:]
    assert step_of(SECRET, f" {digits[-6:-3]} {digits[-3:]} ", second, 0) == second // STEP_S


@pytest.mark.parametrize(("off", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_counts_in_its_own_step_and_its_neighbours(off: int, good: bool) -> None:
    step = 1000
    assert (step_of(SECRET, code_at(SECRET, step + off), step * STEP_S, 0) is not None) is good


def test_a_code_is_good_once_and_so_is_none_before_it() -> None:
    step = 1000
    assert step_of(SECRET, code_at(SECRET, step), step * STEP_S, step) is None
    assert step_of(SECRET, code_at(SECRET, step - 1), step * STEP_S, step) is None
    assert step_of(SECRET, code_at(SECRET, step + 1), step * STEP_S, step) == step + 1


@pytest.mark.parametrize("given", ["", "12345", "1234567", "abcdef", "９４２８７０", "\0"])
def test_what_is_no_code_is_none(given: str) -> None:
    assert step_of(SECRET, given, 59, 0) is None


def test_an_app_is_told_what_it_needs() -> None:
    uri = urlsplit(otpauth_uri("anna@example.com", SECRET))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Limpet%3Aanna%40example.com")
    assert parse_qs(uri.query)["secret"] == ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]


@pytest.mark.parametrize(("one", "other", "same"), [
    ("2001:db8::1", "2001:db8::ffff:1", True), ("2001:db8::1", "2001:db8:0:1::1", False), ("192.0.2.1", "192.0.2.2", False),
    ("", "", True), ("somewhere", "elsewhere", False),
])  # fmt: skip
def test_whoever_has_an_address_of_ipv6_has_its_network(one: str, other: str, same: bool) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) is same


def test_waiting_doubles_and_ends() -> None:
    waits = [wait_after(failures, 3).total_seconds() for failures in range(1, 9)]
    assert waits == [0, 0, 0, 2, 4, 8, 16, 32]
    assert wait_after(10_000, 3) == WAIT_MAX == timedelta(minutes=15)


def test_a_role_may_what_the_one_below_it_may_and_every_deed_has_one() -> None:
    assert set(LEAST) == set(Act)
    for act in Act:
        allowed = [may(role, act) for role in Role]
        assert allowed == sorted(allowed)
        assert may(Role.ADMIN, act)
    assert not may(Role.VIEWER, Act.SET_MAPPING)
    assert may(Role.OPERATOR, Act.SET_MAPPING)
    assert not may(Role.OPERATOR, Act.IMPORT)
