"""What an operator says of carriers over HTTP: one table of settings for each kind of upstream.

Values only. Each secret can be given three ways, of which one must be chosen: as it is, by a variable, or by a file's first line.
"""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with a rule
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from limpet.config_generic import (
    InboundRules,
    ReceiptRules,
    ReplyRules,
    RequestTemplate,
    Verification,
    check_description,
)
from limpet.config_rules import (
    BASE_URL,
    PATH,
    SWITCH,
    ConfigError,
    Rule,
    list_of,
    number,
    one_of,
    read_table,
    seconds,
    setting,
    text,
    whole,
)

NAME = text(32, r"[a-z0-9][a-z0-9_-]*", "1 to 32 of a-z, 0-9, - and _, not beginning with - or _")
_WORD = text(255, r"[\x21-\x7e]+", "a text of 1 to 255 ASCII characters without spaces")
_SECRET = text(1024, r"[\x21-\x7e]+", "a text of 1 to 1024 ASCII characters without spaces")


def _nested(kind: type) -> Rule:
    """A table within a carrier's, which `read_http_carrier` has read already."""

    def read(value: object) -> object:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return Rule("a table", read)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCarrierConfig:
    """What all of them have. `workers` lanes lead to it, each with at most `window_size_max` requests without an answer.

    `mms` false keeps media off a carrier whose account has none. `idempotency_keys` says that a request repeated under the same
    `Idempotency-Key` makes one message there: a lost answer is then asked for again instead of waited for. `also_through`,
    `segments_per_s` and `region` are as with SMPP.
    """

    SECRETS: ClassVar[Mapping[str, bool]] = MappingProxyType({})
    """The settings that are secret, and whether they must be given."""

    name: str = setting(NAME)
    kind: str = setting(one_of("twilio", "telnyx", "bandwidth", "plivo", "vonage", "http"))
    numbers_file: Path | None = setting(PATH, None)
    workers: int = setting(whole(1, 64), 1)
    window_size_max: int = setting(whole(1, 1000), 16)
    connect_timeout_s: float = setting(seconds(0.1, 60), 5.0)
    response_timeout_s: float = setting(seconds(0.1, 300), 15.0)
    mms: bool = setting(SWITCH, True)
    idempotency_keys: bool = setting(SWITCH, False)
    also_through: tuple[str, ...] = setting(list_of(NAME), ())
    segments_per_s: float = setting(number(0, 100_000), 0.0)
    region: str = setting(text(32), "")

    @property
    def api_url(self) -> str:
        """Where its API is, or begins."""
        return str(getattr(self, "base_url", ""))

    @property
    def needs_public_url(self) -> bool:
        """Whether its notices are told, or checked, by the URL at which they come."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioConfig(HttpCarrierConfig):
    """`kind = "twilio"`: an account there as an upstream. The auth token checks notices; with an API key that one sends."""

    SECRETS: ClassVar[Mapping[str, bool]] = MappingProxyType({"auth_token": True, "api_key_secret": False})

    base_url: str = setting(BASE_URL, "https://api.twilio.com")
    account_sid: str = setting(text(34, r"AC[0-9a-fA-F]{32}", "an account SID such as AC and 32 hexadecimal digits"))
    auth_token: str = setting(_SECRET, "", secret=True)
    auth_token_env: str | None = setting(text(255), None)
    auth_token_file: Path | None = setting(PATH, None)
    api_key_sid: str = setting(text(34, r"SK[0-9a-fA-F]{32}", "an API key's SID"), "")
    api_key_secret: str = setting(_SECRET, "", secret=True)
    api_key_secret_env: str | None = setting(text(255), None)
    api_key_secret_file: Path | None = setting(PATH, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelnyxConfig(HttpCarrierConfig):
    """`kind = "telnyx"`. `public_key` checks notices, as the portal shows it; names as senders need `messaging_profile_id`."""

    SECRETS: ClassVar[Mapping[str, bool]] = MappingProxyType({"api_key": True})

    base_url: str = setting(BASE_URL, "https://api.telnyx.com")
    api_key: str = setting(_SECRET, "", secret=True)
    api_key_env: str | None = setting(text(255), None)
    api_key_file: Path | None = setting(PATH, None)
    public_key: str = setting(text(44, r"[A-Za-z0-9+/]{43}=", "a public key of 32 bytes in base64"))
    messaging_profile_id: str = setting(_WORD, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class BandwidthConfig(HttpCarrierConfig):
    """`kind = "bandwidth"`. The application's callbacks come with Basic credentials of their own, set there and here."""

    SECRETS: ClassVar[Mapping[str, bool]] = MappingProxyType({"password": True, "notice_password": True})

    base_url: str = setting(BASE_URL, "https://messaging.bandwidth.com")
    account_id: str = setting(_WORD)
    application_id: str = setting(_WORD)
    username: str = setting(_WORD)
    password: str = setting(_SECRET, "", secret=True)
    password_env: str | None = setting(text(255), None)
    password_file: Path | None = setting(PATH, None)
    notice_username: str = setting(_WORD)
    notice_password: str = setting(_SECRET, "", secret=True)
    notice_password_env: str | None = setting(text(255), None)
    notice_password_file: Path | None = setting(PATH, None)

    @property
    def needs_public_url(self) -> bool:
        """The application there knows its URL, and Basic credentials know none."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlivoConfig(HttpCarrierConfig):
    """`kind = "plivo"`. The auth token sends and checks notices."""

    SECRETS: ClassVar[Mapping[str, bool]] = MappingProxyType({"auth_token": True})

    base_url: str = setting(BASE_URL, "https://api.plivo.com")
    auth_id: str = setting(text(20, r"[A-Z0-9]{1,20}", "an auth id of 1 to 20 capital letters and digits"))
    auth_token: str = setting(_SECRET, "", secret=True)
    auth_token_env: str | None = setting(text(255), None)
    auth_token_file: Path | None = setting(PATH, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VonageConfig(HttpCarrierConfig):
    """`kind = "vonage"`, its Messages API. `signature_secret` checks notices, which must be signed there."""

    SECRETS: ClassVar[Mapping[str, bool]] = MappingProxyType({"api_secret": True, "signature_secret": True})

    base_url: str = setting(BASE_URL, "https://api.nexmo.com")
    api_key: str = setting(_WORD)
    api_secret: str = setting(_SECRET, "", secret=True)
    api_secret_env: str | None = setting(text(255), None)
    api_secret_file: Path | None = setting(PATH, None)
    signature_secret: str = setting(_SECRET, "", secret=True)
    signature_secret_env: str | None = setting(text(255), None)
    signature_secret_file: Path | None = setting(PATH, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericConfig(HttpCarrierConfig):
    """`kind = "http"`: an API that is described here. `secret` is what `{secret}` stands for in requests, `notice_secret` what
    notices are checked by."""

    SECRETS: ClassVar[Mapping[str, bool]] = MappingProxyType({"secret": False, "notice_secret": False})

    mms: bool = setting(SWITCH, False)
    secret: str = setting(_SECRET, "", secret=True)
    secret_env: str | None = setting(text(255), None)
    secret_file: Path | None = setting(PATH, None)
    notice_secret: str = setting(_SECRET, "", secret=True)
    notice_secret_env: str | None = setting(text(255), None)
    notice_secret_file: Path | None = setting(PATH, None)
    request: RequestTemplate = setting(_nested(RequestTemplate))
    reply: ReplyRules = setting(_nested(ReplyRules))
    receipt: ReceiptRules | None = setting(_nested(ReceiptRules), None)
    inbound: InboundRules | None = setting(_nested(InboundRules), None)
    verify: Verification | None = setting(_nested(Verification), None)

    @property
    def api_url(self) -> str:
        """Where messages are posted to."""
        return self.request.url

    @property
    def needs_public_url(self) -> bool:
        """Where a request or a signature has the URL of notices in it."""
        signed = self.verify is not None and "{url}" in self.verify.over
        return signed or "{notices_url}" in repr((self.request.json, self.request.form, self.request.url))


KINDS: Mapping[str, type[HttpCarrierConfig]] = MappingProxyType(
    {
        "twilio": TwilioConfig,
        "telnyx": TelnyxConfig,
        "bandwidth": BandwidthConfig,
        "plivo": PlivoConfig,
        "vonage": VonageConfig,
        "http": GenericConfig,
    }
)
_PARTS: Mapping[str, type] = MappingProxyType(
    {
        "request": RequestTemplate,
        "reply": ReplyRules,
        "receipt": ReceiptRules,
        "inbound": InboundRules,
        "verify": Verification,
    }
)


def read_http_carrier(
    table: Mapping[str, object], path: str, directory: Path, environment: Mapping[str, str]
) -> HttpCarrierConfig:
    """The carrier of one `[[carriers]]` whose kind is one of KINDS, secrets found and paths absolute; or a ConfigError."""
    kind = KINDS[str(table["kind"])]
    read: dict[str, object] = dict(table)
    if kind is GenericConfig:
        read |= {
            name: read_table(part, table[name], f"{path}.{name}") for name, part in _PARTS.items() if name in table
        }
    carrier = _placed(read_table(kind, read, path), directory)
    secrets: dict[str, Any] = {name: _found(carrier, name, path, environment) for name in kind.SECRETS}
    carrier = replace(carrier, **secrets)
    _check(carrier, path)
    return carrier


def _check(carrier: HttpCarrierConfig, path: str) -> None:
    if isinstance(carrier, TwilioConfig) and bool(carrier.api_key_sid) != bool(carrier.api_key_secret):
        raise ConfigError(f"{path}.api_key_sid and its secret belong together: give both or neither.")
    if isinstance(carrier, GenericConfig):
        given = {name for name in carrier.SECRETS if getattr(carrier, name)}
        check_description(carrier.request, carrier.verify, given, path)
        if (carrier.receipt or carrier.inbound) and carrier.verify is None:
            raise ConfigError(f"{path}.verify is missing: without it anybody could bring receipts and texts.")


def _placed(carrier: HttpCarrierConfig, directory: Path) -> HttpCarrierConfig:
    values = {each.name: getattr(carrier, each.name) for each in fields(carrier)}
    placed: dict[str, Any] = {name: directory / path for name, path in values.items() if isinstance(path, Path)}
    return replace(carrier, **placed)


def _found(carrier: HttpCarrierConfig, name: str, path: str, environment: Mapping[str, str]) -> str:
    """A secret by the one way in which it was given; empty where it need not be."""
    plain, variable, file = (getattr(carrier, f"{name}{way}") for way in ("", "_env", "_file"))
    ways = [way for way in (plain, variable, file) if way]
    if len(ways) > 1 or (not ways and carrier.SECRETS[name]):
        amount = "exactly" if carrier.SECRETS[name] else "at most"
        raise ConfigError(f"{path} needs {amount} one of {name}, {name}_env and {name}_file.")
    if variable is not None:
        if variable not in environment:
            raise ConfigError(f"{path}.{name}_env names the variable {variable}, which is not set.")
        return _checked(environment[variable], f"{path}.{name}_env")
    return str(plain) if file is None else _checked(_first_line(file, f"{path}.{name}_file"), f"{path}.{name}_file")


def _checked(secret: str, path: str) -> str:
    try:
        return str(_SECRET.read(secret))
    except ValueError as error:
        raise ConfigError(f"{path} must lead to {_SECRET.what}.") from error


def _first_line(file: Path, path: str) -> str:
    try:
        return (file.read_text().splitlines() or [""])[0]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text in UTF-8"
        raise ConfigError(f"{path} {file} cannot be read: {why}.") from error
