"""The error table and the exception that carries a row of it."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limpet.core.errors import ERRORS, VALUE_LENGTH_MAX, ApiError, more_info

BY_STATUS = {
    400: """20001 21211 21212 21408 21421 21422 21452 21481 21601 21602 21603 21604 21606 21608 21609 21610 21611 21612 21614
            21617 21619 21620 21621 21622 21623 21624 21626 21627 21654 21655 21656 21659 21669 21701 21702 21704 21705 21709
            21711 21715 21717 21719 21720 21725 21727 21728 30029 30030 30100 30109 30122 30124 30409 35111 35114 35115 35117
            35118 35119 35125 35126 91007""",
    401: "20003",
    403: "20005 20008",
    404: "20404",
    405: "20004",
    409: "20009 21710 21712",
    412: "21714",
    429: "20429",
    500: "20500",
    503: "20503",
    None: """21703 23003 23004 23006 30001 30002 30003 30004 30005 30006 30007 30008 30011 30019 30020 30021 30022 30023 30027
             30032 30034 30036 30037 30038 30041""",
}
EXPECTED = {int(code): status for status, codes in BY_STATUS.items() for code in codes.split()}
TOLD_OF_MESSAGES_TOO = {21610, 21612, 21614}


def names(message: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}


def test_every_code_has_its_http_status() -> None:
    assert {code: kind.http_status for code, kind in ERRORS.items()} == EXPECTED
    assert all(code == kind.code for code, kind in ERRORS.items())


def test_every_code_has_words_of_its_own() -> None:
    messages = [kind.message for kind in ERRORS.values()]
    assert len(set(messages)) == len(messages)
    assert all(20 <= len(message) <= 120 or message == "Service unavailable" for message in messages)


def test_what_a_message_carries_needs_no_values() -> None:
    carried = [kind for kind in ERRORS.values() if kind.http_status is None or kind.code in TOLD_OF_MESSAGES_TOO]
    assert [names(kind.message) for kind in carried] == [set()] * len(carried)


def test_only_agreed_names_are_filled_in() -> None:
    agreed = {"value", "parameter", "why", "method", "resource", "status_now"}
    assert set().union(*(names(kind.message) for kind in ERRORS.values())) == agreed


def test_an_error_says_what_it_is_about() -> None:
    error = ApiError(21211, value="+1415")
    assert (error.code, error.status, error.details) == (21211, 400, None)
    assert error.message == str(error) == "The 'To' number +1415 is not a valid phone number"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ApiError(21701, status=404, value="MG1"), 404),
        (ApiError(20001, status=413, parameter="body", why="larger than a mebibyte"), 413),
        (ApiError(21714), 412),
        (ApiError(21703), 400),
    ],
)
def test_the_http_status_is_the_codes_own_or_the_one_given(error: ApiError, status: int) -> None:
    assert error.status == status


def test_details_are_kept() -> None:
    assert ApiError(20404, resource="/x", details={"sid": "MG1"}).details == {"sid": "MG1"}


@pytest.mark.parametrize("value", ["", None])
def test_a_missing_value_shows(value: str | None) -> None:
    error = ApiError(21211) if value is None else ApiError(21211, value=value)
    assert error.message == "The 'To' number (none) is not a valid phone number"


@given(st.text(max_size=300))
@example("x" * (VALUE_LENGTH_MAX + 1))
@example("{why}")
def test_a_callers_value_is_repeated_as_it_is_but_not_at_length(value: str) -> None:
    message = ApiError(21620, value=value).message
    assert message.startswith("A media URL is not valid: " + value[:VALUE_LENGTH_MAX])
    assert len(message) <= len("A media URL is not valid: …") + VALUE_LENGTH_MAX


def test_an_unknown_code_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        ApiError(1)


def test_the_page_of_a_code() -> None:
    assert more_info(21211) == "https://www.twilio.com/docs/errors/21211"
