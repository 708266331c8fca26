"""The API as one ASGI application: which path leads to which handlers.

Creating a message, the hot route, is found by the shape of its path before the router is asked; all else goes through
Starlette's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from limpet.core.errors import ApiError
from limpet.core.links import code_in
from limpet.core.usage import Period
from limpet.twilio.deactivations import LISTS_PATH
from limpet.twilio.inventory_form import PATHS
from limpet.web import (
    accounts,
    compliance,
    content,
    deactivations,
    deliveries,
    event_streams,
    health,
    inventory,
    limits,
    links,
    media,
    messages,
    notices,
    numbers,
    opt_outs,
    people,
    permissions,
    pools,
    privacy,
    rebalances,
    registration,
    rehearsal,
    selection,
    services,
    short_codes,
    smpp_credentials,
    stickiness,
    sticky_spaces,
    sticky_transfer,
    submissions,
    tollfree,
    usage,
)
from limpet.web.answer import Answer, ok
from limpet.web.auth import Authenticator
from limpet.web.deps import Deps
from limpet.web.door import Door, Endpoint, Handler

_ACCOUNTS = "/2010-04-01/Accounts"
_MESSAGES_HEAD, _MESSAGES_TAIL = f"{_ACCOUNTS}/", "/Messages.json"
_SID_LENGTH = 34
_MESSAGES_LENGTH = len(_MESSAGES_HEAD) + _SID_LENGTH + len(_MESSAGES_TAIL)

_KEY = {"GET": accounts.fetch_key, "POST": accounts.rename_key, "DELETE": accounts.delete_key}
_2010: Mapping[str, Mapping[str, Handler]] = {
    "": {"GET": accounts.page, "POST": accounts.create},
    "/{sid}": {"GET": accounts.fetch, "POST": accounts.update},
    "/{account_sid}/Messages": {"GET": messages.page, "POST": messages.create},
    "/{account_sid}/Messages/{sid}": {"GET": messages.fetch, "POST": messages.update, "DELETE": messages.delete},
    "/{account_sid}/Messages/{sid}/Media": {"GET": media.page},
    "/{account_sid}/Messages/{sid}/Media/{media_sid}": {"GET": media.fetch, "DELETE": media.delete},
    "/{account_sid}/Messages/{sid}/Feedback": {"POST": messages.give_feedback},
    "/{account_sid}/Messages/{sid}/Decision": {"GET": messages.decision},
    "/{account_sid}/IncomingPhoneNumbers": {"GET": numbers.page, "POST": numbers.create},
    "/{account_sid}/Balance": {"GET": usage.balance},
    **{
        f"/{{account_sid}}/Usage/Records{'/' if period else ''}{period}": {"GET": usage.records_of(period)}
        for period in Period
    },
    "/{account_sid}/AvailablePhoneNumbers": {"GET": inventory.countries},
    "/{account_sid}/AvailablePhoneNumbers/{country_code}": {"GET": inventory.country},
    **{
        f"/{{account_sid}}/AvailablePhoneNumbers/{{country_code}}/{name}": {"GET": inventory.numbers_of(kind)}
        for kind, name in PATHS.items()
    },
    **{
        f"/{{account_sid}}/IncomingPhoneNumbers/{name}": {"GET": numbers.page_of(kind), "POST": numbers.create_of(kind)}
        for kind, name in PATHS.items()
    },
    "/{account_sid}/IncomingPhoneNumbers/{sid}": {
        "GET": numbers.fetch,
        "POST": numbers.update,
        "DELETE": numbers.delete,
    },
    "/{account_sid}/Limits": {"GET": limits.of_account},
    "/{account_sid}/GeoPermissions": {"GET": permissions.geo, "POST": permissions.change_geo},
    "/{account_sid}/TestCredentials": {"GET": permissions.test_credentials},
    "/{account_sid}/Keys": {"GET": accounts.page_keys, "POST": accounts.create_key},
    "/{account_sid}/Keys/{sid}": _KEY,
    "/{account_sid}/SigningKeys": {"GET": accounts.page_signing_keys, "POST": accounts.create_key},
    "/{account_sid}/SigningKeys/{sid}": _KEY,
    "/{account_sid}/SmppCredentials": {"GET": smpp_credentials.page, "POST": smpp_credentials.create},
    "/{account_sid}/SmppCredentials/{sid}": {"GET": smpp_credentials.fetch, "DELETE": smpp_credentials.delete},
    "/{account_sid}/SMS/ShortCodes": short_codes.list_handlers(short_codes.SHORT_CODES),
    "/{account_sid}/SMS/ShortCodes/{sid}": short_codes.one_handlers(short_codes.SHORT_CODES),
    "/{account_sid}/ChannelSenders": short_codes.list_handlers(short_codes.CHANNEL_SENDERS),
    "/{account_sid}/ChannelSenders/{sid}": short_codes.one_handlers(short_codes.CHANNEL_SENDERS),
}
"""Under `_ACCOUNTS`, each with `.json` and without."""
_V1: Mapping[str, Mapping[str, Handler]] = {
    "/Services": {"GET": services.page, "POST": services.create},
    "/Services/Usecases": {"GET": services.usecases},
    "/Services/{service_sid}": {"GET": services.fetch, "POST": services.update, "DELETE": services.delete},
    "/Services/{service_sid}/PhoneNumbers": pools.list_handlers(pools.NUMBERS),
    "/Services/{service_sid}/Limits": {"GET": limits.of_service},
    "/Services/{service_sid}/PhoneNumbers/{sender_sid}": {
        **pools.member_handlers(pools.NUMBERS),
        "POST": limits.change_member,
    },
    "/Services/{service_sid}/PhoneNumbers/{sender_sid}/Limits": {"GET": limits.of_member},
    "/Services/{service_sid}/PhoneNumbers/{sender_sid}/Removal": {"GET": limits.removal},
    "/Services/{service_sid}/PhoneNumbers/{sender_sid}/Health": {"GET": health.of_number},
    "/Services/{service_sid}/HealthPolicy": {"GET": health.policy, "POST": health.change_policy},
    "/Services/{service_sid}/PhoneNumbers/{sender_sid}/Registration": {
        "GET": registration.fetch,
        "POST": registration.retry,
    },
    "/Services/{service_sid}/PhoneNumbers/{sender_sid}/Swap": {
        "GET": registration.fetch_swap,
        "POST": registration.swap,
        "DELETE": registration.cancel_swap,
    },
    "/Services/{service_sid}/Compliance/Usa2p": {
        "GET": compliance.page_campaigns,
        "POST": compliance.create_campaign,
    },
    "/Services/{service_sid}/Compliance/Usa2p/Usecases": {"GET": compliance.use_cases},
    "/Services/{service_sid}/Compliance/Usa2p/{sid}": {
        "GET": compliance.fetch_campaign,
        "POST": compliance.update_campaign,
        "DELETE": compliance.delete_campaign,
    },
    "/a2p/BrandRegistrations": {"GET": compliance.page_brands, "POST": compliance.create_brand},
    "/a2p/BrandRegistrations/{sid}": {"GET": compliance.fetch_brand, "POST": compliance.update_brand},
    "/Tollfree/Verifications": {"GET": tollfree.page, "POST": tollfree.create},
    "/Tollfree/Verifications/{sid}": {"GET": tollfree.fetch, "POST": tollfree.update, "DELETE": tollfree.delete},
    "/Services/{service_sid}/ShortCodes": pools.list_handlers(pools.SHORT_CODES),
    "/Services/{service_sid}/ShortCodes/{sender_sid}": pools.member_handlers(pools.SHORT_CODES),
    "/Services/{service_sid}/AlphaSenders": pools.list_handlers(pools.NAMES),
    "/Services/{service_sid}/AlphaSenders/{sender_sid}": pools.member_handlers(pools.NAMES),
    "/Services/{service_sid}/DestinationAlphaSenders": pools.list_handlers(pools.DESTINATION_NAMES),
    "/Services/{service_sid}/DestinationAlphaSenders/{sender_sid}": pools.member_handlers(pools.DESTINATION_NAMES),
    "/Services/{service_sid}/ChannelSenders": pools.list_handlers(pools.CHANNEL_SENDERS),
    "/Services/{service_sid}/ChannelSenders/{sender_sid}": pools.member_handlers(pools.CHANNEL_SENDERS),
    "/Services/{service_sid}/OptOuts": {"GET": opt_outs.page, "POST": opt_outs.create},
    "/Services/{service_sid}/OptOuts/Import": {"POST": opt_outs.bring},
    "/Services/{service_sid}/OptOuts/{to}": {"GET": opt_outs.fetch, "DELETE": opt_outs.delete},
    "/Services/{service_sid}/OptOutSettings": {
        "GET": opt_outs.settings,
        "POST": opt_outs.change_settings,
        "DELETE": opt_outs.remove_set,
    },
    "/LinkShortening/Domains": {"GET": links.domains},
    "/LinkShortening/Domains/{domain_sid}/Config": {"GET": links.fetch_config, "POST": links.change_config},
    "/LinkShortening/Domains/{domain_sid}/MessagingServices/{service_sid}": {"POST": links.associate},
    "/LinkShortening/Domains/{domain_sid}/ValidateDns": {"GET": links.validate},
    "/LinkShortening/MessagingService/{service_sid}/DomainConfig": {"GET": links.fetch_config_of_service},
    "/LinkShortening/MessagingServices/{service_sid}/Domain": {"GET": links.domain_of_service},
    "/Deactivations": {"GET": deactivations.fetch},
    "/Webhooks/Deliveries": {"GET": deliveries.page},
    "/Webhooks/Deliveries/{sid}": {"GET": deliveries.fetch},
    "/Webhooks/Deliveries/{sid}/Replay": {"POST": deliveries.replay},
    "/Messages/InDoubt": {"GET": submissions.page},
    "/Messages/{sid}/Submission": {"GET": submissions.fetch, "POST": submissions.release},
    "/People": {"GET": privacy.export, "DELETE": privacy.erase},
    "/People/Requests": {"GET": privacy.requests},
    "/Simulator/Texts": {"POST": people.write},
    "/Simulator/Behaviour": {"GET": people.show, "POST": people.change, "DELETE": people.reset},
    "/Services/{service_sid}/SenderSelection": {"POST": selection.foretell},
    "/Services/{service_sid}/StickyMappings": {
        "GET": stickiness.page,
        "POST": stickiness.create,
        "DELETE": stickiness.reset,
    },
    "/Services/{service_sid}/StickyEvents": {"GET": stickiness.events},
    "/StickySpaces": {"GET": sticky_spaces.page, "POST": sticky_spaces.create},
    "/StickySpaces/{sid}": {
        "GET": sticky_spaces.fetch,
        "POST": sticky_spaces.update,
        "DELETE": sticky_spaces.delete,
    },
    "/Services/{service_sid}/Rebalances": {"GET": rebalances.page, "POST": rebalances.create},
    "/Services/{service_sid}/Rebalances/{sid}": {"GET": rebalances.fetch, "POST": rebalances.update},
}
_STREAMED: Mapping[str, Mapping[str, Handler]] = {
    "/Services/{service_sid}/StickyMappings/Import": {"GET": sticky_transfer.page, "POST": sticky_transfer.bring},
}
"""Their bodies are files, read as they come; before others, since their paths would be taken for a mapping's."""
_TRANSFER: Mapping[str, Mapping[str, Handler]] = {
    "/Services/{service_sid}/StickyMappings/Import/{sid}": {
        "GET": sticky_transfer.fetch,
        "DELETE": sticky_transfer.undo,
    },
    "/Services/{service_sid}/StickyMappings/Import/{sid}/Problems": {"GET": sticky_transfer.problems},
    "/Services/{service_sid}/StickyMappings/Export": {"GET": sticky_transfer.export},
    "/Services/{service_sid}/StickyMappings/{sid}": {
        "GET": stickiness.fetch,
        "POST": stickiness.update,
        "DELETE": stickiness.delete,
    },
}
_CONTENT: Mapping[str, Mapping[str, Handler]] = {
    "/Content": {"GET": content.page, "POST": content.create},
    "/Content/{sid}": {"GET": content.fetch, "DELETE": content.delete},
}
"""Under `_CONTENT_ROOTS`; their bodies are JSON."""
_CONTENT_ROOTS = ("/v1", "/content/v1")
_EVENTS: Mapping[str, Mapping[str, Handler]] = {
    "/Sinks": {"GET": event_streams.page_sinks, "POST": event_streams.create_sink},
    "/Sinks/{sid}": {
        "GET": event_streams.fetch_sink,
        "POST": event_streams.update_sink,
        "DELETE": event_streams.delete_sink,
    },
    "/Sinks/{sid}/Test": {"POST": event_streams.test_sink},
    "/Sinks/{sid}/Validate": {"POST": event_streams.validate_sink},
    "/Subscriptions": {"GET": event_streams.page_subscriptions, "POST": event_streams.create_subscription},
    "/Subscriptions/{sid}": {
        "GET": event_streams.fetch_subscription,
        "POST": event_streams.update_subscription,
        "DELETE": event_streams.delete_subscription,
    },
    "/Subscriptions/{sid}/SubscribedEvents": {"GET": event_streams.page_subscribed, "POST": event_streams.subscribe},
    "/Subscriptions/{sid}/SubscribedEvents/{type}": {
        "GET": event_streams.fetch_subscribed,
        "POST": event_streams.update_subscribed,
        "DELETE": event_streams.unsubscribe,
    },
    "/Types": {"GET": event_streams.page_types},
    "/Types/{type}": {"GET": event_streams.fetch_type},
    "/Schemas/{schema_id}": {"GET": event_streams.fetch_schema},
    "/Schemas/{schema_id}/Versions": {"GET": event_streams.page_versions},
    "/Schemas/{schema_id}/Versions/{version}": {"GET": event_streams.fetch_version},
}
"""Under `_EVENTS_ROOTS`."""
_EVENTS_ROOTS = ("/v1", "/events/v1")
_V1_ROOTS = ("/v1", "/messaging/v1")
"""The second is for clients that share one base URL between Twilio's products."""


def served() -> Iterator[tuple[str, str]]:
    """Every method and path that is served, once each, with the paths as Twilio's documents spell them."""
    for path, handlers in _2010.items():
        yield from ((method, f"{_ACCOUNTS}{path}.json") for method in handlers)
    for path, handlers in (*_STREAMED.items(), *_TRANSFER.items(), *_V1.items(), *_EVENTS.items()):
        yield from ((method, f"{_V1_ROOTS[0]}{path}") for method in handlers)


class App:
    """The ASGI application. `auth` is there for whoever takes credentials back by another way than the API."""

    def __init__(self, deps: Deps) -> None:
        self._door = Door(
            deps, {messages.create: rehearsal.create_message, numbers.create: rehearsal.create_number}
        )  # fmt: skip
        self.auth: Authenticator = self._door.auth
        self._new_message = Endpoint(self._door, _2010["/{account_sid}/Messages"])
        self._router = Router(list(_routes(self._door)), redirect_slashes=False, default=self._elsewhere)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: HTTP, and the lifespan messages of servers that send them."""
        path = scope.get("path", "")
        if (
            len(path) == _MESSAGES_LENGTH
            and path.endswith(_MESSAGES_TAIL)
            and path.startswith(_MESSAGES_HEAD)
            and scope["type"] == "http"
        ):
            account_sid = path[len(_MESSAGES_HEAD) : -len(_MESSAGES_TAIL)]
            await self._new_message.answer(scope, receive, send, {"account_sid": account_sid})
        else:
            await self._router(scope, receive, send)

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What no route matches; the way to see that the server answers is here too, since it needs no credential."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] == "http":
            await self._door.serve(scope, send, self._without_credential(scope, receive))

    async def _without_credential(self, scope: Scope, receive: Receive) -> Answer:
        if scope["path"].startswith(notices.NOTICES_HEAD):
            return await notices.take(self._door.deps, scope, receive)
        if scope["path"] == "/health":
            return ok({"status": "ok"})
        if scope["path"].startswith(media.LINKS_PATH) and scope["method"] in ("GET", "HEAD"):
            return await media.follow(self._door.deps, scope["path"])
        if scope["method"] in ("GET", "HEAD") and (code := code_in(scope["path"])) is not None:
            return await links.follow(self._door.deps, scope, code)
        if scope["path"].startswith(LISTS_PATH) and scope["method"] == "GET":
            return await deactivations.follow(self._door.deps, scope)
        raise ApiError(20404, resource=scope["path"])


def _routes(door: Door) -> Iterator[Route]:
    for path, handlers in _2010.items():
        endpoint = Endpoint(door, handlers)
        yield Route(f"{_ACCOUNTS}{path}.json", endpoint)
        yield Route(f"{_ACCOUNTS}{path}", endpoint)
    for root in _V1_ROOTS:
        for path, handlers in _STREAMED.items():
            yield Route(root + path, Endpoint(door, handlers, streamed=True))
        for path, handlers in (*_TRANSFER.items(), *_V1.items()):
            yield Route(root + path, Endpoint(door, handlers))
    for root in _EVENTS_ROOTS:
        for path, handlers in _EVENTS.items():
            yield Route(root + path, Endpoint(door, handlers))
    for root in _CONTENT_ROOTS:
        for path, handlers in _CONTENT.items():
            yield Route(root + path, Endpoint(door, handlers, json=True))


def create_app(deps: Deps) -> App:
    """The API over the parts of a running Limpet."""
    return App(deps)
