"""Pages, filters and dates: read as clients write them, written as clients read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.errors import ApiError
from limpet.core.page import Page, PageRequest
from limpet.twilio.dates import DATE_MAX, DATE_MIN, iso8601, parse_date, rfc2822
from limpet.twilio.lists import parse_message_query, parse_number_query, parse_page
from limpet.twilio.pages import page_2010, page_v1

DAY = datetime(2019, 6, 11, tzinfo=UTC)
AT = DAY + timedelta(hours=22, minutes=5, seconds=25)
instants = st.timedeltas(timedelta(0), timedelta(days=54_000)).map(lambda after: DATE_MIN + after)


@given(instants)
def test_dates_are_written_as_the_standards_have_them(at: datetime) -> None:
    whole = at.replace(microsecond=0)
    assert rfc2822(at) == format_datetime(at)
    assert parsedate_to_datetime(rfc2822(at)) == whole
    assert datetime.strptime(iso8601(at), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) == whole


@given(instants)
def test_dates_are_read_as_they_are_written(at: datetime) -> None:
    whole = at.replace(microsecond=0)
    assert [parse_date(text) for text in (rfc2822(at), iso8601(at), f"{at:%m/%d/%Y %H:%M:%S} UTC")] == [whole] * 3


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2019-06-11", DAY),
        ("2019-06-11 22:05:25.000", AT),
        ("2019-06-11T22:05:25Z", AT),
        ("2019-06-11T22:05:25+02:00", AT - timedelta(hours=2)),
        ("06/11/2019", DAY),
        ("6/11/2019 22:05", AT.replace(second=0)),
        ("06/11/2019 22:05:25 MST", AT + timedelta(hours=7)),
        ("06/11/2019 22:05:25 -0700", AT + timedelta(hours=7)),
        ("Tue, 11 Jun 2019 22:05:25 +0000", AT),
        (" Tue, 11 Jun 2019 22:05:25 GMT ", AT),
        ("0001-01-01", DATE_MIN),
        ("0001-01-01T00:00:00+23:59", DATE_MIN),
        ("9999-12-31T23:59:59-23:59", DATE_MAX),
    ],
)
def test_dates_are_read_in_every_form_of_twilios_examples(text: str, at: datetime) -> None:
    assert parse_date(text) == at


@given(st.text(st.sampled_from("0123456789/-:., TZ+JunMonMST"), max_size=70))
def test_any_text_is_a_date_or_none(text: str) -> None:
    at = parse_date(text)
    assert at is None or DATE_MIN <= at <= DATE_MAX


@pytest.mark.parametrize(
    ("query", "window"),
    [
        ({}, (None, None)),
        ({"DateSent": ["2019-06-11"]}, (DAY, DAY + timedelta(days=1))),
        ({"DateSent": ["2019-06-11T22:05:25Z"]}, (DAY, DAY + timedelta(days=1))),
        ({"DateSent>": ["2019-06-11"]}, (DAY, None)),
        ({"DateSent<": ["2019-06-11"]}, (None, DAY + timedelta(seconds=1))),
        ({"DateSent>": ["2019-06-11T22:05:25Z"], "DateSent": ["2019-06-11"]}, (AT, DAY + timedelta(days=1))),
        ({"DateSent<": ["2019-06-11T22:05:25Z"], "DateSent": ["2019-06-11"]}, (DAY, AT + timedelta(seconds=1))),
    ],
)
def test_dates_of_sending_are_windows(
    query: dict[str, list[str]], window: tuple[datetime | None, datetime | None]
) -> None:
    asked = parse_message_query(query)
    assert (asked.sent_from, asked.sent_to) == window


def test_addresses_in_filters_are_normalised_or_stay_as_they_are() -> None:
    asked = parse_message_query({"To": [" 14155550199"], "From": ["no number"]})
    assert (asked.to, asked.from_) == ("+14155550199", "no number")


@pytest.mark.parametrize(
    ("pattern", "read"),
    [("(415) 555-0199", "+14155550199"), ("+1 415*", "+1415*"), ("415-555", "415555"), ("abc", "abc"), ("", None)],
)
def test_a_part_of_a_number_is_read_without_punctuation(pattern: str, read: str | None) -> None:
    assert parse_number_query({"PhoneNumber": [pattern]}).address_pattern == read


@pytest.mark.parametrize(
    ("query", "request_"),
    [
        ({}, PageRequest()),
        ({"PageSize": ["20"]}, PageRequest(size=20)),
        ({"PageSize": ["5000"]}, PageRequest(size=1000)),
        ({"Page": ["0"]}, PageRequest()),
        ({"Page": ["2"], "PageToken": ["PA77"]}, PageRequest(number=2, after=77)),
        ({"Page": ["1"], "PageToken": ["PB77"]}, PageRequest(number=1, before=77)),
    ],
)
def test_pages_are_asked_for_by_their_tokens(query: dict[str, list[str]], request_: PageRequest) -> None:
    assert parse_page(query) == request_


def test_a_page_that_is_counted_to_says_how_to_get_there() -> None:
    with pytest.raises(ApiError, match="the page before it gives"):
        parse_page({"Page": ["3"]})


MIDDLE = Page((1, 2), "PA5", "PB8")
FILTERED = {"To": ["+1415"], "DateSent>": ["2008-01-02"], "PageSize": ["2"], "Page": ["1"], "PageToken": ["PA9"]}


def test_a_page_of_2010_names_its_neighbours_by_paths() -> None:
    page = page_2010(
        "messages", [{"a": 1}, {"a": 2}], MIDDLE, PageRequest(2, 1, after=9), "/2010-04-01/M.json", FILTERED
    )
    filters = "/2010-04-01/M.json?To=%2B1415&DateSent%3E=2008-01-02&PageSize=2"
    assert page == {
        "messages": [{"a": 1}, {"a": 2}], "page": 1, "page_size": 2, "start": 2, "end": 3,
        "uri": f"{filters}&Page=1&PageToken=PA9", "first_page_uri": f"{filters}&Page=0",
        "next_page_uri": f"{filters}&Page=2&PageToken=PA5", "previous_page_uri": f"{filters}&Page=0&PageToken=PB8",
    }  # fmt: skip


def test_a_page_of_v1_names_its_neighbours_by_urls() -> None:
    page = page_v1("services", [], MIDDLE, PageRequest(2, 1, before=3), "https://h/v1/Services", {})
    root = "https://h/v1/Services?PageSize=2"
    assert page == {
        "services": [],
        "meta": {
            "key": "services", "page": 1, "page_size": 2, "url": f"{root}&Page=1&PageToken=PB3",
            "first_page_url": f"{root}&Page=0", "next_page_url": f"{root}&Page=2&PageToken=PA5",
            "previous_page_url": f"{root}&Page=0&PageToken=PB8",
        },
    }  # fmt: skip


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.lists(st.text(max_size=5), min_size=1, max_size=2), max_size=3)
)
def test_filters_go_through_the_pages_as_they_came(filters: dict[str, list[str]]) -> None:
    for name in ("Page", "PageSize", "PageToken"):
        filters.pop(name, None)
    page = page_2010("x", [], Page((), "PA1", None), PageRequest(), "/x", filters)
    query = parse_qs(urlsplit(str(page["next_page_uri"])).query, keep_blank_values=True)
    assert query == {**filters, "PageSize": ["50"], "Page": ["1"], "PageToken": ["PA1"]}
