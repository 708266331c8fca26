"""Short links over HTTP: made in the texts of messages, followed by anybody, and set up by each account.

Source: twilio.com/docs/messaging/features/link-shortening. The domain is the operator's (`[links] domain`), by default the
server's own address.
"""

from __future__ import annotations

import os
from dataclasses import replace

from starlette.types import Scope

from limpet.core.errors import ApiError
from limpet.core.links import is_click, shortened
from limpet.core.media import link_code
from limpet.core.page import Page
from limpet.flow.clicks import Opened
from limpet.store.links import LinkConfig
from limpet.twilio.link_form import (
    LinkSettings,
    association_resource,
    config_resource,
    domain_resource,
    domain_sid,
    parse_link_settings,
    validation_resource,
)
from limpet.twilio.lists import parse_page
from limpet.twilio.message_form import MessageRequest
from limpet.twilio.pages import page_v1
from limpet.twilio.sid import new_sid
from limpet.web.answer import Answer, created, ok
from limpet.web.deps import Deps
from limpet.web.door import V1, Call
from limpet.web.origin import origin_of
from limpet.web.services import service_of

CODE_BYTES = 16
NOT_KEPT = (b"cache-control", b"private, no-store")
"""Each click is to come here."""


async def shorten(call: Call, asked: MessageRequest) -> tuple[MessageRequest, dict[str, str]]:
    """A message as asked for with short links in its text, and the URL that each of their codes stands for."""
    config = await call.deps.link_configs.fetch(call.account.id)
    domain = _domain(call)
    prefix = domain.partition("://")[2] if config is not None and config.disable_https else domain
    made = shortened(asked.body, f"{prefix}/", domain, _new_code)
    return replace(asked, body=made.text), made.urls


async def follow(deps: Deps, scope: Scope, code: str) -> Answer:
    """GET and HEAD /{code}, without credentials: to where the link leads, else to the fallback, else 20404."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    agent = headers.get(b"user-agent", b"").decode("latin-1")
    purpose = b" ".join(headers.get(name, b"") for name in (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
    domain = deps.link_domain or origin_of(scope, headers, deps.public_url, deps.trusted_proxies)
    counts = is_click(str(scope["method"]), agent, purpose.decode("latin-1"))
    url = await deps.clicks.follow(Opened(code, f"{domain}/{code}", agent, counts)) or deps.link_fallback
    if url is None:
        raise ApiError(20404, resource=f"/{code}")
    return Answer(302, headers=((b"location", url.encode()), NOT_KEPT))


async def domains(call: Call) -> Answer:
    """GET /v1/LinkShortening/Domains, ours: the one domain there is."""
    one = domain_resource(_sid(call), call.account.sid, _domain(call), _root(call))
    page = Page((one,), None, None)
    return ok(page_v1("domains", [one], page, parse_page(call.query), call.url, call.query))


async def fetch_config(call: Call) -> Answer:
    """GET …/Domains/{DN}/Config: what the account has said, or what counts where it has not."""
    _check_domain(call)
    return ok(_config(call, await call.deps.link_configs.fetch(call.account.id), call.url))


async def change_config(call: Call) -> Answer:
    """POST …/Domains/{DN}/Config: 201 the first time, 200 afterwards."""
    _check_domain(call)
    asked = parse_link_settings(call.form)
    before = await call.deps.link_configs.fetch(call.account.id)
    now = before or LinkConfig(new_sid("ZK", _chance()), None, None, True, False, call.now, call.now)
    wanted = replace(
        now,
        callback_url=_changed(asked.callback_url, now.callback_url),
        fallback_url=_changed(asked.fallback_url, now.fallback_url),
        continue_on_failure=_switched(asked.continue_on_failure, now.continue_on_failure),
        disable_https=_switched(asked.disable_https, now.disable_https),
    )
    shown = _config(call, await call.deps.link_configs.write(call.account.id, wanted, call.now), call.url)
    return ok(shown) if before else created(shown)


async def fetch_config_of_service(call: Call) -> Answer:
    """GET …/MessagingService/{MG}/DomainConfig."""
    service = await service_of(call)
    return ok(_config(call, await call.deps.link_configs.fetch(call.account.id), call.url, service.sid))


async def associate(call: Call) -> Answer:
    """POST …/Domains/{DN}/MessagingServices/{MG}: every service has the one domain, so that nothing has to be done."""
    _check_domain(call)
    return created(association_resource(_sid(call), (await service_of(call)).sid, call.url))


async def domain_of_service(call: Call) -> Answer:
    """GET …/MessagingServices/{MG}/Domain."""
    return ok(association_resource(_sid(call), (await service_of(call)).sid, call.url))


async def validate(call: Call) -> Answer:
    """GET …/Domains/{DN}/ValidateDns: where the domain leads is the operator's word."""
    _check_domain(call)
    return ok(dict(validation_resource(_sid(call), call.url)))


def _config(call: Call, config: LinkConfig | None, url: str, service_sid: str | None = None) -> dict[str, object]:
    if config is None:
        unsaid = LinkSettings(None, None, continue_on_failure=True, disable_https=False)
        return config_resource(_sid(call), "ZK" + _sid(call)[2:], unsaid, None, url, service_sid)
    said = LinkSettings(config.callback_url, config.fallback_url, config.continue_on_failure, config.disable_https)
    return config_resource(_sid(call), config.sid, said, (config.created_at, config.updated_at), url, service_sid)


def _check_domain(call: Call) -> None:
    if call.parts["domain_sid"] != _sid(call):
        raise ApiError(30100, status=404, value=call.parts["domain_sid"])


def _sid(call: Call) -> str:
    return domain_sid(call.deps.installation.sid_key)


def _domain(call: Call) -> str:
    return call.deps.link_domain or call.origin


def _root(call: Call) -> str:
    return call.url.partition(f"{V1}/LinkShortening")[0] + V1


def _changed(asked: str | None, before: str | None) -> str | None:
    return before if asked is None else asked or None


def _switched(asked: bool | None, before: bool) -> bool:
    return before if asked is None else asked


def _new_code() -> str:
    return link_code(_chance())


def _chance() -> int:
    return int.from_bytes(os.urandom(CODE_BYTES), "big")
