"""`limpet apply` of what members of pools may do, of spaces, and of how long mappings count."""

from __future__ import annotations

import pytest

from tests.commands.test_apply import Bench, bench

__all__ = ["bench"]
NUMBERS = "".join(f'[[accounts.numbers]]\nnumber = "+1415555010{n}"\n' for n in range(3))
ACCOUNT = '[[accounts]]\nname = "Acme"\nauth_token_env = "ACME_TOKEN"\n'
HEAD = ACCOUNT + NUMBERS
SPACES = '[[accounts.sticky_spaces]]\nname = "Sales"\nsticky_ttl = "36h"\n'
POOL = """
[[accounts.services]]
name = "Parcels"
numbers = [
    "+14155550100",
    { number = "+1 (415) 555-0101", weight = 3, state = "drain", daily_contacts = 200 },
    { number = "+14155550102" },
]
"""
MEMBERS = (
    "SELECT n.address, m.weight, m.state, m.daily_contacts "
    "FROM pool_member m JOIN sender n ON n.id = m.sender_id ORDER BY 1"
)
PLACES = (
    "SELECT s.friendly_name, g.friendly_name FROM service s LEFT JOIN sticky_space g ON g.id = s.space_id ORDER BY 1"
)


def test_members_are_as_their_tables_say_and_those_named_only_are_left_as_they_are(bench: Bench) -> None:
    told = bench.changes(HEAD + POOL)
    assert told[-4:] == [
        ("create", "member", "+14155550100 of Parcels"),
        ("create", "member", "+14155550101 of Parcels"),
        ("change", "member", "+14155550101 of Parcels"),
        ("create", "member", "+14155550102 of Parcels"),
    ]
    settings = [
        ("+14155550100", 1, "active", None),
        ("+14155550101", 3, "drain", 200),
        ("+14155550102", 1, "active", None),
    ]
    assert bench.rows(MEMBERS) == settings
    assert bench.changes(HEAD + POOL) == []
    bench.execute("UPDATE pool_member SET weight = 7, state = 'disabled', daily_contacts = 5")
    back = bench.run(HEAD + POOL, "--dry-run").output
    assert "weight 7 → 3; state disabled → drain; daily_contacts 5 → 200" in " ".join(back.split())
    assert bench.changes(HEAD + POOL) == [
        ("change", "member", "+14155550101 of Parcels"),
        ("change", "member", "+14155550102 of Parcels"),
    ]
    assert bench.rows(MEMBERS) == [("+14155550100", 7, "disabled", 5), *settings[1:]]


def test_spaces_are_made_joined_changed_left_and_pruned(bench: Bench) -> None:
    services = '[[accounts.services]]\nname = "A"\nsticky_space = "Sales"\n[[accounts.services]]\nname = "B"\n'
    assert bench.changes(HEAD + SPACES + services)[-4:] == [
        ("create", "sticky space", "Sales"),
        ("create", "service", "A"),
        ("change", "service", "A"),
        ("create", "service", "B"),
    ]
    assert bench.rows(PLACES) == [("A", "Sales"), ("B", None)]
    assert bench.rows("SELECT sticky_ttl_days, sticky_ttl_hours FROM sticky_space") == [(2, 36)]
    assert bench.changes(HEAD + SPACES + services) == []
    assert bench.changes(HEAD + services.replace('sticky_space = "Sales"\n', "")) == [], "nothing is said of spaces"
    assert bench.rows(PLACES) == [("A", "Sales"), ("B", None)]
    more = SPACES.replace("36h", "never") + '[[accounts.sticky_spaces]]\nname = "All"\nall_services = true\n'
    everybody = services.replace('sticky_space = "Sales"\n', "")
    assert bench.changes(HEAD + more + everybody) == [
        ("change", "sticky space", "Sales"),
        ("create", "sticky space", "All"),
    ]
    assert bench.rows(PLACES) == [("A", "All"), ("B", "All")]
    assert bench.changes(HEAD + more + everybody) == []
    none = ACCOUNT + "sticky_spaces = []\n" + NUMBERS + everybody
    kept = bench.apply(none)
    assert (kept["changes"], kept["left"]) == ([], ["sticky space All", "sticky space Sales"])
    assert bench.rows(PLACES) == [("A", "All"), ("B", "All")]
    assert bench.changes(none, "--prune") == [
        ("change", "service", "A"),
        ("change", "service", "B"),
        ("remove", "sticky space", "All"),
        ("remove", "sticky space", "Sales"),
    ]
    assert bench.rows(PLACES) == [("A", None), ("B", None)]


def test_how_long_mappings_count_is_given_in_hours_days_or_never(bench: Bench) -> None:
    kept = "SELECT sticky_ttl_days, sticky_ttl_hours FROM service"
    service = '[[accounts.services]]\nname = "A"\n'
    for line, days, hours in (
        ('sticky_ttl = "1h"', 1, 1), ('sticky_ttl = "8d"', 8, None), ('sticky_ttl = "never"', 36_500, None),
        ("sticky_ttl_days = 15", 15, None), ("", 365, None),
    ):  # fmt: skip
        assert bench.changes(HEAD + service + line)
        assert bench.rows(kept) == [(days, hours)]
        assert bench.changes(HEAD + service + line) == []


REFUSED = [
    (POOL.replace("weight = 3", "weight = 101"), "accounts[0].services[0].numbers[1].weight is refused: "),
    (POOL.replace('"drain"', '"draining"'), "accounts[0].services[0].numbers[1].state is refused: "),
    (POOL.replace("daily_contacts = 200", "daily_contacts = -1"), "numbers[1].daily_contacts is refused: "),
    (
        POOL.replace("weight = 3", "wait = 3"),
        "numbers[1].wait is not a setting; known here are number, weight, state,",
    ),
    (POOL.replace('{ number = "+14155550102" }', "{ weight = 1 }"), "services[0].numbers[2].number is missing."),
    (
        POOL.replace("+14155550102", "+14155550199"),
        'services[0].numbers[2] names "+14155550199", which is not one of',
    ),
    (POOL.replace("+14155550102", "+14155550100"), "services[0].numbers[2] names"),
    (POOL.replace('    "+14155550100",', "    1,"), "services[0].numbers[0] must be a text"),
    (SPACES + SPACES, 'accounts[0].sticky_spaces[1].name must be unique, and "Sales" is at'),
    (SPACES.replace("36h", "1w"), "accounts[0].sticky_spaces[0].sticky_ttl is refused: "),
    (SPACES + POOL + 'sticky_space = "Sails"\n', 'sticky_space names "Sails", which is none of the sticky_spaces'),
    (POOL + 'sticky_space = "Sales"\n', 'sticky_space names "Sales", which is none of the sticky_spaces'),
    (
        SPACES + '[[accounts.sticky_spaces]]\nname = "All"\nall_services = true\n' + POOL + 'sticky_space = "Sales"\n',
        'sticky_space names "Sales", but every service of the account is in "All".',
    ),
    (
        "".join(f'[[accounts.sticky_spaces]]\nname = "{n}"\nall_services = true\n' for n in "AB"),
        "accounts[0].sticky_spaces[1].all_services cannot be true of two spaces of an account.",
    ),
    (POOL + 'sticky_ttl = "1h"\nsticky_ttl_days = 3\n', "sticky_ttl is refused: "),
    (POOL + 'sticky_space_sid = "LS1"\n', "sticky_space_sid is not a setting"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_is_refused_with_its_key(bench: Bench, text: str, why: str) -> None:
    assert why in bench.refusal(HEAD + text)
