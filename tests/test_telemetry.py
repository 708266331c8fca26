"""Log lines: machine-readable when asked, and without the people in them."""

import io
import json
import logging
import re

import asyncpg
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from limpet.telemetry import configure, masked


@pytest.fixture
def lines():
    """What is logged while a test runs; structlog is as it was afterwards."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    yield io.StringIO()
    structlog.configure(**before)
    logging.getLogger().handlers = handlers


def said_by(lines, begins):
    """The line of an event; what libraries say of earlier tests, such as of a connection left open, may stand beside it."""
    told = map(json.loads, lines.getvalue().splitlines())
    [one] = [each for each in told if each["event"].startswith(begins)]
    return one


def test_json_lines_hold_what_was_said(lines):
    configure(as_json=True, level="info", stream=lines)
    structlog.get_logger().warning("callback given up", attempts=8)
    structlog.get_logger().debug("not this")
    [line] = lines.getvalue().splitlines()
    assert json.loads(line).items() >= {"event": "callback given up", "level": "warning", "attempts": 8}.items()


def test_an_error_is_one_json_line_with_its_traceback(lines):
    configure(as_json=True, stream=lines)
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        structlog.get_logger().exception("failed")
    [line] = lines.getvalue().splitlines()
    assert "ValueError" in json.loads(line)["exception"]
    assert 'raise ValueError("line one' in json.loads(line)["exception"]


def test_what_an_error_followed_from_is_told_without_what_it_says(lines):
    configure(as_json=True, stream=lines)
    try:
        try:
            {}["a person's text"]
        except KeyError as error:
            raise RuntimeError("because of a person's text") from error
    except RuntimeError:
        structlog.get_logger().exception("failed")
    told = said_by(lines, "failed")
    assert told["error"] == "RuntimeError"
    assert [line for line in told["exception"].splitlines() if not line.startswith(" ")] == [
        "Traceback (most recent call last):",
        "KeyError",
        "Traceback (most recent call last):",
        "RuntimeError",
    ]


def test_an_error_of_the_database_names_what_it_blames_and_not_the_row(lines):
    configure(as_json=True, stream=lines)
    error = asyncpg.PostgresError.new(
        {"C": "23514", "M": "violates", "D": "Failing row contains (Hello)", "n": "short"}
    )
    structlog.get_logger().error("failed", why=error)
    assert said_by(lines, "failed")["why"] == "CheckViolationError 23514 short"


@pytest.mark.parametrize(
    "number",
    ["+14155550199", "14155550199", "4155550199", "+1 (415) 555-0199", "+44 7700 900199", "whatsapp +447700900199"],
)
def test_what_may_be_a_number_is_taken_out_of_every_text(lines, number):
    configure(as_json=True, stream=lines)
    structlog.get_logger().warning(f"to {number}", why=f"400 {number} is not a number", error=OSError(5, f"{number}"))
    told = said_by(lines, "to ")
    del told["timestamp"]
    assert not re.search(r"0199|555|900", json.dumps(told))


@pytest.mark.parametrize(
    "said",
    ["2026-11-29T11:26:24.123456+00:00", "10.20.30.40:5432", "AC01234567890123456789012345678901", "process 1234567",
     "::ffff:127.0.0.1", "2001:db8:0:0:1:0:0:1", "message 12 of 500", "limpet-4.13.27.dev"],
)  # fmt: skip
def test_times_addresses_and_sids_stay(lines, said):
    configure(as_json=True, stream=lines)
    structlog.get_logger().warning("it", said=said)
    assert said_by(lines, "it")["said"] == said


def test_of_what_a_library_logs_only_the_first_line_is_kept(lines):
    configure(as_json=True, stream=lines)
    logging.getLogger("tests.a_library").error("Never retrieved\nfuture: exception=KeyError('a text')")
    assert said_by(lines, "Never")["event"] == "Never retrieved"
    assert "a text" not in lines.getvalue()


def test_plain_lines_are_for_people(lines):
    configure(as_json=False, stream=lines)
    structlog.get_logger().info("lane up", lane="simulated/0")
    assert "lane up" in lines.getvalue()
    assert "{" not in lines.getvalue()


def test_a_person_is_told_the_error_and_no_traceback_unless_asked_for(lines):
    said = "a person wrote"
    for tracebacks in (False, True):
        configure(as_json=False, stream=lines, tracebacks=tracebacks)
        try:
            raise ValueError(said)
        except ValueError as error:
            structlog.get_logger().error("a loop has ended", exc_info=error)
        assert "ValueError" in lines.getvalue()
        assert "wrote" not in lines.getvalue()
        assert ("Traceback" in lines.getvalue()) is tracebacks


def test_what_libraries_log_is_a_line_like_any_other(lines):
    configure(as_json=True, stream=lines)
    try:
        raise ConnectionRefusedError(111, "refused")
    except ConnectionRefusedError:
        logging.getLogger("tests.a_library").exception("Failed to restore the pool")
    [line] = lines.getvalue().splitlines()
    told = json.loads(line)
    assert (told["event"], told["logger"], told["level"]) == ("Failed to restore the pool", "tests.a_library", "error")
    assert "refused" in told["error"]


@given(st.from_regex(r"\+[1-9][0-9]{8,14}", fullmatch=True))
def test_a_number_shows_its_last_four_digits_only(number):
    shown, _, digest = masked(number, b"key").partition("#")
    assert shown == "…" + number[-4:]
    assert len(digest) == 8


@given(st.text(max_size=8))
def test_a_short_address_shows_nothing_of_itself(address):
    assert masked(address, b"key").startswith("…#")


def test_the_hash_tells_numbers_apart_only_under_the_same_key():
    assert masked("+14155550101", b"a") == masked("+14155550101", b"a")
    assert masked("+14155550101", b"a") != masked("+14165550101", b"a")
    assert masked("+14155550101", b"a") != masked("+14155550101", b"b")
