"""What files say of who hears from which number: names, lines, and what is left when they are damaged. S-120, S-121."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limpet.core.ids import day_number
from limpet.core.sticky_dialects import find_layout
from limpet.core.sticky_flags import ESTABLISHED, PINNED, STRICT
from limpet.core.sticky_lines import (
    Line,
    Passed,
    Why,
    export_head,
    export_line,
    read_line,
    terms_of,
)
from limpet.core.sticky_records import RECORD_BYTES_MAX, Reader, Record, UnknownFormat

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = day_number(NOW)
TERMS = terms_of(NOW, 365)
TO, FROM = "+14155550123", "+12125550101"


def records(data: str | bytes, size: int = 1 << 20, wanted: str | None = None) -> list[Record]:
    data = data.encode() if isinstance(data, str) else data
    reader = Reader(wanted)
    found = [record for at in range(0, len(data), size) for record in reader.feed(data[at : at + size])]
    return [*found, *reader.end()]


def said(data: str | bytes, size: int = 1 << 20) -> list[tuple[int, object]]:
    """What each record of a file comes to, with its line."""
    return [
        (
            record.line,
            Why.UNREADABLE
            if record.values is None or record.layout is None
            else read_line(record.values, TERMS, is_log=record.layout.dialect.is_log),
        )
        for record in records(data, size)
    ]


def one(**fields: object) -> object:
    """What an own line with these fields comes to."""
    (found,) = said(json.dumps({"to": TO, "from": FROM, **fields}))
    return found[1]


@pytest.mark.parametrize(
    ("names", "dialect"),
    [
        ("From,To,Body,Status,SentDate,ApiVersion,NumSegments,ErrorCode,AccountSid,Sid,Direction", "twilio"),
        ("to,from,date_sent,direction,status,messaging_service_sid", "twilio"),
        ("cli,cld,direction,status,created_at,record_type", "telnyx"),
        ("from_number,to_number,message_direction,message_state,message_time,message_uuid", "plivo"),
        ("From Number,To Number,Message Direction,Message State,Message Time", "plivo"),
        ("to,from", "limpet"),
        ("from,last_used_day,to,pinned", "limpet"),
    ],
)
def test_a_file_is_recognised_by_its_names(names: str, dialect: str) -> None:
    layout = find_layout(tuple(names.split(",")), None)
    assert layout is not None
    assert layout.dialect.name == dialect
    assert layout == find_layout(tuple(names.split(",")), dialect)


def test_a_file_without_people_or_numbers_is_none() -> None:
    assert find_layout(("name", "number"), None) is None
    assert find_layout(("to", "body"), None) is None
    assert find_layout(("to", "from"), "plivo") is None


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, Line(TO, FROM, int(NOW.timestamp()), TODAY, TODAY, ESTABLISHED)),
        ({"to": " (415) 555-0123"}, Line(TO, FROM, int(NOW.timestamp()), TODAY, TODAY, ESTABLISHED)),
        ({"pinned": True}, Line(TO, FROM, int(NOW.timestamp()), TODAY, TODAY, ESTABLISHED | PINNED)),
        ({"strict": "yes"}, Line(TO, FROM, int(NOW.timestamp()), TODAY, TODAY, ESTABLISHED | PINNED | STRICT)),
        ({"established": False}, Line(TO, FROM, int(NOW.timestamp()), TODAY, TODAY, 0)),
    ],
)
def test_an_own_line_says_what_it_says(fields: dict[str, object], line: Line) -> None:
    assert one(**fields) == line


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"to": "nobody"}, Why.NO_PERSON),
        ({"to": None}, Why.NO_PERSON),
        ({"to": "x" * 100_0}, Why.NO_PERSON),
        ({"to": "+1415555XXXX"}, Why.NOT_KEPT),
        ({"from": ""}, Why.NO_SENDER),
        ({"from": None}, Why.NO_SENDER),
        ({"last_used_day": "yesterday"}, Why.BAD_DATE),
        ({"last_used_day": 5}, Why.BAD_DATE),
        ({"last_used_day": "2026-03-04"}, Why.BAD_DATE),
        ({"created_day": "then"}, Why.BAD_DATE),
        ({"pinned": "perhaps"}, Why.BAD_FLAG),
        ({"to": [{"phone_number": TO}, {"phone_number": TO}]}, Why.SEVERAL_PEOPLE),
    ],
)
def test_what_is_wrong_with_a_line_is_named(fields: dict[str, object], why: Why) -> None:
    assert one(**fields) == why


def test_the_year_is_the_service_s_own_and_a_pin_has_none() -> None:
    last, first = (NOW - timedelta(days=365)).date().isoformat(), (NOW - timedelta(days=366)).date().isoformat()
    assert isinstance(one(last_used_day=last), Line)
    assert one(last_used_day=first) is Passed.TOO_OLD
    pinned = one(last_used_day=first, pinned=True)
    assert isinstance(pinned, Line)
    assert pinned.last_used_day == TODAY - 366


def test_what_is_dated_tomorrow_was_today() -> None:
    line = one(last_used_day="2026-03-03")
    assert isinstance(line, Line)
    assert (line.last_used_day, line.at) == (TODAY, int(NOW.timestamp()))


@pytest.mark.parametrize(
    "when",
    [
        "2026-02-28T10:00:00Z",
        "2026-02-28T11:00:00+01:00",
        "2026-02-28 10:00:00",
        "2026-02-28 10:00:00 UTC",
        "Sat, 28 Feb 2026 10:00:00 +0000",
        "2026-02-28 10:00:00+00:00",
    ],
)
def test_every_spelling_of_an_instant_is_the_same_one(when: str) -> None:
    log = f'from,to,date_sent,direction,status\n{FROM},{TO},"{when}",outbound-api,delivered\n'
    ((_, line),) = said(log)
    assert line == Line(TO, FROM, int(datetime(2026, 2, 28, 10, tzinfo=UTC).timestamp()), TODAY - 2, TODAY - 2, 1)


@pytest.mark.parametrize(
    ("direction", "status", "outcome"),
    [
        ("inbound", "received", Passed.INBOUND),
        ("outbound-reply", "delivered", None),
        ("outbound-api", "undelivered", None),
        ("outbound-api", "failed", Passed.NEVER_LEFT),
        ("outbound-api", "canceled", Passed.NEVER_LEFT),
        ("OUTBOUND", "SENDING_FAILED", Passed.NEVER_LEFT),
    ],
)
def test_of_a_log_the_messages_count_that_left(direction: str, status: str, outcome: Passed | None) -> None:
    ((_, found),) = said(f"from,to,date_sent,direction,status\n{FROM},{TO},2026-02-28,{direction},{status}\n")
    assert found is outcome if outcome else isinstance(found, Line)


def test_what_telnyx_and_plivo_say_is_read() -> None:
    telnyx = {"data": {"record_type": "message", "direction": "outbound", "from": {"phone_number": FROM},
              "to": [{"phone_number": TO, "status": "delivered"}], "sent_at": "2026-02-28T10:00:00Z"}}  # fmt: skip
    plivo = {"objects": [{"from_number": FROM, "to_number": TO[1:], "message_direction": "outbound",
             "message_state": "delivered", "message_time": "2026-02-28 15:30:00+05:30"}]}  # fmt: skip
    wanted = Line(TO, FROM, int(datetime(2026, 2, 28, 10, tzinfo=UTC).timestamp()), TODAY - 2, TODAY - 2, 1)
    for document in (telnyx, plivo):
        for text in (json.dumps(document), json.dumps(document, indent=2)):
            assert said(text) == [(said(text)[0][0], wanted)]


def page(count: int) -> dict[str, object]:
    messages = [
        {"to": f"+1415555{n:04}", "from": FROM, "date_sent": None, "date_created": "2026-02-28", "direction": "outbound-api",
         "status": "sent", "body": 'a "quoted" {brace', "subresource_uris": {"media": "/x"}} for n in range(count)
    ]  # fmt: skip
    return {"first_page_uri": "/x", "messages": messages, "meta": {"empty": [], "uris": ["{"]}}


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_pages_of_an_api_are_read_however_they_are_laid_out(indent: int | None, size: int) -> None:
    text = "\n".join(json.dumps(page(3), indent=indent) for _ in range(2)) + "\n"
    assert [record.values and record.values[0] for record in records(text, size)] == [
        f"+1415555{n:04}" for n in (0, 1, 2)
    ] * 2


def test_an_array_on_one_endless_line_is_cut_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limpet.core.sticky_records.PAGE_BYTES_MAX", 500)
    text = json.dumps([{"to": TO, "from": FROM, "n": n} for n in range(100)])
    assert len([record for record in records(text, 64) if record.values]) == 100


def test_a_text_of_several_lines_is_one_record_and_its_line_is_where_it_begins() -> None:
    log = (
        "From,To,Body,Status,SentDate,Direction\r\n"
        f'{FROM},{TO},"Hello,\r\n""you""",delivered,2026-02-28,outbound-api\r\n'
        f"{FROM},{TO},Bye,delivered,2026-02-27,outbound-api\r\n"
    )
    assert [line for line, _ in said(log, 9)] == [2, 4]
    assert all(isinstance(found, Line) for _, found in said(log))


def test_a_quote_that_is_never_closed_costs_one_line() -> None:
    good = [f"{FROM},+1415555{n:04},Hi,delivered,2026-02-28,outbound-api" for n in range(50)]
    log = [
        "From,To,Body,Status,SentDate,Direction",
        *good[:20],
        f'{FROM},{TO},"Hi,sent,2026-02-28,outbound-api',
        *good[20:],
    ]
    found = said("\n".join(log))
    assert [line for line, what in found if what is Why.UNREADABLE] == [22]
    assert len([what for _, what in found if isinstance(what, Line)]) == 50


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("name,number\nx,y\n", "does not name the columns"),
        ("\x00\x01\x02", "does not name the columns"),
        ("to,from\n".encode("utf-16"), "UTF-16"),
        ("", ""),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(data: str | bytes, why: str) -> None:
    if not why:
        assert records(data) == []
        return
    with pytest.raises(UnknownFormat, match=why):
        records(data)


def test_marks_of_encodings_and_other_delimiters_are_understood() -> None:
    assert isinstance(said(b"\xef\xbb\xbfto;from\r\n" + f"{TO};{FROM}".encode())[0][1], Line)
    assert isinstance(said(b"\xef\xbb\xbf" + json.dumps({"to": TO, "from": FROM}).encode())[0][1], Line)


def test_a_line_that_does_not_end_is_told_and_the_next_is_read() -> None:
    data = b"to,from\n" + b"x" * (3 * RECORD_BYTES_MAX) + b"\n" + f"{TO},{FROM}\n".encode()
    found = said(data, 1000)
    assert found[0] == (2, Why.UNREADABLE)
    assert found[1][0] == 3
    assert isinstance(found[1][1], Line)
    assert len(found) == 2


GOOD = st.integers(0, 9999).map(lambda n: f"+1415555{n:04}")
JUNK = st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), max_size=60)
LINES = st.lists(
    st.one_of(GOOD.map(lambda to: (to, None)), JUNK.map(lambda text: (None, text))), min_size=1, max_size=30
)


def _readable(text: str) -> bool:
    """Junk that happens to be a line."""
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict | list)


@given(LINES, st.integers(1, 80))
@example([(None, '{"to": "+1'), ("+14155550000", None)], 7)
@example([(None, "{"), ("+14155550000", None), ("+14155550001", None)], 7)
def test_a_damaged_file_of_objects_loses_no_line(lines: list[tuple[str | None, str | None]], size: int) -> None:
    """Whatever stands between good lines, each of them is read, and whatever is not read is told with its line."""
    texts = [text if to is None else json.dumps({"to": to, "from": FROM}) for to, text in lines]
    body = '{"to":"+14155559999","from":"+1"}\n' + "\n".join(str(text) for text in texts) + "\n"
    found = records(body.encode(), size)
    read = {record.line: record.values[0] for record in found if record.values is not None}
    told = {record.line for record in found if record.values is None}
    for number, (to, text) in enumerate(lines, 2):
        if to is not None:
            assert read[number] == to
        elif text and text.strip() and not _readable(text):
            assert number in told


@given(LINES, st.integers(1, 80))
def test_a_damaged_table_loses_no_line(lines: list[tuple[str | None, str | None]], size: int) -> None:
    texts = [str(text) if to is None else f"{to},{FROM}" for to, text in lines]
    found = records(("to,from\n" + "\n".join(texts) + "\n").encode(), size)
    read = {record.line: record.values for record in found if record.values is not None}
    for number, (to, text) in enumerate(lines, 2):
        if to is not None:
            assert read[number][:2] == (to, FROM)
        elif str(text).strip():
            assert number in {record.line for record in found}


@given(st.lists(GOOD, min_size=1, max_size=20), st.integers(0, 25), st.integers(1, 80))
def test_a_damaged_log_loses_no_line(people: list[str], at: int, size: int) -> None:
    """A quote that should not be there makes at most its own line unreadable."""
    good = [f"{FROM},{to},Hi,sent,2026-02-28,outbound-api" for to in people]
    damaged = [*good[:at], f'{FROM},{TO},H"i,sent,2026-02-28,outbound-api', *good[at:]]
    found = records(("From,To,Body,Status,SentDate,Direction\n" + "\n".join(damaged)).encode(), size)
    read = sorted(str(record.values[0]) for record in found if record.values is not None)
    assert [each for each in read if each != TO] == sorted(each for each in people if each != TO)
    assert min(at, len(good)) + 2 in {record.line for record in found}


@pytest.mark.parametrize("as_csv", [False, True])
def test_what_is_exported_is_read_as_it_was(as_csv: bool) -> None:
    line = export_line(TO, "ACME & Co", TODAY - 3, TODAY - 9, ESTABLISHED | PINNED | STRICT, as_csv=as_csv)
    ((_, found),) = said(export_head(as_csv=as_csv) + line)
    assert isinstance(found, Line)
    assert (found.to, found.sender, found.last_used_day, found.created_day, found.flags) == (
        TO, "ACME & Co", TODAY - 3, TODAY - 9, 13,
    )  # fmt: skip


@pytest.mark.parametrize("broken", ['{"to": "+1415', "{", '{"to": "+14155550123", "from": '])
@pytest.mark.parametrize("size", [5, 1 << 20])
def test_a_first_line_that_is_broken_costs_no_other(broken: str, size: int) -> None:
    """Objects a line are not taken for a document that begins with what is left of the first."""
    people = [f"+1415555{n:04}" for n in range(5)]
    found = records("\n".join([broken, *(json.dumps({"to": to, "from": FROM}) for to in people)]), size)
    assert [(record.line, record.values and record.values[0]) for record in found] == [
        (1, None),
        *enumerate(people, 2),
    ]
