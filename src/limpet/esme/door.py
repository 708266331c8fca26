"""Customers' connections over SMPP: who is let in, what they ask, and what is delivered to them.

It keeps the limits of connections; what a request means is for `limpet.esme.requests`, what is owed for `limpet.esme.outbox`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog

from limpet.carrier.smpp_link import Link
from limpet.config_smpp_server import SmppServerConfig
from limpet.core.model import AccountStatus
from limpet.esme.admission import Admission, may_be_bound
from limpet.esme.desk import Desk
from limpet.esme.outbox import Outbox
from limpet.esme.requests import Caller, Requests
from limpet.flow.worker import supervise
from limpet.smpp.commands import Bind, Pdu
from limpet.smpp.events import Answered, BindAsked, Bound, Event, Requested, Unreadable
from limpet.smpp.session import Role, SessionConfig
from limpet.smpp.status import Status
from limpet.store.database import DATABASE_AWAY
from limpet.store.smpp_credentials import Esme, SmppCredentials

SYSTEM_ID = "limpet"
UNBOUND_MAX = 200
"""So many connections may be there of which it is not known whose they are; one more takes the place of the oldest."""
UNBOUND_PER_PEER_MAX = 20
UNWRITTEN_OCTETS_MAX = 256 * 1024
"""A customer that lets so much pile up does not read, and is cut off."""
SEND_BUFFER_OCTETS = 64 * 1024
"""What the system keeps for a customer beyond that."""
REFRESH_S = 15.0
"""So late does a bind notice that its credential was taken away or its account suspended."""
BACKLOG = 100
"""Connections that the system keeps for us until we take them."""
_log = structlog.get_logger()


class EsmeDoor:
    """Listens, and owns every connection (`limpet.carrier.smpp_link.Owner`)."""

    def __init__(
        self, config: SmppServerConfig, credentials: SmppCredentials, admission: Admission, requests: Requests, outbox: Outbox
    ) -> None:  # fmt: skip
        self._config = config
        self._credentials = credentials
        self._admission = admission
        self._requests = requests
        self._outbox = outbox
        self._desks: dict[Link, Desk] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._refreshing: asyncio.Task[None] | None = None

    @property
    def bound(self) -> int:
        """How many connections are bound."""
        return sum(desk.esme is not None for desk in self._desks.values())

    @property
    def connected(self) -> int:
        """How many connections there are."""
        return len(self._desks)

    async def start(self, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Take connections from a socket that is bound to its port."""
        config = self._config
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_OCTETS)  # what it accepts has the same
        session = SessionConfig(
            SYSTEM_ID, config.deliver_window_size_max, config.window_size_max, config.response_timeout_s,
            config.enquire_link_s, authenticate=None, overload_status=Status.RTHROTTLED,
        )  # fmt: skip
        handshake_s = config.response_timeout_s if tls is not None else None
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Link(Role.SMSC, session, self, UNWRITTEN_OCTETS_MAX), sock=listening, ssl=tls,
            ssl_handshake_timeout=handshake_s, backlog=BACKLOG,
        )  # fmt: skip
        self._refreshing = asyncio.create_task(supervise(self._refresh))

    async def stop(self, grace_s: float) -> None:
        """Take nobody new, answer what was asked, say good-bye; cut what is left after `grace_s`."""
        if self._server is None:
            return
        self._server.close()
        if self._refreshing is not None:
            self._refreshing.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for link in list(self._desks):
            link.session.unbind(asyncio.get_running_loop().time())
            link.flush()
        waiting = [asyncio.create_task(link.lost.wait()) for link in self._desks]
        if waiting:
            await asyncio.wait(waiting, timeout=grace_s)
        for link in list(self._desks):
            link.cut("stopping")
        await asyncio.gather(*waiting)
        await self._server.wait_closed()

    # ── what links tell ──

    def on_connected(self, link: Link) -> None:
        """Make room: strangers who wait to be bound are few, and few of one address."""
        peer = link.peer
        strangers = [desk for desk in self._desks.values() if desk.esme is None]
        from_there = [desk for desk in strangers if desk.peer == peer]
        if len(from_there) >= UNBOUND_PER_PEER_MAX:
            from_there[0].link.cut("too many connections of one address wait to be bound")
        elif len(strangers) >= UNBOUND_MAX:
            strangers[0].link.cut("too many connections wait to be bound")
        self._desks[link] = Desk(link, peer)

    def on_events(self, link: Link, events: Sequence[Event]) -> None:
        """Answer requests, each in a task of its own; their number is bounded by the session's window."""
        desk = self._desks[link]
        for event in events:
            match event:
                case Requested(pdu):
                    self._spawn(self._serve(desk, pdu))
                case Answered(pdu):
                    self._outbox.answered(desk, pdu.sequence, pdu.status)
                case Unreadable(sequence):
                    self._outbox.answered(desk, sequence, Status.RSYSERR)
                case BindAsked(pdu):
                    self._spawn(self._admit(desk, pdu))
                case Bound(command, _):
                    desk.command = command
                    self._outbox.joined(desk)
                case _:
                    continue

    def before_write(self, link: Link) -> None:
        """Deliver what waits for this customer."""
        if (desk := self._desks.get(link)) is not None:
            self._outbox.fill(desk)

    def on_lost(self, link: Link, why: str) -> None:
        """What was not acknowledged goes another way."""
        desk = self._desks.pop(link)
        if desk.esme is not None:
            self._outbox.left(desk)
            _log.info("a customer's bind is over", esme=desk.name, why=why)

    # ── binds and requests ──

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _admit(self, desk: Desk, pdu: Pdu) -> None:
        bind = pdu.body
        assert isinstance(bind, Bind)
        esme = await self._admission.admit(bind.system_id, bind.password, desk.peer)
        service_sid = await self._service(esme, bind.system_type) if esme else None
        good = esme is not None and not desk.link.over and self._has_room(esme)
        if good:
            desk.esme, desk.service_sid = esme, service_sid
        else:
            _log.warning("a bind was refused", peer=desk.peer, known=esme is not None)
        desk.link.answer_bind(pdu, good=good)

    async def _service(self, esme: Esme, system_type: str) -> str | None:
        """The service that a bind's system_type names; a word that names none, as many clients send, counts for nothing."""
        try:
            named = system_type and await self._credentials.service_named(esme.account.id, system_type)
        except DATABASE_AWAY:
            named = None
        return named or esme.service_sid

    def _has_room(self, esme: Esme) -> bool:
        bound = [desk.name for desk in self._desks.values() if desk.esme is not None]
        return len(bound) < self._config.sessions_max and bound.count(esme.name) < self._config.customer_sessions_max

    async def _serve(self, desk: Desk, pdu: Pdu) -> None:
        assert desk.esme is not None, "only who is bound can ask"
        reply = await self._requests.answer(Caller(desk.esme, desk.service_sid), pdu)
        desk.link.session.respond(pdu, reply.status, reply.message_id, reply.body)
        desk.link.flush_soon()

    # ── what changes meanwhile ──

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Look at the credentials of everybody who is bound, once: who has lost theirs is asked to leave."""
        names = {desk.name for desk in self._desks.values() if desk.esme is not None}
        if not names:
            return
        try:
            known = await self._credentials.esmes(names)
        except DATABASE_AWAY:
            return
        for desk in list(self._desks.values()):
            if desk.esme is None or desk.name not in names:
                continue
            esme = known.get(desk.name)
            if esme is None or esme.standing is AccountStatus.CLOSED or not may_be_bound(esme, desk.peer):
                desk.link.session.unbind(asyncio.get_running_loop().time())
                desk.link.flush()
            else:
                desk.esme = esme
