"""Makes a database as a configuration file wants it, through the stores and under their rules, in one transaction.

What is the same already is not touched. What is not in the file is left, unless `prune` says otherwise; accounts are never taken
away. Everything that is done is told, so that a plan is what would be done, done and undone again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime

from limpet.commands.converge_spaces import SpaceSteps
from limpet.commands.plan import (
    CannotApply,
    Plan,
    comparable,
    differing,
    differing_from_default,
    plain,
    words_differing,
)
from limpet.commands.wanted import WantedAccount, WantedService
from limpet.commands.wanted_pool import MemberSettings
from limpet.commands.wanted_senders import WantedName, WantedSender
from limpet.core.model import NAME_KINDS, Account, AccountStatus, PoolMember, Sender, SenderKind, Service
from limpet.core.page import PAGE_SIZE_MAX, PageRequest, parse_token
from limpet.core.retention import Pseudonyms
from limpet.core.tenancy import may_become
from limpet.store.accounts import Accounts
from limpet.store.opt_outs import OptOuts
from limpet.store.registrations import RegistrationBook
from limpet.store.secrets import Vault
from limpet.store.senders import NewSender, SenderFilter, Senders
from limpet.store.services import PoolRefusal, Services, ServiceSettings
from limpet.store.within import Within

_ALL_KINDS = SenderFilter(frozenset(SenderKind) - NAME_KINDS)
_SENDER_FIELDS = tuple(each.name for each in fields(NewSender) if each.name not in ("address", "settings"))
_REFUSALS: Mapping[PoolRefusal, str] = {
    PoolRefusal.ELSEWHERE: "is in the pool of another service, and --prune would take it out there (error 21712)",
    PoolRefusal.FULL: "finds the pool full: it holds as many senders as it may (error 21714)",
    PoolRefusal.INCAPABLE: "can carry neither SMS nor MMS (error 21715)",
    PoolRefusal.GONE: "is gone meanwhile",
    PoolRefusal.ALREADY_HERE: "is in the pool already (error 21710)",
}


@dataclass(slots=True)
class _Have:
    """An account with what it has."""

    wanted: WantedAccount
    account: Account
    senders: dict[str, Sender] = field(default_factory=dict)
    services: list[Service] = field(default_factory=list)
    pools: dict[int, list[PoolMember]] = field(default_factory=dict)
    matched: dict[str, Service] = field(default_factory=dict)
    """The services that are there already, by their path in the file."""


class Converge:
    """One run in an open transaction."""

    def __init__(self, within: Within, vault: Vault, now: datetime, book: RegistrationBook, *, prune: bool) -> None:
        self._within = within
        self._accounts = Accounts(within, vault)
        self._services = Services(within, book=book)
        self._senders = Senders(within, book)
        self._opt_outs = OptOuts(within, b"", lambda _now: 0, Pseudonyms(b""))
        self._now = now
        self._prune = prune
        self.plan = Plan()

    async def run(self, wanted: Sequence[WantedAccount]) -> Plan:
        """Do all of it, removals first, so that what one gives up another can have."""
        await self._within.alone()
        have: list[_Have] = []
        for one in wanted:
            if (account := await self._account(one, None)) is not None:
                have.append(await self._have(one, account))
                for below in one.accounts:
                    if (sub := await self._account(below, account)) is not None:
                        have.append(await self._have(below, sub))
        for each in have:
            await self._remove(each)
        for each in have:
            for sender in each.wanted.senders:
                await self._sender(each, sender)
        for each in have:
            spaces = SpaceSteps(self._within, self.plan, self._now, each.account, each.wanted.spaces, self._prune)
            await spaces.make()
            for service in each.wanted.services:
                made = await self._service(each, service)
                await spaces.place(made, service.space, service.path)
            await spaces.remove()
        return self.plan

    # ── accounts ──

    async def _account(self, wanted: WantedAccount, owner: Account | None) -> Account | None:
        """The account as it is wanted; None for one that is to be closed and never was."""
        found = await self._find_account(wanted, owner)
        if found is None:
            return None if wanted.status is AccountStatus.CLOSED else await self._new_account(wanted, owner)
        changes = differing({"name": found.friendly_name, "status": found.status, "countries": _sorted(found.countries)},
                             {"name": wanted.name, "status": wanted.status, "countries": _sorted(wanted.countries)})  # fmt: skip
        if wanted.token is not None and await self._accounts.auth_token(found.id) != wanted.token:
            changes.append("auth token")
        if not changes:
            return found
        if not may_become(found.status, wanted.status):
            raise CannotApply(
                f"{wanted.path}.status cannot be {wanted.status}: an account that is closed stays closed."
            )
        self.plan.tell("change", "account", wanted.name, "; ".join(changes), found.sid)
        return await self._set_account(found, wanted)

    async def _find_account(self, wanted: WantedAccount, owner: Account | None) -> Account | None:
        owner_sid = None if owner is None else owner.sid
        if wanted.sid is not None:
            found = await self._accounts.by_sid(wanted.sid)
            if found is None or found.owner_sid != owner_sid:
                raise CannotApply(f"{wanted.path}.sid names {wanted.sid}, and there is no such account in that place.")
            return found
        named = await self._accounts.named(wanted.name, owner_sid)
        open_ones = [one for one in named if one.status is not AccountStatus.CLOSED]
        if len(open_ones) > 1:
            raise CannotApply(
                f'{wanted.path}.name: there are several accounts called "{wanted.name}"; give the sid of the one meant.'
            )
        if wanted.status is AccountStatus.CLOSED:
            open_ones = open_ones or named
        return open_ones[0] if open_ones else None

    async def _new_account(self, wanted: WantedAccount, owner: Account | None) -> Account:
        if owner is None and wanted.token is None:
            raise CannotApply(
                f"{wanted.path} is a new account and needs auth_token_env or auth_token_file: nobody could learn a made-up one."
            )
        if owner is None:
            made = (await self._accounts.create(wanted.name, self._now))[0]
        elif (sub := await self._accounts.create_sub(owner, wanted.name, self._now)) is not None:
            made = sub[0]
        else:
            raise CannotApply(f"{wanted.path}: {owner.friendly_name} has as many sub-accounts as it may have.")
        self.plan.tell(
            "create", "account", wanted.name, f"sub-account of {owner.friendly_name}" if owner else "", made.sid
        )
        return await self._set_account(made, wanted)

    async def _set_account(self, account: Account, wanted: WantedAccount) -> Account:
        if wanted.token is not None:
            await self._accounts.set_token(account.id, wanted.token, self._now)
        if account.countries != wanted.countries:
            await self._accounts.set_countries(account.id, wanted.countries, self._now)
        if wanted.status is AccountStatus.CLOSED and account.status is not AccountStatus.CLOSED:
            await self._senders.release_all(account.id, self._now)
        return await self._accounts.update(account.id, wanted.name, wanted.status, self._now)

    async def _have(self, wanted: WantedAccount, account: Account) -> _Have:
        """What an account has, read at once: most of a file is the same as ever."""
        have = _Have(wanted, account)
        request: PageRequest | None = PageRequest(PAGE_SIZE_MAX)
        while request is not None:
            senders = await self._senders.page(account.id, _ALL_KINDS, request)
            have.senders |= {sender.address: sender for sender in senders.items}
            request = _next(senders.next_token)
        request = PageRequest(PAGE_SIZE_MAX)
        while request is not None:
            services = await self._services.page(account.id, request)
            have.services += services.items
            request = _next(services.next_token)
        have.pools = {service.id: await self._services.pool(service.id) for service in have.services}
        have.matched = {one.path: found for one in wanted.services if (found := _match(one, have.services)) is not None}
        return have

    # ── what is not in the file ──

    async def _remove(self, have: _Have) -> None:
        """Take away, or tell of, members, services and numbers that the file does not name."""
        if have.account.status is AccountStatus.CLOSED:
            return
        for path, service in have.matched.items():
            wanted = next(one for one in have.wanted.services if one.path == path)
            stay = {(_place_of(name.new), name.new.address, name.new.carrier) for name in wanted.names}
            for member in list(have.pools[service.id]):
                kept = (
                    _name_of(member.sender) in stay
                    if member.sender.kind in NAME_KINDS
                    else member.sender.address in wanted.senders
                )
                if not kept and self._may_remove(
                    "member", f"{member.sender.address} of {service.friendly_name}", member.sender.sid
                ):
                    await self._services.remove_member(service.id, member.sender.sid, self._now)
                    have.pools[service.id].remove(member)
        for service in have.services:
            if service not in have.matched.values() and self._may_remove("service", service.friendly_name, service.sid):
                await self._services.delete(have.account.id, service.sid, self._now)
        wanted_addresses = {sender.address for sender in have.wanted.senders}
        for address, sender in list(have.senders.items()):
            if address not in wanted_addresses and self._may_remove("number", address, sender.sid):
                await self._senders.release(have.account.id, sender.sid, self._now)

    def _may_remove(self, what: str, name: str, sid: str) -> bool:
        if self._prune:
            self.plan.tell("remove", what, name, sid=sid)
        else:
            self.plan.left.append(f"{what} {name}")
        return self._prune

    # ── numbers ──

    async def _sender(self, have: _Have, wanted: WantedSender) -> None:
        found = have.senders.get(wanted.address)
        if found is None:
            found = await self._senders.create(have.account.id, wanted.new, self._now)
            if found is None:
                raise CannotApply(f"{wanted.path}.number {wanted.address} belongs to another account (error 21422).")
            self.plan.tell("create", "number", wanted.address, _through(wanted), found.sid)
        else:
            await self._change_sender(have, wanted, found)
        if wanted.also_through != found.also_through:
            await self._senders.set_also_through(have.account.id, found.sid, wanted.also_through, self._now)
        have.senders[wanted.address] = found

    async def _change_sender(self, have: _Have, wanted: WantedSender, found: Sender) -> None:
        new = {name: getattr(wanted.new, name) for name in _SENDER_FIELDS}
        settings = {**found.settings, **wanted.new.settings}
        told = differing(
            {**plain(found, _SENDER_FIELDS), **found.settings, "also_through": found.also_through},
            {**plain(wanted.new, _SENDER_FIELDS), **settings, "also_through": wanted.also_through},
        )
        if not told:
            return
        self.plan.tell("change", "number", wanted.address, "; ".join(told), found.sid)
        await self._senders.update(have.account.id, found.sid, {**new, "settings": settings}, self._now)

    # ── services ──

    async def _service(self, have: _Have, wanted: WantedService) -> Service:
        service = have.matched.get(wanted.path)
        if service is None:
            service = await self._services.create(have.account.id, wanted.settings, self._now)
            self.plan.tell(
                "create", "service", service.friendly_name, differing_from_default(wanted.settings), service.sid
            )
        else:
            service = await self._change_service(have, wanted, service)
        await self._opt_out(wanted, service)
        members = have.pools.get(service.id, [])
        here = {member.sender.address: member for member in members if member.sender.kind not in NAME_KINDS}
        for place, address in enumerate(wanted.senders):
            member = here.get(address)
            if member is None:
                joined = await self._services.add_member(service, have.senders[address], self._now)
                member = self._joined(joined, service, f"{wanted.path}.numbers[{place}]", address)
            if (settings := wanted.members.get(address)) is not None:
                await self._member(service, member, settings)
        names = {_name_of(member.sender) for member in members if member.sender.kind in NAME_KINDS}
        for name in wanted.names:
            if (_place_of(name.new), name.new.address, name.new.carrier) not in names:
                await self._name(service, name, members)
        return service

    async def _member(self, service: Service, member: PoolMember, wanted: MemberSettings) -> None:
        """What a member may do: its share of new people, its state, how many of them a day."""
        names = tuple(MemberSettings.__slots__)
        told = differing(plain(member, names), plain(wanted, names))
        if told:
            name = f"{member.sender.address} of {service.friendly_name}"
            self.plan.tell("change", "member", name, "; ".join(told), member.sender.sid)
            await self._services.update_member(service.id, member.sender.sid, asdict(wanted), self._now)

    async def _change_service(self, have: _Have, wanted: WantedService, service: Service) -> Service:
        names = tuple(ServiceSettings.__slots__)
        told = differing(plain(service, names), plain(wanted.settings, names))
        if not told:
            return service
        self.plan.tell("change", "service", service.friendly_name, "; ".join(told), service.sid)
        changed = await self._services.update(have.account.id, service.sid, asdict(wanted.settings), self._now)
        return changed or service

    async def _name(self, service: Service, name: WantedName, members: Iterable[PoolMember]) -> None:
        taken = next((m.sender.address for m in members if _place_of(m.sender) == _place_of(name.new)), None)
        if taken is not None:
            raise CannotApply(
                f'{name.path}: the pool has "{taken}" for the same destination, and --prune would take it out.'
            )
        self._joined(await self._services.add_name(service, name.new, self._now), service, name.path, name.new.address)

    def _joined(self, joined: PoolMember | PoolRefusal, service: Service, path: str, name: str) -> PoolMember:
        if isinstance(joined, PoolRefusal):
            raise CannotApply(f"{path} {name} {_REFUSALS[joined]}.")
        self.plan.tell("create", "member", f"{name} of {service.friendly_name}", sid=joined.sender.sid)
        return joined

    async def _opt_out(self, wanted: WantedService, service: Service) -> None:
        before = await self._opt_outs.settings(service)
        if comparable(before) != comparable(wanted.opt_out):
            self.plan.tell(
                "change",
                "opt-out settings",
                service.friendly_name,
                words_differing(before, wanted.opt_out),
                service.sid,
            )
            await self._opt_outs.set(service, wanted.opt_out, self._now)


def _match(wanted: WantedService, services: Sequence[Service]) -> Service | None:
    """The service that a table of the file means: by its SID, else by its name."""
    if wanted.sid is not None:
        if found := next((one for one in services if one.sid == wanted.sid), None):
            return found
        raise CannotApply(f"{wanted.path}.sid names {wanted.sid}, and the account has no such service.")
    named = [one for one in services if one.friendly_name == wanted.settings.friendly_name]
    if len(named) > 1:
        name = wanted.settings.friendly_name
        raise CannotApply(
            f'{wanted.path}.name: there are several services called "{name}"; give the sid of the one meant.'
        )
    return named[0] if named else None


def _next(token: str | None) -> PageRequest | None:
    place = None if token is None else parse_token(token)
    return None if place is None else PageRequest(PAGE_SIZE_MAX, after=place[0])


def _place_of(sender: Sender | NewSender) -> tuple[SenderKind, str] | None:
    """Of what a pool has one: a plain name, and a name for each destination."""
    return (sender.kind, sender.country) if sender.kind in NAME_KINDS else None


def _name_of(sender: Sender) -> tuple[tuple[SenderKind, str] | None, str, str]:
    return _place_of(sender), sender.address, sender.carrier


def _through(wanted: WantedSender) -> str:
    return f"through {wanted.new.carrier}" if wanted.new.carrier else ""


def _sorted(countries: frozenset[str] | None) -> list[str] | None:
    return None if countries is None else sorted(countries)
