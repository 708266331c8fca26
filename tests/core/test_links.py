"""Which parts of a text are links, what replaces them, and which requests a person made."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from limpet.core.links import code_in, is_click, links, shortened

OWN = "https://go.example.com"


def found(text: str) -> list[str]:
    return [text[start:end] for start, end in links(text)]


def codes() -> Callable[[], str]:
    numbers = count()
    return lambda: f"c{next(numbers)}"


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("See https://example.com/a?b=c#d now", ["https://example.com/a?b=c#d"]),
        ("https://example.com", ["https://example.com"]),
        ("HTTPS://Example.COM/A", ["HTTPS://Example.COM/A"]),
        ("http://127.0.0.1:8080/x", ["http://127.0.0.1:8080/x"]),
        ("Go to https://example.com/a.", ["https://example.com/a"]),
        ("Really https://example.com/a?!", ["https://example.com/a"]),
        ("https://example.com/a...", ["https://example.com/a"]),
        ("'https://example.com/a'", ["https://example.com/a"]),
        ('"https://example.com/a"', ["https://example.com/a"]),
        ("<https://example.com/a>", ["https://example.com/a"]),
        ("(https://example.com/a)", ["https://example.com/a"]),
        ("(see https://example.com/a).", ["https://example.com/a"]),
        ("https://en.example.org/wiki/A_(b)", ["https://en.example.org/wiki/A_(b)"]),
        ("(https://en.example.org/wiki/A_(b))", ["https://en.example.org/wiki/A_(b)"]),
        ("[https://example.com/a]", ["https://example.com/a"]),
        ("http://[::1]:80/x", ["http://[::1]:80/x"]),
        ("https://a.example/1 and https://b.example/2", ["https://a.example/1", "https://b.example/2"]),
        ("https://a.example/1,https://b.example/2", ["https://a.example/1", "https://b.example/2"]),
        ("https://a.example/1;http://b.example/2.", ["https://a.example/1", "http://b.example/2"]),
        ("https://a.example/?u=https://b.example/x", ["https://a.example/?u=https://b.example/x"]),
        ("https://a.example/1\nhttps://b.example/2", ["https://a.example/1", "https://b.example/2"]),
        ("-https://example.com/a", ["https://example.com/a"]),
        ("a|https://example.com/a|b", ["https://example.com/a"]),
        ("https://example.com/a👍", ["https://example.com/a"]),
        ("見て：https://example.com/a。次", ["https://example.com/a"]),
        ("「https://example.com/a」", ["https://example.com/a"]),
        ("見てhttps://example.com/a。", ["https://example.com/a"]),
        ("«https://example.com/a»", ["https://example.com/a"]),
        ("https://example.com/caf%C3%A9", ["https://example.com/caf%C3%A9"]),
        ("https://example.com/café", []),
        ("https://example.com/cafe\u0301", []),
        ("https://bücher.example/", []),
        ("https://example.com/aを見て https://example.com/b", ["https://example.com/b"]),
        ("git+https://example.com/a", []),
        ("here.https://example.com/a", []),
        ("xhttps://example.com/a", []),
        ("ftp://example.com/a", []),
        ("https://", []),
        ("https://.", []),
        ("https:// example.com", []),
        ("https:/example.com", []),
        ("https://example.com:99999/", []),
        ("https://[::1", []),
        ("://://https://example.com/a", ["https://example.com/a"]),
        ("example.com/a", []),
        ("", []),
    ],
)
def test_links_in_a_text(text: str, urls: list[str]) -> None:
    assert found(text) == urls


urls = st.builds(
    lambda scheme, host, path: f"{scheme}://{host}{path}",
    st.sampled_from(["http", "https"]),
    st.from_regex(r"[a-z]{1,8}\.(example|test)(:[1-9][0-9]{2})?", fullmatch=True),
    st.from_regex(r"(/[A-Za-z0-9_~%=&$-]{1,10}){0,3}", fullmatch=True),
)
around = st.sampled_from([" ", "\n", "(", "<", '"', "«", "「", "：", "\u2003", "👍", "|"])
behind = st.sampled_from([" ", "\n", ". ", "?! ", "). ", ">", '"', "»", "」", "。", ", ", "…", "👍", "| "])
words = st.text(st.sampled_from("abc é文. ,!()'\"-"), max_size=12)


@given(st.lists(st.tuples(words, around, urls, behind), max_size=5), words)
def test_each_url_is_found_whole_whatever_is_around_it(parts: list[tuple[str, str, str, str]], last: str) -> None:
    text = "".join("".join(part) for part in parts) + last
    assert found(text) == [url for _, _, url, _ in parts]


@given(st.text(st.sampled_from("htps:/.,;()[]'!? aé文a%#?=&+-@0\u0301\U0001f44d"), max_size=60))
def test_whatever_a_text_is_links_are_apart_in_order_and_urls(text: str) -> None:
    behind = 0
    for start, end in links(text):
        assert behind <= start < end <= len(text)
        assert urlsplit(text[start:end]).scheme in ("http", "https")
        assert urlsplit(text[start:end]).hostname
        assert text[start:end].isascii()
        behind = end


@given(st.lists(st.tuples(words, around, urls, behind), max_size=5), words)
def test_what_was_shortened_leads_back_to_the_text(parts: list[tuple[str, str, str, str]], last: str) -> None:
    text = "".join("".join(part) for part in parts) + last
    made = shortened(text, f"{OWN}/", OWN, codes())
    back = made.text
    for code, url in sorted(made.urls.items(), key=lambda pair: -len(pair[0])):
        back = back.replace(f"{OWN}/{code}", url)
    assert back == text
    assert set(made.urls.values()) == {url for _, _, url, _ in parts}


@given(st.text(max_size=80))
def test_a_text_without_links_stays_as_it_is(text: str) -> None:
    assume("://" not in text)
    assert shortened(text, f"{OWN}/", OWN, codes()) == (text, {})


def test_the_same_url_has_one_code_and_another_has_another() -> None:
    made = shortened("https://a.example/1 https://b.example/ https://a.example/1", "x/", OWN, codes())
    assert made == ("x/c0 x/c1 x/c0", {"c0": "https://a.example/1", "c1": "https://b.example/"})


@pytest.mark.parametrize("link", [f"{OWN}/abc", "HTTPS://GO.example.com/m/abc", OWN])
def test_what_is_short_already_stays(link: str) -> None:
    made = shortened(f"See {link} and https://go.example.com.evil.example/", f"{OWN}/", OWN, codes())
    assert made == (f"See {link} and {OWN}/c0", {"c0": "https://go.example.com.evil.example/"})


def test_a_hostile_text_costs_no_more_than_its_length() -> None:
    asked = count()
    text = "https://a.example/" + "://(" * 10_000 + "h" * 10_000 + "://"
    made = shortened(text, "x/", OWN, lambda: f"c{next(asked)}")
    assert len(made.urls) == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/4kT9aBcDeF", "4kT9aBcDeF"),
        ("/4kT9aBcDe", None),
        ("/4kT9aBcDeFg", None),
        ("/4kT9aBcDe0/", None),
        ("/4kT9aBcDeI", None),
        ("/4kT9aBcDe.", None),
        ("/", None),
    ],
)
def test_the_path_of_a_short_link(path: str, code: str | None) -> None:
    assert code_in(path) == code


PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1"


@pytest.mark.parametrize(
    ("method", "agent", "purpose", "counts"),
    [
        ("GET", PHONE, "", True),
        ("GET", "", "", True),
        ("GET", "Mozilla/5.0 (Linux; Android 14; CUBOT X30) Chrome/120 Mobile", "", True),
        ("HEAD", PHONE, "", False),
        ("GET", PHONE, "prefetch;prerender", False),
        ("GET", PHONE, "Preview", False),
        ("GET", "facebookexternalhit/1.1 Facebot Twitterbot/1.0", "", False),
        ("GET", "WhatsApp/2.23.20.0", "", False),
        ("GET", "Mozilla/5.0 Chrome/56.0 Safari/537.36 Google-PageRenderer Google (+https://x)", "", False),
        ("GET", "Slackbot-LinkExpanding 1.0", "", False),
        ("GET", "TelegramBot (like TwitterBot)", "", False),
    ],
)
def test_what_is_a_click(method: str, agent: str, purpose: str, counts: bool) -> None:
    assert is_click(method, agent, purpose) is counts
