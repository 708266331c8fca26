"""The composition root: starts every part in order, says when it can serve, and stops all of it in reverse.

Nothing is decided here. What a part needs it is given; what it gives back is closed in the reverse order, whatever happens.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from secrets import token_bytes, token_hex

import structlog

from limpet.carrier.port import Lane, Listener
from limpet.carrier.smpp import SmppLane
from limpet.carrier.smpp_settings import smpp_config
from limpet.carriers import HttpCarriers
from limpet.clock import Clock
from limpet.config import AnyCarrierConfig, CarrierConfig, Config, DevOptions, Ready
from limpet.config_http import HttpCarrierConfig
from limpet.core.destination import UrlPolicy
from limpet.core.ids import IdSource
from limpet.devtools.phones import with_phones
from limpet.devtools.seed import Seeded, seed
from limpet.devtools.simulated import Simulated, start_simulated
from limpet.esme.outbox import Outbox
from limpet.esme.whole import open_esme_door
from limpet.flow.callback import Callbacks
from limpet.flow.error_log import ErrorLog
from limpet.flow.number_events import NumberEvents
from limpet.flow.registrars import registering
from limpet.flow.reply import Replies
from limpet.flow.sinks import SinkWatch
from limpet.flow.sticky_import import StickyImports
from limpet.flow.tried import Tried
from limpet.flow.whole import Flow, assemble
from limpet.flow.worker import supervise
from limpet.pages.phones.answers import Answers
from limpet.server_console import with_console
from limpet.server_http import BACKLOG, LOOPBACK, place, proxy, web
from limpet.server_operations import operations
from limpet.server_settings import elsewhere, inventory, pace, registration
from limpet.store.accounts import Accounts
from limpet.store.callbacks import BY_SMPP, OwedCallback
from limpet.store.content import Contents
from limpet.store.database import Database, DatabaseUnusable, Installation, migrations
from limpet.store.deactivations import Deactivations
from limpet.store.deliveries import Deliveries
from limpet.store.embedded import DURABLE, THROWAWAY, EmbeddedPostgres
from limpet.store.event_streams import EventStreams
from limpet.store.links import LinkConfigs
from limpet.store.media import MediaStore
from limpet.store.operators import Operators
from limpet.store.registrations import RegistrationBook
from limpet.store.secrets import Vault, load_or_create_key
from limpet.store.senders import Senders
from limpet.store.services import Services
from limpet.store.smpp_credentials import SmppCredentials
from limpet.web.app import create_app
from limpet.web.deps import Deps, compliance
from limpet.web.media import new_media
from limpet.webhook import Webhooks

CLOCK_SKEW_WARN_S, CLOCK_SKEW_MAX_S = 1.0, 30.0
GARBAGE_THRESHOLDS = 20_000, 20, 20
"""What `gc.set_threshold` takes: a message makes many containers, and hardly any of them are in cycles."""
CALLBACKS_GRACE_S = 5.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Stores:
    """The control plane's tables."""

    accounts: Accounts
    services: Services
    senders: Senders
    smpp_credentials: SmppCredentials


async def serve(config: Config, clock: Clock, *, dev: DevOptions | None, on_ready: Callable[[Ready], None]) -> None:
    """Run a server until SIGTERM or SIGINT; with `dev` the embedded database, the simulated carrier and the seeds come along.

    DatabaseUnusable and OSError say in one sentence what is in the way. A second signal ends the process at once.
    """
    stop = asyncio.Event()
    _on_signals(stop)
    async with AsyncExitStack() as stack:
        listening = _listen(config.server.host, config.server.port)
        stack.callback(listening.close)
        binding = _listen_as_well(stack, config.smpp_server.host, config.smpp_server.port)
        tunnelling = _listen_as_well(stack, LOOPBACK, None if dev is None else dev.proxy_port)
        database = await _open_database(stack, config, clock, dev)
        installation = await database.installation(clock.now(), token_bytes(64))
        vault = Vault(_master_key(config))
        installation = replace(installation, pseudonym_key=vault.pseudonym_key)
        book = RegistrationBook()
        stores = _Stores(
            Accounts(database, vault), Services(database, book=book), Senders(database, book), SmppCredentials(database, vault)
        )  # fmt: skip
        base_url = _url(config, listening)
        carriers, seeded, simulated = await _development(stack, config, clock, dev, stores, base_url)
        over_http = _over_http(config, listening, carriers, clock)
        chance, ids = random.Random(token_bytes(16)), IdSource()  # noqa: S311 - spreads retries, guards nothing

        def new_id(now: datetime) -> int:
            return ids.next(now, chance.getrandbits(21))

        answers = Answers()
        outbox = Outbox(database, clock, chance.random, installation.sid_key)
        flow, callbacks = await stack.enter_async_context(
            _flow(
                config, clock, dev, carriers, over_http, database, installation, stores.accounts, base_url, outbox.nudge,
                chance, new_id, answers.note,
            )
        )  # fmt: skip
        book.owe = NumberEvents(flow.events, flow.post).owe
        await stack.enter_async_context(
            registering(
                registration(config, dev), clock, database, stores.services, book, flow.notices, config.carriers
            )
        )  # fmt: skip
        await _for_esmes(stack, config, binding, flow, outbox, database, installation, stores, clock, new_id)
        probes = await stack.enter_async_context(operations(config, flow, callbacks, database, clock, _listen))
        deps = Deps(
            stores.accounts, stores.services, stores.senders, flow.messages, flow.sticky, flow.opt_outs,
            Contents(database), MediaStore(database, installation.bucket_key), Deliveries(database),
            EventStreams(database), flow.events, Deactivations(database, installation.bucket_key), flow.directory,
            flow.accept, flow.clicks, LinkConfigs(database), flow.releases, installation, clock,
            tuple(carrier.name for carrier in carriers), config.server.public_url,
            tuple(config.server.trusted_proxies), config.server.max_concurrent,
            None if simulated is None else simulated.person_writes,
            inventory(config, dev), config.inventory.bring_your_own, config.links.domain, config.links.fallback_url,
            callbacks.nudge, over_http.desks, over_http.medium, elsewhere(config), config.dispatch.scheduled_max,
            stores.smpp_credentials, None if simulated is None else simulated.script, probes,
            compliance=compliance(database, book), people=flow.people,
            sticky_imports=StickyImports(database, installation, new_id, clock), rebalances=flow.rebalances,
        )  # fmt: skip
        api = create_app(deps)
        app, hang_up = await with_phones(stack, api, deps, dev, seeded, answers, base_url, ids.begin_anew)
        app = await with_console(stack, config, dev, app, deps, api.auth, Operators(database, vault))
        serving, state = await stack.enter_async_context(web(config, app, listening))
        stack.push_async_callback(hang_up)
        ready = _ready(config, listening, binding, seeded)
        if tunnelling is not None:
            ready = await stack.enter_async_context(proxy(config, app, state, tunnelling, ready))
        on_ready(ready)
        await _until_stopped(stop, serving)
        _log.info("stopping", drain_s=config.dispatch.drain_s)
        await probes.ready.drain(config.dispatch.drain_s)


async def _for_esmes(
    stack: AsyncExitStack, config: Config, binding: socket.socket | None, flow: Flow, outbox: Outbox, database: Database,
    installation: Installation, stores: _Stores, clock: Clock, new_id: Callable[[datetime], int],
) -> None:  # fmt: skip
    """Open the door of customers who speak SMPP, where there is a port for them."""
    if binding is not None:
        door = open_esme_door(
            config.smpp_server, binding, flow, outbox, database, installation, stores.smpp_credentials, clock, new_id,
            config.dispatch.stop_grace_s,
        )  # fmt: skip
        await stack.enter_async_context(door)


def _settle_memory() -> None:
    """Look for garbage less often, and never in what is loaded by now, which stays as long as the process (decision 0032)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def _on_signals(stop: asyncio.Event) -> None:
    """The first signal asks for an orderly end, the second one does not ask."""

    def told() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, told)


def _listen_as_well(stack: AsyncExitStack, host: str, port: int | None) -> socket.socket | None:
    """A port beside the API's, such as that for SMPP customers; None when there is to be none."""
    if port is None:
        return None
    taken = _listen(host, port)
    stack.callback(taken.close)
    return taken


def _listen(host: str, port: int) -> socket.socket:
    """Take a port first: nothing else is started when it is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        raise OSError(
            f"Port {port} of {host} cannot be used: {os.strerror(error.errno or 0)}. Choose another port."
        ) from error
    taken.listen(BACKLOG)
    return taken


async def _open_database(stack: AsyncExitStack, config: Config, clock: Clock, dev: DevOptions | None) -> Database:
    """The operator's database, which must be up to date, or the embedded one, which is brought up to date."""
    url = config.database.url
    if url is None:
        throwaway = dev is not None and dev.throwaway
        embedded = EmbeddedPostgres(config.database.data_dir, THROWAWAY if throwaway else DURABLE)
        url = await asyncio.to_thread(embedded.start)
        stack.push_async_callback(asyncio.to_thread, embedded.stop)
    database = await Database.connect(url, config.database.connections)
    stack.push_async_callback(database.close)
    if config.database.url is None:
        await database.migrate(clock.now())
    elif await database.schema_version() < migrations()[-1].number:
        raise DatabaseUnusable(
            "The database is older than this Limpet: run `limpet migrate` with the same configuration."
        )
    if dev is None:
        await _check_clock(database, clock)
    await database.ensure_partitions(clock.now())
    return database


async def _check_clock(database: Database, clock: Clock) -> None:
    """Days and expiry are judged by this process's clock: it must agree with the database's."""
    skew_s = abs((await database.now() - clock.now()).total_seconds())
    if skew_s > CLOCK_SKEW_MAX_S:
        raise DatabaseUnusable(f"This machine's clock and the database's are {skew_s:.0f} s apart: set them right.")
    if skew_s > CLOCK_SKEW_WARN_S:
        _log.warning("clocks differ", seconds=round(skew_s, 1))


def _master_key(config: Config) -> bytes:
    if config.security.secret_key is not None:
        return bytes.fromhex(config.security.secret_key)
    return load_or_create_key(config.security.secret_key_file or config.database.data_dir / "secret.key")


async def _development(
    stack: AsyncExitStack, config: Config, clock: Clock, dev: DevOptions | None, stores: _Stores, base_url: str
) -> tuple[tuple[AnyCarrierConfig, ...], Seeded | None, Simulated | None]:
    """With `dev`, simulated carriers on loopback sockets and the seeds; the configured carriers otherwise."""
    if dev is None:
        return config.carriers, None, None
    simulated = await start_simulated(stack, clock, base_url)
    path = config.database.data_dir / "dev.json"
    seeded = await seed(
        stores.accounts, stores.services, stores.senders, stores.smpp_credentials, clock.now(), path
    )  # fmt: skip
    return simulated.carriers, seeded, simulated


@asynccontextmanager
async def _flow(
    config: Config, clock: Clock, dev: DevOptions | None, carriers: Sequence[AnyCarrierConfig], over_http: HttpCarriers,
    database: Database, installation: Installation, accounts: Accounts, base_url: str,
    owed_to_esmes: Callable[[], None], chance: random.Random, new_id: Callable[[datetime], int],
    heard: Callable[[Sequence[Tried]], None],
) -> AsyncIterator[tuple[Flow, Callbacks]]:  # fmt: skip
    """Everything that flows, running; stopped so that nothing accepted is lost and nothing in flight is forgotten.

    Answers the flow, and who posts callbacks: to be nudged when some have become due in the table.
    """
    rules = config.webhooks
    policy = UrlPolicy(dev is not None or rules.allow_loopback, tuple(rules.allow_networks), frozenset(rules.ports))
    webhooks = Webhooks(policy)

    log_all = dev is not None or rules.log == "all"
    callbacks = Callbacks(database, webhooks, accounts.auth_token, clock, chance.random, new_id, log_all=log_all)

    def lanes(listener: Listener) -> Iterator[Lane]:
        for carrier in (each for each in carriers if each.name not in elsewhere(config)):
            if isinstance(carrier, CarrierConfig):
                smpp = smpp_config(carrier)
                yield from (SmppLane(f"{carrier.name}/{n}", smpp, listener, chance) for n in range(carrier.binds))
        yield from over_http.lanes(listener)

    def post(owed: Sequence[OwedCallback]) -> None:
        by_http = [one for one in owed if one.kind not in BY_SMPP]
        callbacks.post_now(by_http)
        if len(by_http) < len(owed):
            owed_to_esmes()

    owner = f"{socket.gethostname()}/{os.getpid()}/{token_hex(4)}"
    flow = assemble(
        database, installation, owner, clock, pace(config, dev, carriers), lanes, post, new_id, chance.random, base_url
    )
    errors = ErrorLog(database, flow.directory, flow.events, clock, installation.sid_key, new_id)
    watch = SinkWatch(database, flow.events.streams, clock)

    async def settled(tried: Sequence[Tried]) -> None:
        if dev is not None:
            heard(tried)
        await watch.note(tried)

    callbacks.on_tried, callbacks.on_settled = errors.of, settled
    callbacks.on_answered = Replies(flow.accept, accounts.by_sid, partial(new_media, origin=base_url)).answered
    await flow.events.streams.refresh()  # before anything happens: no event of a former run's subscriptions is missed
    running = [asyncio.create_task(supervise(loop)) for loop in [*flow.loops(), callbacks.run]]
    try:
        yield flow, callbacks
    finally:
        await flow.stop(config.dispatch.stop_grace_s)
        await callbacks.stop(CALLBACKS_GRACE_S)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await webhooks.close()
        await over_http.close()


def _over_http(
    config: Config, listening: socket.socket, carriers: Sequence[AnyCarrierConfig], clock: Clock
) -> HttpCarriers:
    chance = random.Random(token_bytes(16))  # noqa: S311 - spreads pauses, guards nothing
    here = (carrier for carrier in carriers if carrier.name not in elsewhere(config))
    mine = [carrier for carrier in here if isinstance(carrier, HttpCarrierConfig)]
    return HttpCarriers(mine, _url(config, listening), clock, chance)


async def _until_stopped(stop: asyncio.Event, web: asyncio.Task[None]) -> None:
    _settle_memory()
    told = asyncio.create_task(stop.wait())
    await asyncio.wait({told, web}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()


def _url(config: Config, listening: socket.socket) -> str:
    """Where it is reached."""
    scheme = "https" if config.server.tls_certificate_file else "http"
    return config.server.public_url or f"{scheme}://{place(listening)}"


def _ready(config: Config, listening: socket.socket, binding: socket.socket | None, seeded: Seeded | None) -> Ready:
    ready = Ready(url=_url(config, listening), pid=os.getpid(), smpp="" if binding is None else place(binding))
    if seeded is None:
        return ready
    return replace(
        ready, account_sid=seeded.account_sid, auth_token=seeded.auth_token, api_key_sid=seeded.api_key_sid,
        api_key_secret=seeded.api_key_secret, service_sid=seeded.service_sid, numbers=seeded.numbers,
        smpp_system_id=seeded.smpp_system_id, smpp_password=seeded.smpp_password,
    )  # fmt: skip
