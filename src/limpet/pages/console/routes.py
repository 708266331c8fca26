"""Every path of the console, with the deed that asking for it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from limpet.core.console import Act
from limpet.pages.ask import Group, Handler
from limpet.pages.console import (
    accounts,
    carriers,
    door,
    log,
    mappings,
    messages,
    overview,
    people,
    pool,
    rebalance,
    registrations,
    services,
    transfer,
)
from limpet.pages.console.desk import Desk, Entrance, Way
from limpet.pages.console.guard import admitted, open_to_all
from limpet.pages.console.visit import ROOT
from limpet.pages.guard import is_loopback

_ACCOUNT = "/accounts/{account}"
_SERVICE = f"{_ACCOUNT}/services/{{service}}"
_NUMBER = f"{_SERVICE}/numbers/{{sender}}"
_LOOK = Act.LOOK
DOOR: Final[Mapping[str, Mapping[str, Entrance]]] = {"/sign-in": {"GET": door.show, "POST": door.enter}}
"""For who has not signed in."""
WAYS: Final[Mapping[str, Mapping[str, Way]]] = {
    "": {"GET": Way(_LOOK, overview.show)},
    "/series.json": {"GET": Way(_LOOK, overview.series)},
    "/sign-out": {"POST": Way(Act.SIGN_OUT, door.leave)},
    "/accounts": {"GET": Way(_LOOK, accounts.show_all)},
    _ACCOUNT: {"GET": Way(_LOOK, accounts.show), "POST": Way(Act.CHANGE_ACCOUNT, accounts.change)},
    f"{_ACCOUNT}/find": {"GET": Way(_LOOK, messages.find)},
    f"{_ACCOUNT}/messages": {"GET": Way(_LOOK, messages.show_all)},
    f"{_ACCOUNT}/messages/{{message}}": {"GET": Way(_LOOK, messages.show)},
    f"{_ACCOUNT}/messages/{{message}}/settle": {"POST": Way(Act.SETTLE_DOUBT, messages.settle)},
    f"{_ACCOUNT}/in-doubt": {"GET": Way(_LOOK, messages.in_doubt)},
    f"{_ACCOUNT}/callbacks": {"GET": Way(_LOOK, messages.callbacks)},
    f"{_ACCOUNT}/callbacks/{{delivery}}/replay": {"POST": Way(Act.REPLAY_CALLBACK, messages.replay)},
    _SERVICE: {"GET": Way(_LOOK, pool.show)},
    f"{_SERVICE}/spread.json": {"GET": Way(_LOOK, pool.spread_json)},
    f"{_SERVICE}/settings": {"GET": Way(_LOOK, services.show), "POST": Way(Act.CHANGE_SERVICE, services.change)},
    f"{_SERVICE}/pause": {"POST": Way(Act.PAUSE_SERVICE, services.pause)},
    f"{_SERVICE}/numbers": {"POST": Way(Act.ADD_NUMBER, pool.add)},
    _NUMBER: {"GET": Way(_LOOK, pool.number), "POST": Way(Act.CHANGE_NUMBER, pool.change)},
    f"{_NUMBER}/remove": {"POST": Way(Act.REMOVE_NUMBER, pool.remove)},
    f"{_SERVICE}/mappings": {"GET": Way(_LOOK, mappings.show), "POST": Way(Act.SET_MAPPING, mappings.put)},
    f"{_SERVICE}/mappings/reset": {"POST": Way(Act.RESET_MAPPING, mappings.reset)},
    f"{_SERVICE}/mappings/reset-number": {"POST": Way(Act.RESET_MAPPINGS, mappings.reset_number)},
    f"{_SERVICE}/explain": {"GET": Way(Act.EXPLAIN, mappings.explain)},
    f"{_SERVICE}/events": {"GET": Way(_LOOK, mappings.events)},
    f"{_SERVICE}/opt-outs": {"GET": Way(_LOOK, people.show), "POST": Way(Act.ADD_OPT_OUT, people.add)},
    f"{_SERVICE}/opt-outs/remove": {"POST": Way(Act.REMOVE_OPT_OUT, people.remove)},
    f"{_SERVICE}/transfer": {"GET": Way(_LOOK, transfer.show), "POST": Way(Act.IMPORT, transfer.bring)},
    f"{_SERVICE}/transfer/export": {"POST": Way(Act.EXPORT, transfer.export)},
    f"{_SERVICE}/transfer/{{sid}}": {"GET": Way(_LOOK, transfer.one)},
    f"{_SERVICE}/transfer/{{sid}}/undo": {"POST": Way(Act.UNDO_IMPORT, transfer.undo)},
    f"{_SERVICE}/rebalances": {
        "GET": Way(_LOOK, rebalance.show_all),
        "POST": Way(Act.PLAN_REBALANCE, rebalance.plan),
    },
    f"{_SERVICE}/rebalances/{{rebalance}}": {
        "GET": Way(_LOOK, rebalance.show),
        "POST": Way(Act.REBALANCE, rebalance.change),
    },
    "/carriers": {"GET": Way(_LOOK, carriers.show_all)},
    "/carriers/{carrier}": {"POST": Way(Act.SWITCH_CARRIER, carriers.change)},
    "/receipts": {"GET": Way(_LOOK, carriers.receipts)},
    "/callbacks": {"GET": Way(_LOOK, messages.owed_of_all)},
    "/registrations": {
        "GET": Way(_LOOK, registrations.show),
        "POST": Way(Act.ANSWER_REGISTRATION, registrations.answer),
    },
    "/audit": {"GET": Way(Act.LOOK_AT_AUDIT, log.show)},
    "/operators": {"GET": Way(Act.LOOK_AT_OPERATORS, log.operators)},
    "/operators/{name}/end": {"POST": Way(Act.END_SESSIONS, log.end_sessions)},
}
STREAMED: Final = frozenset({f"{_SERVICE}/transfer"})


def group(desk: Desk) -> Group:
    """The pages of the console. On a development server only its own machine may ask; elsewhere who has signed in."""
    routes: dict[str, Mapping[str, Handler]] = {
        path: {method: open_to_all(desk, page) for method, page in pages.items()} for path, pages in DOOR.items()
    }
    for path, ways in WAYS.items():
        routes[path] = {method: admitted(desk, way) for method, way in ways.items()}
    local = desk.developer is not None
    seen = desk.deps.public_url and urlsplit(desk.deps.public_url).netloc
    return Group(ROOT, routes, is_loopback if local else (lambda _: True), local, STREAMED, seen)
