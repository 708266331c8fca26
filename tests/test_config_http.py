"""Carriers over HTTP in `limpet.toml`: every kind read whole, every mistake one sentence that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from limpet.config import ConfigError, load_config
from limpet.config_http import BandwidthConfig, GenericConfig, TwilioConfig

SERVER = '[server]\npublic_url = "https://sms.example.com"\n'
SID = "AC" + "1" * 32
TWILIO = f'kind = "twilio"\naccount_sid = "{SID}"\nauth_token = "t"'
GENERIC = """
kind = "http"
secret_env = "UP_SECRET"
notice_secret = "theirs"
idempotency_keys = true
[carriers.request]
url = "https://api.acme.example/messages"
headers = { Authorization = "Bearer {secret}" }
json = { from = "{number}", to = "{person}", text = "{text}", media = "{media}", nested = { list = ["{reference}", 1] } }
[carriers.reply]
id = "message.id"
throttled = [429, "slow_down"]
[carriers.receipt]
id = "id"
number = "from"
person = "to"
state = "state"
states = { delivered = "delivered", failed = "undelivered" }
[carriers.verify]
header = "X-Signature"
"""


def read(tmp_path: Path, carrier: str, *, server: str = SERVER, **environment: str):
    path = tmp_path / "limpet.toml"
    path.write_text(f'{server}[[carriers]]\nname = "up"\n{carrier}')
    return load_config(path, {"UP_SECRET": "hush", **environment}).carriers[0]


@pytest.mark.parametrize(
    "carrier",
    [
        TWILIO,
        'kind = "telnyx"\napi_key = "k"\npublic_key = "' + "A" * 43 + '="',
        'kind = "plivo"\nauth_id = "MA1"\nauth_token = "t"',
        'kind = "vonage"\napi_key = "k"\napi_secret = "s"\nsignature_secret = "v"',
        GENERIC,
    ],
)
def test_each_kind_is_read(tmp_path: Path, carrier: str) -> None:
    made = read(tmp_path, carrier + "" if carrier is GENERIC else f"{carrier}\nworkers = 3\nmms = false")
    assert f'kind = "{made.kind}"' in carrier
    assert made.mms is False
    assert made.workers == (1 if carrier is GENERIC else 3)


def test_bandwidth_needs_no_public_url_and_twilio_does(tmp_path: Path) -> None:
    table = 'kind = "bandwidth"\naccount_id = "1"\napplication_id = "a"\nusername = "u"\npassword = "p"\n'
    table += 'notice_username = "n"\nnotice_password = "q"'
    assert isinstance(read(tmp_path, table, server=""), BandwidthConfig)
    with pytest.raises(ConfigError, match=r"carriers\[0\] needs server.public_url"):
        read(tmp_path, TWILIO, server="")


def test_secrets_come_by_variable_or_file_and_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\nmore")
    by_file = read(tmp_path, TWILIO.replace('auth_token = "t"', 'auth_token_file = "token"'))
    by_variable = read(tmp_path, TWILIO.replace('auth_token = "t"', 'auth_token_env = "UP_SECRET"'))
    assert isinstance(by_file, TwilioConfig)
    assert isinstance(by_variable, TwilioConfig)
    assert (by_file.auth_token, by_variable.auth_token) == ("from-file", "hush")
    assert "from-file" not in repr(by_file)
    generic = read(tmp_path, GENERIC)
    assert isinstance(generic, GenericConfig)
    assert generic.secret == "hush"
    assert "hush" not in repr(generic)
    assert "theirs" not in repr(generic)


@pytest.mark.parametrize(
    ("carrier", "said"),
    [
        (TWILIO.replace(SID, "AC1"), "carriers[0].account_sid must be an account SID such as AC"),
        (TWILIO + "\npassword = 'x'", "carriers[0].password is not a setting; known here are"),
        (TWILIO + "\nauth_token_env = 'A'", "carriers[0] needs exactly one of auth_token, auth_token_env and auth_token_file."),
        (TWILIO.replace('auth_token = "t"', ""), "carriers[0] needs exactly one of auth_token"),
        (TWILIO.replace('auth_token = "t"', 'auth_token_env = "NO"'), "carriers[0].auth_token_env names the variable NO"),
        (TWILIO.replace('auth_token = "t"', 'auth_token_file = "no"'), "/no cannot be read: No such file"),
        (TWILIO.replace('auth_token = "t"', 'auth_token = "a b"'), "carriers[0].auth_token must be a text of 1 to 1024"),
        (TWILIO + '\napi_key_secret = "s"', "carriers[0].api_key_sid and its secret belong together"),
        (TWILIO + "\nworkers = 65", "carriers[0].workers must be a whole number from 1 to 64."),
        (TWILIO + '\nbase_url = "api.twilio.com"', "carriers[0].base_url must be a URL without a path"),
        ('kind = "telnyx"\napi_key = "k"\npublic_key = "AAAA"', "carriers[0].public_key must be a public key of 32 bytes"),
        (GENERIC.replace("UP_SECRET", "NO"), "carriers[0].secret_env names the variable NO"),
        (GENERIC.replace('secret_env = "UP_SECRET"', ""), "carriers[0].request uses {secret}: give secret"),
        (GENERIC.replace("{person}", "{recipient}"), "carriers[0].request uses {recipient}; known are media, message"),
        (GENERIC.replace("[carriers.reply]", "form = { a = 'b' }\n[carriers.reply]"), "carriers[0].request has both json"),
        (GENERIC.replace('id = "message.id"', ""), "carriers[0].reply.id is missing."),
        (GENERIC.replace('"undelivered"', '"gone"'), "carriers[0].receipt.states must be a table from the carrier's words"),
        (GENERIC.replace('notice_secret = "theirs"', ""), "carriers[0].verify needs a secret"),
        (GENERIC.partition("[carriers.verify]")[0], "carriers[0].verify is missing: without it anybody could bring"),
        (GENERIC + 'over = "{time}"', "carriers[0].verify.over uses {time}; known are body, timestamp, url."),
        (GENERIC + 'over = "{timestamp}"', "carriers[0].verify.timestamp_header and {timestamp} in over belong together."),
        (GENERIC + 'hmac = "md5"', 'carriers[0].verify.hmac must be "none" or "sha1"'),
        (GENERIC.replace('"Bearer {secret}"', '"Bearer\\n{secret}"'), "carriers[0].request.headers must be a table of headers"),
        ('kind = "http"\nrequest = 1', "carriers[0].request must be a table."),
        ('kind = "http"', "carriers[0].request is missing."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(tmp_path: Path, carrier: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, carrier)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
