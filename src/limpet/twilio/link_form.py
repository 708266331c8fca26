"""Twilio's LinkShortening resources: what an account may say of its short links, and how that is shown.

Source: Twilio's OpenAPI document `twilio_messaging_v1`. The domain is the operator's and the same for everybody; its settings are
each account's own. It knows no rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from limpet.core.errors import ApiError
from limpet.twilio.dates import iso8601
from limpet.twilio.forms import Form, boolean, filled, given, is_web_url
from limpet.twilio.resources import Json
from limpet.twilio.sid import new_sid


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """What an account says; None leaves a setting as it is, an empty URL takes it away."""

    callback_url: str | None
    fallback_url: str | None
    continue_on_failure: bool | None
    disable_https: bool | None


def parse_link_settings(form: Form) -> LinkSettings:
    """Read `POST …/Domains/{DN}/Config`; 30109 and 30122 for URLs that are none."""
    return LinkSettings(
        _url(form, "CallbackUrl", 30109),
        _url(form, "FallbackUrl", 30122),
        boolean(form, "ContinueOnFailure"),
        boolean(form, "DisableHttps"),
    )


def domain_sid(sid_key: bytes) -> str:
    """The SID (`DN…`) of an installation's one domain: the same whatever the domain is called."""
    return new_sid("DN", int.from_bytes(blake2b(b"short links", digest_size=16, key=sid_key).digest(), "big"))


def domain_resource(sid: str, account_sid: str, domain: str, root: str) -> Json:
    """The domain, ours: at Twilio only its console lists domains."""
    url = f"{root}/LinkShortening/Domains/{sid}"
    return {
        "account_sid": account_sid,
        "domain_name": domain,
        "domain_sid": sid,
        "links": {"config": f"{url}/Config"},
        "url": url,
    }


def config_resource(
    domain: str,
    config_sid: str,
    settings: LinkSettings,
    dates: tuple[datetime, datetime] | None,
    url: str,
    service_sid: str | None = None,
) -> Json:
    """A domain's config (9 fields); with a service as it is asked for by that (9 fields, another one)."""
    shown: Json = {
        "callback_url": settings.callback_url,
        "config_sid": config_sid,
        "continue_on_failure": bool(settings.continue_on_failure),
        "date_created": dates and iso8601(dates[0]),
        "date_updated": dates and iso8601(dates[1]),
        "domain_sid": domain,
        "fallback_url": settings.fallback_url,
        "url": url,
    }
    if service_sid is None:
        return {**shown, "disable_https": bool(settings.disable_https)}
    return {**shown, "messaging_service_sid": service_sid}


def association_resource(domain: str, service_sid: str, url: str) -> Json:
    """That a service shortens to a domain (3 fields)."""
    return {"domain_sid": domain, "messaging_service_sid": service_sid, "url": url}


def validation_resource(domain: str, url: str) -> Mapping[str, object]:
    """Whether a domain leads here (4 fields): the operator has said so."""
    return {"domain_sid": domain, "is_valid": True, "reason": "", "url": url}


def _url(form: Form, name: str, code: int) -> str | None:
    value = filled(form, name)
    if value is not None and not is_web_url(value):
        raise ApiError(code, value=value)
    return "" if value is None and given(form, name) == "" else value
