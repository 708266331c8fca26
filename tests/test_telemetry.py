"""Log lines: machine-readable when asked, and without the people in them."""

import io
import json
import logging

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


def test_plain_lines_are_for_people(lines):
    configure(as_json=False, stream=lines)
    structlog.get_logger().info("lane up", lane="simulated/0")
    assert "lane up" in lines.getvalue()
    assert "{" not in lines.getvalue()


def test_a_person_is_told_the_error_and_no_traceback_unless_asked_for(lines):
    for tracebacks in (False, True):
        configure(as_json=False, stream=lines, tracebacks=tracebacks)
        try:
            raise ValueError("row 7")
        except ValueError as error:
            structlog.get_logger().error("a loop has ended", exc_info=error)
        assert "row 7" in lines.getvalue()
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
