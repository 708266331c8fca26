"""What an operator says in `limpet.toml`: each setting with its default, its bounds and its place.

`load_config` answers values that can be used as they are: passwords found, paths absolute, contradictions refused. It does not
know what the settings cause.
"""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with a rule
from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from limpet.config_http import KINDS as HTTP_KINDS
from limpet.config_http import HttpCarrierConfig, read_http_carrier
from limpet.config_registration import RegistrationConfig, check_registrar, check_registration
from limpet.config_routes import NAME, check_standby, read_routes
from limpet.config_rules import (
    BASE_URL,
    DATA_DIR,
    DATABASE_URL,
    HOST,
    NETWORK,
    PATH,
    SWITCH,
    ConfigError,
    Network,
    Rule,
    list_of,
    one_of,
    one_of_numbers,
    read_table,
    seconds,
    setting,
    table_of,
    text,
    whole,
)
from limpet.config_secrets import first_line, with_secrets
from limpet.config_sections import (
    ConsoleConfig,
    DispatchConfig,
    InventoryConfig,
    LinksConfig,
    LogConfig,
    MetricsConfig,
    StickyConfig,
    TelemetryConfig,
    check_metrics,
)
from limpet.config_smpp import SmppSettings, check_smpp
from limpet.config_smpp_server import SmppServerConfig, check_smpp_server
from limpet.core.errors import ERRORS
from limpet.core.routing import Route

SECRET_KEY_VARIABLE = "LIMPET_SECRET_KEY"  # noqa: S105 - a name, not a key
SECRET_KEY_NAME = "secret.key"  # noqa: S105 - a file's name
FILE_BYTES_MAX = 1_000_000
CARRIERS_MAX = 100
_LISTS = ("carriers", "routes")
_KEY_DIGITS = r"[0-9a-fA-F]{64}"
_PORT = whole(1, 65535)
_TON = whole(0, 6)
_NPI = whole(0, 18)
_TOLD = tuple(sorted(code for code, kind in ERRORS.items() if 30000 < code < 31000 and kind.http_status is None))
_ERROR_CODES = table_of(
    r"submit:(0x[0-9a-fA-F]{1,8}|[1-9][0-9]{0,9})|receipt:[0-9A-Za-z]{1,9}",
    one_of_numbers(_TOLD),
    f'a table such as {{ "receipt:301" = 30041, "submit:0x400" = 30038 }}, of the codes {", ".join(map(str, _TOLD))}',
)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """`[server]`: where customers reach Limpet. `public_url` is what absolute URLs in answers begin with, when set.

    `behind_proxy` says that something in front ends TLS; `trusted_proxies` whose X-Forwarded headers are believed.
    `max_pending` is how many requests may wait for the database before further ones are refused (503), `max_concurrent` how many
    one account may have under way (429). `region` says where this server is, where carriers of other regions are configured too.
    """

    host: str = setting(HOST, "127.0.0.1")
    port: int = setting(_PORT, 8080)
    public_url: str | None = setting(BASE_URL, None)
    behind_proxy: bool = setting(SWITCH, False)
    trusted_proxies: tuple[Network, ...] = setting(list_of(NETWORK), ())
    max_pending: int = setting(whole(1, 1_000_000), 20_000)
    max_concurrent: int = setting(whole(1, 1_000_000), 1000)
    region: str = setting(text(32), "")
    tls_certificate_file: Path | None = setting(PATH, None)
    tls_key_file: Path | None = setting(PATH, None)


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """`[database]`: the operator's PostgreSQL by `url`; without one, an embedded server in `data_dir`. The password of the URL's
    user may be in a file of its own."""

    url: str | None = setting(DATABASE_URL, None, secret=True)
    password_file: Path | None = setting(PATH, None)
    data_dir: Path = setting(PATH, DATA_DIR)
    connections: int = setting(whole(2, 1000), 8)


@dataclass(frozen=True, slots=True)
class SecurityConfig:
    """`[security]`: where the key is kept under which secrets are sealed; the variable LIMPET_SECRET_KEY comes before it.

    `secret_key` is the key itself when the variable gave it (64 hexadecimal digits).
    """

    secret_key_file: Path | None = setting(PATH, None)
    secret_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class WebhooksConfig:
    """`[webhooks]`: where customers' URLs may lead beyond public addresses, and to which ports of public ones.

    `log` says which tries `limpet webhook list` can show: those that failed and what followed, or all.
    """

    allow_loopback: bool = setting(SWITCH, False)
    allow_networks: tuple[Network, ...] = setting(list_of(NETWORK), ())
    ports: tuple[int, ...] = setting(list_of(_PORT), (80, 443))
    log: str = setting(one_of("failures", "all"), "failures")


@dataclass(frozen=True, slots=True)
class CarrierConfig(SmppSettings):
    """One `[[carriers]]`: an upstream by SMPP 3.4. `password` is found when it came by variable or file.

    `numbers_file` holds the numbers that it routes here and that may be bought (`limpet.config_numbers`). `window_size_max`
    counts PDUs without an answer on each lane. The numbers of a kind of address are its TON and NPI (SMPP 3.4 §5.2.5, §5.2.6).
    `also_through` names carriers that may take its place when it is down, paused or draining. `error_codes` are Twilio's codes
    for the carrier's own numbers: `submit:0x400` for a refusal, `receipt:301` for a receipt's reason. A carrier of another
    `region` than the server's is not used by it (error 21669).
    """

    name: str = setting(NAME)
    host: str = setting(text(253, r"[A-Za-z0-9.:_-]+", "a host name or an IP address"))
    port: int = setting(_PORT)
    system_id: str = setting(text(15, r"[\x20-\x7e]+", "a text of 1 to 15 ASCII characters"))
    kind: str = setting(Rule(f'"smpp" or one of {", ".join(HTTP_KINDS)}', one_of("smpp").read), "smpp")
    password: str = setting(text(8, r"[\x20-\x7e]*", "a text of at most 8 ASCII characters"), "", secret=True)
    password_env: str | None = setting(text(255), None)
    password_file: Path | None = setting(PATH, None)
    system_type: str = setting(text(12, r"[\x20-\x7e]*", "a text of at most 12 ASCII characters"), "")
    numbers_file: Path | None = setting(PATH, None)
    window_size_max: int = setting(whole(1, 10_000), 10)
    response_timeout_s: float = setting(seconds(1, 300), 10.0)
    enquire_link_s: float = setting(seconds(1, 3600), 20.0)
    tls: bool = setting(SWITCH, False)
    tls_ca_file: Path | None = setting(PATH, None)
    phone_ton: int = setting(_TON, 1)
    phone_npi: int = setting(_NPI, 1)
    short_code_ton: int = setting(_TON, 3)
    short_code_npi: int = setting(_NPI, 0)
    alphanumeric_ton: int = setting(_TON, 5)
    alphanumeric_npi: int = setting(_NPI, 0)
    also_through: tuple[str, ...] = setting(list_of(NAME), ())
    error_codes: tuple[tuple[str, int], ...] = setting(_ERROR_CODES, ())
    region: str = setting(text(32), "")


AnyCarrierConfig = CarrierConfig | HttpCarrierConfig


@dataclass(frozen=True, slots=True)
class Config:
    """All of `limpet.toml`."""

    server: ServerConfig = field(default_factory=ServerConfig)
    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    webhooks: WebhooksConfig = field(default_factory=WebhooksConfig)
    dispatch: DispatchConfig = field(default_factory=DispatchConfig)
    sticky: StickyConfig = field(default_factory=StickyConfig)
    inventory: InventoryConfig = field(default_factory=InventoryConfig)
    smpp_server: SmppServerConfig = field(default_factory=SmppServerConfig)
    links: LinksConfig = field(default_factory=LinksConfig)
    registration: RegistrationConfig = field(default_factory=RegistrationConfig)
    log: LogConfig = field(default_factory=LogConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    telemetry: TelemetryConfig = field(default_factory=TelemetryConfig)
    console: ConsoleConfig = field(default_factory=ConsoleConfig)
    carriers: tuple[AnyCarrierConfig, ...] = ()
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseOptions:
    """To which carrier `limpet dev` lets single messages really go, to whom at most, and from which number, if not their own."""

    carrier: AnyCarrierConfig
    allowed: frozenset[str]
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class DevOptions:
    """What `limpet dev` has beyond a configuration: the simulated carrier takes all it gets, unless `realistic_rates`."""

    realistic_rates: bool = False
    registration_delay_s: float = 1.0
    """How long the simulated registrar takes to decide."""
    release: ReleaseOptions | None = None
    throwaway: bool = False
    """Whether nobody misses the data: nothing waits for the disk."""
    proxy_port: int | None = None
    """Where the proxy listens that stands in for Twilio's host names; 0 takes a free port, None has none."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What a server says once it can serve; all but `url` and `pid` is what `limpet dev` has seeded."""

    url: str
    pid: int
    account_sid: str = ""
    auth_token: str = field(default="", repr=False)
    api_key_sid: str = ""
    api_key_secret: str = field(default="", repr=False)
    service_sid: str = ""
    numbers: tuple[str, ...] = ()
    smpp: str = ""
    """Where customers bind, `host:port`; empty when they cannot."""
    smpp_system_id: str = ""
    smpp_password: str = field(default="", repr=False)
    proxy: str = ""
    """URL of the proxy that stands in for Twilio's host names; empty when there is none."""
    proxy_environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables by which a program comes here by that proxy."""


def load_config(path: Path, environment: Mapping[str, str]) -> Config:
    """The configuration in a file; ConfigError, in one sentence, when it cannot be read or used."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise ConfigError(f"{path} is longer than {FILE_BYTES_MAX} bytes.")
        table = tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {_sentence(error)}.") from error
    try:
        return read_config(table, path.absolute().parent, environment)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_config(table: Mapping[str, object], directory: Path, environment: Mapping[str, str]) -> Config:
    """The configuration in a table of TOML; paths are relative to `directory`."""
    sections: dict[str, Any] = {}
    kinds = {each.name: each.default_factory for each in fields(Config) if each.name not in _LISTS}
    for name in table:
        if name not in (*kinds, *_LISTS):
            raise ConfigError(f"{name} is not a setting; known are {', '.join([*kinds, *_LISTS])}.")
    for name, kind in kinds.items():
        sections[name] = _placed(read_table(kind, table.get(name, {}), name), directory)  # type: ignore[arg-type]
    carriers = _carriers(table.get("carriers", []), directory, environment)
    check_standby({each.name: each.also_through for each in carriers})
    routes = read_routes(table.get("routes", []), [each.name for each in carriers])
    check_registration(sections["registration"])
    sections |= with_secrets(sections, environment)
    check_registrar(sections["registration"], _kinds(carriers))
    config = _with_key(Config(**sections, carriers=carriers, routes=routes), environment)
    check_listening(config.server)
    check_metrics(config.metrics)
    check_smpp_server(config.smpp_server)
    _check_files(config)
    if not config.carriers:
        raise ConfigError("There is no [[carriers]]: messages need one to leave by.")
    for place, carrier in enumerate(config.carriers):
        if isinstance(carrier, HttpCarrierConfig) and carrier.needs_public_url and config.server.public_url is None:
            raise ConfigError(f"carriers[{place}] needs server.public_url: its receipts and inbound texts come there.")
    return config


def check_listening(server: ServerConfig) -> None:
    """ConfigError when strangers could reach the server without TLS."""
    if (server.tls_certificate_file is None) != (server.tls_key_file is None):
        raise ConfigError("server.tls_certificate_file and server.tls_key_file belong together: give both or neither.")
    if not (ip_address(server.host).is_loopback or server.tls_certificate_file or server.behind_proxy):
        raise ConfigError(
            f"Listening on {server.host} needs TLS, since credentials would cross the network in the clear: give "
            "server.tls_certificate_file and server.tls_key_file, or say behind_proxy when something in front ends TLS."
        )


def _carriers(value: object, directory: Path, environment: Mapping[str, str]) -> tuple[AnyCarrierConfig, ...]:
    if not isinstance(value, list) or len(value) > CARRIERS_MAX:
        raise ConfigError(f"carriers must be at most {CARRIERS_MAX} tables, each under [[carriers]].")
    found: dict[str, AnyCarrierConfig] = {}
    for place, table in enumerate(value):
        path = f"carriers[{place}]"
        carrier = _carrier(table, path, directory, environment)
        if carrier.name in found:
            raise ConfigError(f'{path}.name must be unique, and "{carrier.name}" is taken.')
        found[carrier.name] = carrier
    return tuple(found.values())


def _carrier(table: object, path: str, directory: Path, environment: Mapping[str, str]) -> AnyCarrierConfig:
    if isinstance(table, Mapping) and isinstance(kind := table.get("kind", "smpp"), str) and kind in HTTP_KINDS:
        return read_http_carrier(table, path, directory, environment)
    carrier: CarrierConfig = _placed(read_table(CarrierConfig, table, path), directory)
    check_smpp(carrier, path)
    return _with_password(carrier, path, table, environment)  # type: ignore[arg-type]


def _with_password(
    carrier: CarrierConfig, path: str, table: Mapping[str, object], environment: Mapping[str, str]
) -> CarrierConfig:
    ways = [name for name in ("password", "password_env", "password_file") if name in table]
    if len(ways) != 1:
        raise ConfigError(f"{path} needs exactly one of password, password_env and password_file.")
    if carrier.password_env is not None:
        if carrier.password_env not in environment:
            raise ConfigError(f"{path}.password_env names the variable {carrier.password_env}, which is not set.")
        return _checked_password(carrier, environment[carrier.password_env], f"{path}.password_env")
    if carrier.password_file is not None:
        return _checked_password(
            carrier, first_line(carrier.password_file, f"{path}.password_file"), f"{path}.password_file"
        )
    return carrier


def _checked_password(carrier: CarrierConfig, password: str, path: str) -> CarrierConfig:
    rule = next(each for each in fields(CarrierConfig) if each.name == "password").metadata["rule"]
    try:
        return replace(carrier, password=rule.read(password))
    except ValueError as error:
        raise ConfigError(f"{path} must lead to {rule.what}.") from error


def _kinds(carriers: tuple[AnyCarrierConfig, ...]) -> Mapping[str, str]:
    """The kinds of those carriers that speak HTTP, by their names."""
    return {each.name: kind for each in carriers for kind, made in HTTP_KINDS.items() if type(each) is made}


def _placed(section: Any, directory: Path) -> Any:
    """The section with its paths absolute."""
    paths = {each.name: getattr(section, each.name) for each in fields(section)}
    return replace(section, **{name: directory / path for name, path in paths.items() if isinstance(path, Path)})


def _with_key(config: Config, environment: Mapping[str, str]) -> Config:
    if given := environment.get(SECRET_KEY_VARIABLE):
        if not re.fullmatch(_KEY_DIGITS, given):
            raise ConfigError(f"The variable {SECRET_KEY_VARIABLE} must hold 64 hexadecimal digits.")
        return replace(config, security=replace(config.security, secret_key=given))
    if config.security.secret_key_file is not None:
        return config
    if config.database.url is not None:
        raise ConfigError(
            f"security.secret_key_file or the variable {SECRET_KEY_VARIABLE} is needed beside database.url: "
            "every Limpet on that database must have the same key."
        )
    key_file = config.database.data_dir / SECRET_KEY_NAME
    return replace(config, security=replace(config.security, secret_key_file=key_file))


def _check_files(config: Config) -> None:
    named = {
        "server.tls_certificate_file": config.server.tls_certificate_file,
        "server.tls_key_file": config.server.tls_key_file,
        "smpp_server.tls_certificate_file": config.smpp_server.tls_certificate_file,
        "smpp_server.tls_key_file": config.smpp_server.tls_key_file,
    }
    named |= {
        f"carriers[{place}].tls_ca_file": each.tls_ca_file
        for place, each in enumerate(config.carriers)
        if isinstance(each, CarrierConfig)
    }
    for name, path in named.items():
        if path is not None and not path.is_file():
            raise ConfigError(f"{name} {path} is not a file.")


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
