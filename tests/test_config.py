"""What `limpet.toml` may say, and the one sentence with which anything else is refused."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path

import pytest

from limpet.config import Config, load_config, read_config
from limpet.config_rules import ConfigError
from limpet.core.routing import Route

HERE = Path("/etc/limpet")
CARRIER = """
[[carriers]]
name = "acme"
host = "smpp.example.com"
port = 2775
system_id = "limpet"
password = "secret"
"""


def read(text: str, environment: dict[str, str] | None = None) -> Config:
    return read_config(tomllib.loads(text), HERE, environment or {})


def test_a_carrier_is_all_that_must_be_said() -> None:
    config = read(CARRIER)
    assert (config.server.host, config.server.port, config.server.public_url) == ("127.0.0.1", 8080, None)
    assert config.database.url is None
    assert config.database.data_dir == HERE / ".limpet"
    assert config.security.secret_key_file == HERE / ".limpet" / "secret.key"
    assert not config.webhooks.allow_loopback
    assert [(each.name, each.password, each.window_size_max) for each in config.carriers] == [("acme", "secret", 10)]


EVERYTHING = """
[server]
host = "::"
port = 443
public_url = "https://sms.example.com/"
behind_proxy = true
trusted_proxies = ["10.0.0.0/8", "::1/128"]
max_pending = 100
max_concurrent = 50
region = "eu"
tls_certificate_file = "cert.pem"
tls_key_file = "key.pem"
[database]
url = "postgresql://limpet@db/limpet"
password_file = "password"
data_dir = "data"
connections = 20
[security]
secret_key_file = "key"
[smpp_server]
host = "::"
port = 2775
tls_certificate_file = "cert.pem"
tls_key_file = "key.pem"
allow_plain = true
sessions_max = 50
customer_sessions_max = 3
window_size_max = 20
deliver_window_size_max = 5
messages_per_s = 30
bind_failures_max = 4
response_timeout_s = 20
enquire_link_s = 15
[webhooks]
allow_loopback = true
allow_networks = ["192.168.0.0/16"]
ports = [80, 443, 8443]
log = "all"
[dispatch]
in_doubt_wait_s = 30
lane_lease_s = 20.5
stop_grace_s = 0
sender_rates = "none"
failover_after_s = 60
failback_after_s = 5
account_segments_per_s = 99.5
scheduled_max = 0
drain_s = 7
[metrics]
host = "10.0.0.5"
port = 9464
token_file = "token"
[telemetry]
otlp_endpoint = "http://127.0.0.1:4318"
service_name = "ours"
sample_ratio = 0.5
[sticky]
purge_rows_per_s = 5
refused_days = 3
[links]
domain = "https://go.example.com"
fallback_url = "https://example.com/start?x=1"
[console]
enabled = true
[log]
format = "console"
level = "debug"
[inventory]
bring_your_own = false
[registration]
registrar = "http"
url = "https://registry.example.com/a2p"
token_file = "password"
timeout_s = 5
patience_days = 30
delay_s = 2
settle_s = 60
tmobile = ["+1206555"]
[[carriers]]
name = "acme"
kind = "smpp"
host = "smpp.example.com"
port = 2775
system_id = "limpet"
password_file = "password"
system_type = "VMA"
window_size_max = 50
response_timeout_s = 5
enquire_link_s = 30
tls = true
tls_ca_file = "ca.pem"
numbers_file = "numbers.csv"
phone_ton = 2
phone_npi = 8
short_code_ton = 0
short_code_npi = 1
alphanumeric_ton = 5
alphanumeric_npi = 1
also_through = ["spare"]
bind = "pair"
binds = 1
bind_ton = 1
bind_npi = 1
address_range = "^1212"
service_type = "WAP"
country_code = "49"
plus = true
default_alphabet = "gsm7_packed"
default_coding = 241
ucs2_coding = 24
long_messages = "sar"
submit = "data_sm"
registered_delivery = 17
receipts = "last"
reference = false
tlvs = { "0x1400" = "1101", "0x1401" = "hex:00ff" }
segments_per_s = 25.5
throttle_pause_s = 2
reconnect_max_s = 10
refused_reconnect_max_s = 600
query = true
query_after_s = 60
outbind_port = 2776
outbind_host = "0.0.0.0"
outbind_system_id = "acme"
outbind_password = "secret"
region = "us"
error_codes = { "receipt:301" = 30041, "submit:0x400" = 30038, "submit:1025" = 30032 }
[[carriers]]
name = "spare"
host = "127.0.0.1"
port = 2776
system_id = "limpet"
password = "secret"
[[routes]]
prefix = "+44"
carrier = "spare"
sender_country = "US"
"""


ELSEWHERE = ("kind", "alphanumeric_ton", "password_env", "binds", "token_env", "carrier", "campaigns")
"""What does not go together with the rest; the last two are those of tests/test_config_registration.py."""


def test_everything_can_be_said(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem", "ca.pem", "password"):
        (tmp_path / name).write_text("secret\n")
    (tmp_path / "token").write_text("a token of sixteen characters\n")
    (tmp_path / "limpet.toml").write_text(EVERYTHING)
    config = load_config(tmp_path / "limpet.toml", {})
    assert config.server.public_url == "https://sms.example.com"
    assert config.server.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert config.database.url == "postgresql://limpet:secret@db/limpet"
    assert config.metrics.token == "a token of sixteen characters"
    assert config.database.data_dir == tmp_path / "data"
    assert config.security.secret_key_file == tmp_path / "key"
    assert config.carriers[0].password == "secret"
    assert config.registration.token == "secret"
    assert config.carriers[0].tls_ca_file == tmp_path / "ca.pem"
    assert config.routes == (Route("+44", "spare", "US"),)
    assert config.carriers[0].tlvs == ((0x1400, b"1101"), (0x1401, b"\x00\xff"))
    for section in fields(Config):
        if section.name == "routes":  # they are values of the core, and checked above
            continue
        made = getattr(config, section.name)
        for each in fields(made[0] if section.name == "carriers" else made):
            if each.metadata and each.name not in ELSEWHERE:
                assert getattr(made[0] if section.name == "carriers" else made, each.name) != each.default, each.name


OTHER = CARRIER.replace('password = "secret"', "")
OTHER_NAME = 'name = "other"\nhost = "127.0.0.1"\nport = 1\nsystem_id = "a"\npassword = "a"\n'
REFUSED = [
    (
        '[metrics]\nhost = "10.0.0.5"',
        "Metrics at 10.0.0.5 can be read by others: give metrics.token_file or metrics.token_env.",
    ),
    ('[metrics]\ntoken_env = "NONE"', "metrics.token_env names the variable NONE, which is not set."),
    ('[metrics]\ntoken_env = "A"\ntoken_file = "b"', "metrics.token_env names the variable A, which is not set."),
    ('[metrics]\ntoken_file = "/nowhere"', "metrics.token_file /nowhere cannot be read: No such file or directory."),
    ('[metrics]\ntoken_file = "/dev/null"', "The token for metrics must have 16 characters at least."),
    (
        '[database]\npassword_file = "x"',
        "database.password_file needs a database.url that names a user and no password.",
    ),
    (
        '[database]\nurl = "postgresql://a:b@c/d"\npassword_file = "x"',
        "database.password_file needs a database.url that names a user and no password.",
    ),
    ("[telemetry]\nsample_ratio = 2", "telemetry.sample_ratio must be a number from 0 to 1."),
    ("[dispatch]\ndrain_s = -1", "dispatch.drain_s must be a number of seconds from 0 to 600."),
    ("routes = 1", "routes must be at most 1000 tables, each under [[routes]]."),
    (
        '[[routes]]\nprefix = "44"\ncarrier = "acme"',
        'routes[0].prefix must be the beginning of a number such as "+44".',
    ),
    (
        '[[routes]]\nprefix = "+44"\ncarrier = "uk"',
        'routes[0].carrier names "uk", which is not one of the [[carriers]].',
    ),
    (
        '[[routes]]\nprefix = "+4"\ncarrier = "acme"\nsender_country = "UK"',
        'routes[0].sender_country must be the code of a country such as "GB".',
    ),
    (
        '[[routes]]\nprefix = "+4"\ncarrier = "acme"\n[[routes]]\nprefix = "+4"\ncarrier = "acme"',
        'routes[1].prefix must be unique, and "+4" is taken.',
    ),
    (
        f'[[carriers]]\n{OTHER_NAME}also_through = ["nobody"]',
        'also_through names "nobody", which is not another of the [[carriers]].',
    ),
    (f'[[carriers]]\n{OTHER_NAME}also_through = ["other"]', 'also_through names "other", which is not another'),
    (
        f"[[carriers]]\n{OTHER_NAME}segments_per_s = -1",
        "segments_per_s must be a number of segments a second from 0 (no limit) to 100000.",
    ),
    ('[registration]\nregistrar = "nobody"', 'registration.registrar must be "none" or "manual"'),
    ('[registration]\nregistrar = "http"', 'registration.url belongs to registrar = "http", and is needed there.'),
    ('[registration]\nurl = "https://example.com"', 'registration.url belongs to registrar = "http"'),
    (
        '[registration]\ntoken = "a"\ntoken_env = "B"',
        "registration needs at most one of token, token_env and token_file.",
    ),
    ('[registration]\ntoken_env = "NOT_SET"', "registration.token_env names the variable NOT_SET, which is not set."),
    ('[registration]\ntoken_file = "not-there"', "registration.token_file"),
    ("[registration]\ntimeout_s = 31", "registration.timeout_s must be"),
    ("sever = 1", "sever is not a setting; known are server,"),
    ("server = 1", "server must be a table."),
    ("[server]\nprot = 1", "server.prot is not a setting; known here are host, port,"),
    ('[server]\nport = "80"', "server.port must be a whole number from 1 to 65535."),
    ("[server]\nport = 0", "server.port must be"),
    ("[server]\nport = 65536", "server.port must be"),
    ("[server]\nport = true", "server.port must be"),
    ("[server]\nport = 80.0", "server.port must be"),
    ('[server]\nhost = "example.com"', 'server.host must be an IP address such as "127.0.0.1".'),
    ('[server]\nhost = "0.0.0.0"', "Listening on 0.0.0.0 needs TLS"),
    ('[server]\nhost = "::"', "Listening on :: needs TLS"),
    ('[server]\npublic_url = "sms.example.com"', "server.public_url must be a URL without a path"),
    ('[server]\npublic_url = "https://sms.example.com/path"', "server.public_url must be"),
    ('[server]\npublic_url = "https://u:p@sms.example.com"', "server.public_url must be"),
    ('[server]\npublic_url = "https://sms.example.com:99999"', "server.public_url must be"),
    ('[server]\npublic_url = "ftp://sms.example.com"', "server.public_url must be"),
    ('[server]\ntrusted_proxies = ["10.0.0.1/8"]', "server.trusted_proxies must be a list, each element a network"),
    ('[server]\ntrusted_proxies = "10.0.0.0/8"', "server.trusted_proxies must be a list"),
    ("[server]\nbehind_proxy = 1", "server.behind_proxy must be true or false."),
    ("[server]\nmax_pending = 0", "server.max_pending must be"),
    ('[server]\ntls_key_file = "k"', "server.tls_certificate_file and server.tls_key_file belong together"),
    (
        '[server]\ntls_key_file = "no"\ntls_certificate_file = "no"',
        "server.tls_certificate_file /etc/limpet/no is not a file.",
    ),
    ('[smpp_server]\nhost = "::"', "Listening for SMPP on :: needs TLS"),
    (
        '[smpp_server]\ntls_key_file = "k"',
        "smpp_server.tls_certificate_file and smpp_server.tls_key_file belong together",
    ),
    ("[smpp_server]\nport = 0", "smpp_server.port must be a whole number from 1 to 65535."),
    ('[database]\nurl = "mysql://x"', "database.url must be a URL such as"),
    ('[database]\nurl = "postgresql://x/y"', "security.secret_key_file or the variable LIMPET_SECRET_KEY is needed"),
    ('[database]\ndata_dir = ""', "database.data_dir must be a path."),
    ("[database]\nconnections = 1", "database.connections must be"),
    ("[security]\nsecret_key = 'ab'", "security.secret_key is not a setting"),
    ("[webhooks]\nports = [0]", "webhooks.ports must be a list, each element a whole number from 1 to 65535."),
    ("[webhooks]\nallow_networks = [1]", "webhooks.allow_networks must be"),
    ("[dispatch]\nin_doubt_wait_s = 0", "dispatch.in_doubt_wait_s must be a number of seconds from 1 to 86400."),
    ("[dispatch]\nlane_lease_s = nan", "dispatch.lane_lease_s must be"),
    ("[sticky]\npurge_rows_per_s = -1", "sticky.purge_rows_per_s must be"),
    ("[dispatch]\naccount_segments_per_s = -1", "dispatch.account_segments_per_s must be a number from 0 to 1e+06."),
    (
        OTHER.replace('"acme"', '"b"') + 'password = ""\nerror_codes = { "receipt:301" = 21211 }',
        'carriers[1].error_codes must be a table such as { "receipt:301" = 30041',
    ),
    (
        OTHER.replace('"acme"', '"b"') + 'password = ""\nerror_codes = { "submit:x" = 30041 }',
        "carriers[1].error_codes must be",
    ),
    (
        OTHER.replace('"acme"', '"b"') + 'password = ""\nerror_codes = { "submit:0" = 30041 }',
        "carriers[1].error_codes must be",
    ),
    ('[links]\ndomain = "https://go.example.com/x"', "links.domain must be a URL without a path"),
    ('[links]\nfallback_url = "ftp://x"', "links.fallback_url must be a URL such as"),
    ('[log]\nformat = "xml"', 'log.format must be "json" or "console".'),
    (CARRIER, 'carriers[1].name must be unique, and "acme" is taken.'),
    (OTHER.replace('name = "acme"', ""), "carriers[1].name is missing."),
    (OTHER.replace('"acme"', '"A cme"'), "carriers[1].name must be 1 to 32 of a-z"),
    (OTHER.replace('"acme"', '"b"'), "carriers[1] needs exactly one of password, password_env and password_file."),
    (
        OTHER.replace('"acme"', '"b"') + 'password = "a"\npassword_env = "B"',
        "carriers[1] needs exactly one of password",
    ),
    (
        OTHER.replace('"acme"', '"b"') + 'password_env = "B"',
        "carriers[1].password_env names the variable B, which is not set.",
    ),
    (
        OTHER.replace('"acme"', '"b"') + 'password_file = "no"',
        "carriers[1].password_file /etc/limpet/no cannot be read",
    ),
    (OTHER.replace('"acme"', '"b"') + 'password = "123456789"', "carriers[1].password must be a text of at most 8"),
    (
        OTHER.replace('"acme"', '"b"') + 'password = ""\nkind = "carrier-pigeon"',
        'carriers[1].kind must be "smpp" or one of twilio, telnyx, bandwidth, plivo, vonage, http.',
    ),
    *(
        (OTHER.replace('"acme"', '"b"') + f'password = ""\n{setting}', f"carriers[1].{said}")
        for setting, said in [
            ('tlvs = "x"', "tlvs must be a table of at most 32 TLVs"),
            ('tlvs = { "1400" = "x" }', "tlvs must be"),
            ('tlvs = { "0x1400" = 1 }', "tlvs must be"),
            ('tlvs = { "0x1400" = "hex:0" }', "tlvs must be"),
            ('tlvs = { "0x1400" = "日" }', "tlvs must be"),
            (f'tlvs = {{ "0x1400" = "{"x" * 1025}" }}', "tlvs must be"),
            ("segments_per_s = -1", "segments_per_s must be a number of segments a second"),
            ("segments_per_s = true", "segments_per_s must be"),
            ('long_messages = "long"', 'long_messages must be "udh8" or "udh16" or "sar" or "payload".'),
            ('bind = "receiver"', 'bind must be "transceiver" or "pair" or "transmitter".'),
            ("outbind_port = 1\nbinds = 2", "outbind_port is for one bind"),
            ("outbind_port = 1", "outbind_port needs outbind_system_id"),
            ('outbind_port = 1\noutbind_system_id = "x"\nbind = "transmitter"', "outbind_port needs"),
        ]
    ),
    (
        OTHER.replace('"acme"', '"b"') + 'password = ""\ntls_ca_file = "no"',
        "carriers[1].tls_ca_file /etc/limpet/no is not a file.",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_what_cannot_be_used_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)) as refused:
        read(CARRIER + text if text.lstrip().startswith("[") else text + "\n" + CARRIER)
    assert str(refused.value).count("\n") == 0
    assert str(refused.value).endswith(".")


def test_without_a_carrier_nothing_could_leave() -> None:
    with pytest.raises(ConfigError, match="There is no"):
        read("")
    with pytest.raises(ConfigError, match="carriers must be at most"):
        read("carriers = 1")


def test_listening_everywhere_is_allowed_behind_a_proxy() -> None:
    assert read('[server]\nhost = "0.0.0.0"\nbehind_proxy = true' + CARRIER).server.host == "0.0.0.0"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_no_tls(host: str) -> None:
    assert read(f'[server]\nhost = "{host}"' + CARRIER).server.host in (host, "127.0.0.1")


def test_a_password_comes_from_the_environment_and_is_held_to_the_rule() -> None:
    text = CARRIER.replace('password = "secret"', 'password_env = "SMPP_PASSWORD"')
    assert read(text, {"SMPP_PASSWORD": "hidden"}).carriers[0].password == "hidden"
    with pytest.raises(ConfigError, match=r"carriers\[0\].password_env must lead to a text of at most 8"):
        read(text, {"SMPP_PASSWORD": "far too long"})


def test_the_secret_key_comes_from_the_environment_first() -> None:
    config = read('[database]\nurl = "postgresql://x/y"' + CARRIER, {"LIMPET_SECRET_KEY": "ab" * 32})
    assert config.security.secret_key == "ab" * 32
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        read(CARRIER, {"LIMPET_SECRET_KEY": "short"})


def test_no_secret_shows_when_a_configuration_is_printed() -> None:
    config = read('[database]\nurl = "postgresql://x:hidden1@y/z"' + CARRIER, {"LIMPET_SECRET_KEY": "cd" * 32})
    for secret in ("hidden1", "secret", "cd" * 32):
        assert f"'{secret}" not in repr(config)
        assert f":{secret}@" not in repr(config)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"= 1", "is not TOML: Invalid statement"),
        (b"\xff", "is not TOML:"),
        (b"#" * 1_000_001, "is longer than 1000000 bytes."),
        (b"[server]\nport = 0", "limpet.toml: server.port must be"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "limpet.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(sentence)) as refused:
        load_config(path, {})
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
