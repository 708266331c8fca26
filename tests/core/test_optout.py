"""Which texts are keywords, by the usual words and by a service's own."""

from __future__ import annotations

import pytest

from limpet.core.model import SenderKind
from limpet.core.optout import (
    DEFAULT_REPLIES,
    DEFAULT_WORDS,
    KeywordSet,
    OptOutSettings,
    OptOutType,
    conflict,
    is_answered_by_network,
    is_undone_by,
    keyword,
)

STOP, START, HELP = OptOutType.STOP, OptOutType.START, OptOutType.HELP
ALL = [(word, kind) for kind, words in DEFAULT_WORDS.items() for word in sorted(words)]
GERMAN = KeywordSet("DE", "de", {STOP: frozenset({"HALT"})}, {STOP: "Keine weiteren Nachrichten."})
ADVANCED = OptOutSettings(advanced=True, sets=(GERMAN,))


@pytest.mark.parametrize(("word", "kind"), ALL)
@pytest.mark.parametrize("spelled", ["{}", " {}\n", "{}\t"])
def test_the_usual_words_are_heard_in_any_case_and_with_blanks_around(
    word: str, kind: OptOutType, spelled: str
) -> None:
    for body in (word, word.lower(), word.capitalize()):
        found = keyword(spelled.format(body), "US")
        assert found is not None
        assert (found.kind, found.word, found.reply) == (kind, word, DEFAULT_REPLIES[kind])


@pytest.mark.parametrize(
    "body", ["", " ", "STOP PLEASE", "STOP.", "STOPP", "please stop", "HALT", "S T O P", "STOP" * 10]
)
def test_anything_else_is_no_keyword(body: str) -> None:
    assert keyword(body, "US") is None


def test_a_countrys_own_words_come_first_and_the_standard_ones_still_count() -> None:
    heard = keyword("halt", "DE", ADVANCED)
    assert heard is not None
    assert (heard.kind, heard.reply) == (STOP, "Keine weiteren Nachrichten.")
    assert keyword("halt", "US", ADVANCED) is None
    for country in ("DE", "US", None):
        usual = keyword("stop", country, ADVANCED)
        assert usual is not None
        assert usual.reply == DEFAULT_REPLIES[STOP]


def test_without_advanced_opt_out_a_services_own_words_do_not_count() -> None:
    assert keyword("halt", "DE", OptOutSettings(advanced=False, sets=(GERMAN,))) is None


def test_a_country_may_mean_something_else_by_a_usual_word() -> None:
    own = OptOutSettings(advanced=True, sets=(KeywordSet("SE", "sv", {STOP: frozenset({"INFO"})}),))
    assert [found.kind for country in ("SE", "US") if (found := keyword("info", country, own))] == [STOP, HELP]


def test_reserved_words_cannot_be_given_up() -> None:
    bare = KeywordSet(keywords={kind: frozenset[str]() for kind in OptOutType})
    own = OptOutSettings(advanced=True, sets=(bare,))
    heard = {word for word, _ in ALL if keyword(word, "US", own) is not None}
    assert heard == {"STOP", "START", "UNSTOP", "HELP"}


@pytest.mark.parametrize(
    ("sets", "word"),
    [
        ([GERMAN], None),
        ([GERMAN, KeywordSet("DE", "tr", {STOP: frozenset({"DUR"})})], None),
        ([GERMAN, KeywordSet("AT", "de", {START: frozenset({"HALT"})})], None),
        ([GERMAN, KeywordSet("DE", "tr", {START: frozenset({"HALT"})})], "HALT"),
        ([KeywordSet("", "", {STOP: frozenset({"X"}), HELP: frozenset({"X"})})], "X"),
        ([KeywordSet("DE", "de", {START: frozenset({"STOP"})})], "STOP"),
        ([KeywordSet("", "", {HELP: frozenset({"UNSTOP"})})], "UNSTOP"),
    ],
)
def test_a_word_means_one_thing_in_a_country_and_reserved_words_are_never_turned(
    sets: list[KeywordSet], word: str | None
) -> None:
    assert conflict(sets) == word


def test_with_toll_free_numbers_the_network_has_a_say() -> None:
    free, long = SenderKind.TOLL_FREE, SenderKind.LONG_CODE
    assert [is_undone_by(word, free) for word in ("START", "UNSTOP", "YES")] == [True, True, False]
    assert is_undone_by("YES", long)
    assert [is_answered_by_network(word, free) for word in ("STOP", "END")] == [True, False]
    assert not is_answered_by_network("STOP", long)
