"""Who may do what in the operators' console: roles, and what each deed there needs. It knows no pages."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What an operator is; each may do what the ones before it may."""

    VIEWER = "viewer"
    """Looks, and asks what would happen."""
    OPERATOR = "operator"
    """Does what a day brings: people, numbers, carriers, callbacks, registrations."""
    ADMIN = "admin"
    """Also what concerns everybody: accounts, services as a whole, bulk, and the operators themselves."""


class Act(StrEnum):
    """Everything that can be asked of the console, as its log names it."""

    SIGN_IN = "sign in"
    SIGN_OUT = "sign out"
    LOOK = "look"
    EXPLAIN = "explain"
    LOOK_AT_AUDIT = "look at the audit log"
    CHANGE_SERVICE = "change service"
    PAUSE_SERVICE = "pause service"
    ADD_NUMBER = "add number"
    CHANGE_NUMBER = "change number"
    REMOVE_NUMBER = "remove number"
    SET_MAPPING = "set mapping"
    RESET_MAPPING = "reset mapping"
    RESET_MAPPINGS = "reset mappings"
    ADD_OPT_OUT = "add opt-out"
    REMOVE_OPT_OUT = "remove opt-out"
    SETTLE_DOUBT = "settle doubt"
    REPLAY_CALLBACK = "replay callback"
    SWITCH_CARRIER = "switch carrier"
    ANSWER_REGISTRATION = "answer registration"
    CHANGE_ACCOUNT = "change account"
    IMPORT = "import mappings"
    UNDO_IMPORT = "undo import"
    EXPORT = "export mappings"
    PLAN_REBALANCE = "plan rebalance"
    REBALANCE = "rebalance"
    LOOK_AT_OPERATORS = "look at operators"
    END_SESSIONS = "end sessions"


LEAST: Final[Mapping[Act, Role | None]] = {
    Act.SIGN_IN: None,
    Act.SIGN_OUT: Role.VIEWER,
    Act.LOOK: Role.VIEWER,
    Act.EXPLAIN: Role.VIEWER,
    Act.LOOK_AT_AUDIT: Role.OPERATOR,
    Act.CHANGE_SERVICE: Role.OPERATOR,
    Act.PAUSE_SERVICE: Role.OPERATOR,
    Act.ADD_NUMBER: Role.OPERATOR,
    Act.CHANGE_NUMBER: Role.OPERATOR,
    Act.REMOVE_NUMBER: Role.OPERATOR,
    Act.SET_MAPPING: Role.OPERATOR,
    Act.RESET_MAPPING: Role.OPERATOR,
    Act.RESET_MAPPINGS: Role.ADMIN,
    Act.ADD_OPT_OUT: Role.OPERATOR,
    Act.REMOVE_OPT_OUT: Role.ADMIN,
    Act.SETTLE_DOUBT: Role.OPERATOR,
    Act.REPLAY_CALLBACK: Role.OPERATOR,
    Act.SWITCH_CARRIER: Role.OPERATOR,
    Act.ANSWER_REGISTRATION: Role.OPERATOR,
    Act.CHANGE_ACCOUNT: Role.ADMIN,
    Act.IMPORT: Role.ADMIN,
    Act.UNDO_IMPORT: Role.ADMIN,
    Act.EXPORT: Role.ADMIN,
    Act.PLAN_REBALANCE: Role.OPERATOR,
    Act.REBALANCE: Role.ADMIN,
    Act.LOOK_AT_OPERATORS: Role.ADMIN,
    Act.END_SESSIONS: Role.ADMIN,
}
"""The least role that a deed needs; None for what somebody may do who has not signed in."""
_RANK: Final = {role: rank for rank, role in enumerate(Role)}


def may(role: Role, act: Act) -> bool:
    """Whether an operator of this role may do it."""
    least = LEAST[act]
    return least is None or _RANK[role] >= _RANK[least]
