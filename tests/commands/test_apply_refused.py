"""Configuration files that cannot be: each is one sentence with its key and its line, and nothing is read from a database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limpet.commands.toml_lines import line_of
from limpet.commands.wanted import FILE_BYTES_MAX, Surroundings, WantedAccount, load_wanted, read_wanted
from limpet.commands.wanted_table import Refused
from limpet.config_rules import ConfigError

TOKEN = "t" * 40
ACCOUNT = '[[accounts]]\nname = "Acme"\n'
NUMBER = ACCOUNT + '[[accounts.numbers]]\nnumber = "+14155550100"\n'
SERVICE = NUMBER + '[[accounts.services]]\nname = "Parcels"\n'


def load(folder: Path, text: str | bytes) -> tuple[WantedAccount, ...]:
    file = folder / "tenants.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_wanted(file, ("up", "other"), {"TOKEN": TOKEN, "SHORT": "x", "ODD": "ü" * 40})


REFUSED = [
    ("", "accounts must be at least one table, under [[accounts]]."),
    ("accounts = 1", "line 1: accounts must be a list of at most 100000."),
    ("accounts = [1]", "line 1: accounts[0] must be a table."),
    ("other = 1\n" + ACCOUNT, "line 1: other is not a setting; known here are accounts."),
    ("[[accounts]]", "line 1: accounts[0].name is missing."),
    ('[[accounts]]\nname = ""', "line 2: accounts[0].name must be a text of 1 to 64 characters."),
    ("[[accounts]]\nname = 7", "line 2: accounts[0].name must be a text of 1 to 64 characters."),
    ('[[accounts]]\nname = "a\\nb"', "line 2: accounts[0].name must be a text of 1 to 64 characters."),
    (ACCOUNT + 'status = "gone"', 'accounts[0].status must be "active" or "suspended" or "closed".'),
    (ACCOUNT + 'sid = "AC1"', "line 3: accounts[0].sid must be AC and 32 hexadecimal digits."),
    (ACCOUNT + 'countries = ["UK"]', 'line 3: accounts[0].countries[0] must be the code of a country such as "GB".'),
    (
        ACCOUNT + 'auth_token = "x"',
        "line 3: accounts[0].auth_token is not a setting; known here are name, sid, auth_token_env,",
    ),
    (
        ACCOUNT + 'auth_token_env = "NONE"',
        "line 3: accounts[0].auth_token_env names the variable NONE, which is not set.",
    ),
    (
        ACCOUNT + 'auth_token_env = "SHORT"',
        "auth_token_env must lead to 32 to 128 printable ASCII characters without spaces.",
    ),
    (ACCOUNT + 'auth_token_env = "ODD"', "auth_token_env must lead to 32 to 128"),
    (ACCOUNT + 'auth_token_file = "none"', "none, which cannot be read: No such file or directory."),
    (
        ACCOUNT + 'auth_token_env = "TOKEN"\nauth_token_file = "x"',
        "auth_token_file cannot be given beside auth_token_env.",
    ),
    (ACCOUNT + ACCOUNT, 'line 4: accounts[1].name must be unique, and "Acme" is at accounts[0] too.'),
    (NUMBER + 'status = "closed"', "accounts[0].numbers[0].status is not a setting"),
    (
        ACCOUNT + 'status = "closed"\n[[accounts.numbers]]\nnumber = "+14155550100"',
        'line 3: accounts[0].status cannot be "closed" of an account that is to have something.',
    ),
    (
        ACCOUNT + '[[accounts.accounts]]\nname = "Sub"\n[[accounts.accounts.accounts]]\nname = "Deeper"',
        "accounts[0].accounts[0].accounts is not a setting",
    ),
    (
        ACCOUNT + '[[accounts.numbers]]\nnumber = "555"\n',
        "accounts[0].numbers[0] is refused: Invalid parameter 'Country': it is required (error 20001).",
    ),
    (
        ACCOUNT + '[[accounts.numbers]]\nnumber = "nobody at all"\n',
        "line 4: accounts[0].numbers[0].number must be a number such as",
    ),
    (
        NUMBER + 'carrier = "nobody"',
        'line 5: accounts[0].numbers[0].carrier names "nobody", which is none of up, other.',
    ),
    (NUMBER + 'also_through = ["up", "nobody"]', 'line 5: accounts[0].numbers[0].also_through[1] names "nobody"'),
    (NUMBER + 'capabilities = ["fax"]', "line 5: accounts[0].numbers[0].capabilities is refused: "),
    (NUMBER + 'sms_url = "gopher://x"', "line 5: accounts[0].numbers[0].sms_url is refused: "),
    (NUMBER + "sms_url = 1.5", "sms_url must be a text, a whole number, true, false, or a list of texts."),
    (NUMBER + 'sms_url = "a\\u0000b"', "sms_url must be a text, a whole number"),
    (
        NUMBER + "colour = 1",
        "line 5: accounts[0].numbers[0].colour is not a setting; known here are number, also_through,",
    ),
    (
        NUMBER + '[[accounts.numbers]]\nnumber = "1 415 555 0100"',
        'line 6: accounts[0].numbers[1].number must be unique, and "+14155550100" is at accounts[0].numbers[0] too.',
    ),
    (SERVICE + "sticky_ttl_days = 0", "line 7: accounts[0].services[0].sticky_ttl_days is refused: "),
    (SERVICE + 'sticky_sender = "perhaps"', "line 7: accounts[0].services[0].sticky_sender is refused: "),
    (SERVICE + "stick_sender = true", "line 7: accounts[0].services[0].stick_sender is not a setting"),
    (SERVICE + 'usecase = "spam"', "line 7: accounts[0].services[0].usecase is refused: "),
    (
        SERVICE + 'numbers = ["+14155550199"]',
        'line 7: accounts[0].services[0].numbers[0] names "+14155550199", which is not one of the numbers of the account.',
    ),
    (SERVICE + 'numbers = ["+14155550100", "+14155550100"]', "services[0].numbers[1] names"),
    (
        SERVICE + 'numbers = ["+14155550100"]\n[[accounts.services]]\nname = "B"\nnumbers = ["+14155550100"]',
        'line 10: accounts[0].services[1].numbers[0] names "+14155550100", which is in the pool of accounts[0].services[0]',
    ),
    (SERVICE + 'names = ["far too long a name"]', "line 7: accounts[0].services[0].names[0] is refused: "),
    (SERVICE + 'names = ["ONE", "TWO"]', "names[1] is a second name for the same destination, and a pool has one."),
    (SERVICE + 'names = [{ name = "ONE", country = "XX" }]', "names[0] is refused: "),
    (SERVICE + 'names = [{ name = "ONE", carrier = "nobody" }]', "names[0].carrier is refused: "),
    (SERVICE + "names = [1]", "names[0] must be a name, or a table with a name."),
    (SERVICE + 'opt_out = "yes"', "line 7: accounts[0].services[0].opt_out must be a table."),
    (
        SERVICE + "[accounts.services.opt_out]\nadvanced = 1",
        "line 8: accounts[0].services[0].opt_out.advanced must be true or false.",
    ),
    (
        SERVICE + '[[accounts.services.opt_out.sets]]\nstart_keywords = ["STOP"]',
        "accounts[0].services[0].opt_out.sets[0] is refused: ",
    ),
    (
        SERVICE
        + '[[accounts.services.opt_out.sets]]\ncountry = "DE"\n[[accounts.services.opt_out.sets]]\ncountry = "de"',
        "opt_out.sets[1] is a second set for the same country and language.",
    ),
    ("accounts = [", "is not TOML: "),
    ('[[accounts]]\nname = "Acme"\nname = "Acme"', "is not TOML: "),
    (b"\xff\xfe", "is not TOML: "),
    ("#" + "x" * FILE_BYTES_MAX, f"is longer than {FILE_BYTES_MAX} bytes."),
]


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=range(len(REFUSED)))
def test_a_file_that_cannot_be_is_one_sentence_with_key_and_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as told:
        load(tmp_path, text)
    assert str(told.value).startswith(str(tmp_path / "tenants.toml"))
    assert "\n" not in str(told.value)
    assert TOKEN not in str(told.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        load_wanted(tmp_path / "none.toml", ("up",), {})


def test_a_token_comes_from_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    (account,) = load(tmp_path, ACCOUNT + 'auth_token_file = "token"')
    assert account.token == TOKEN


KEYS = ("accounts", "name", "numbers", "number", "services", "names", "opt_out", "sets", "status", "sid", "countries",
        "carrier", "sticky_sender", "country", "stop_keywords", "capabilities", "auth_token_env", "also_through")  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_whatever_a_file_says_is_read_or_refused(table: dict[str, object]) -> None:
    try:
        read_wanted(table, Surroundings(("up",), {}, Path()))
    except Refused as error:
        told = str(error)
    else:
        return
    assert told.rstrip(".") != told


def test_lines_are_those_of_the_nearest_key() -> None:
    text = "a = 1\n[[x]]\nk = 1\n[[x.y]]\nk = 2\n[[x]]\n[[x.y]]\n[[x.y]]\n k = [\n 1]\n[x.y.z]\nq = {w = 1}\n"
    found = {
        path: line_of(text, path) for path in ("a", "x[0].k", "x[0].y[0].k", "x[1].y[1].k[0]", "x[1].y[1].z.q.w", "b")
    }
    assert found == {"a": 1, "x[0].k": 3, "x[0].y[0].k": 5, "x[1].y[1].k[0]": 9, "x[1].y[1].z.q.w": 12, "b": None}
