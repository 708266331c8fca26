"""Twilio's error codes as SMPP's command_status: what a customer who speaks SMPP is told of a message that is not taken.

One table. What is temporary at Twilio is temporary here (`limpet.smpp.status`), so that a client tries again by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from limpet.smpp.status import Status


def _all(codes: Iterable[int], status: Status) -> dict[int, Status]:
    return dict.fromkeys(codes, status)


STATUSES: Mapping[int, Status] = {
    **_all((21211, 21604, 21614, 21612, 21408), Status.RINVDSTADR),
    **_all((21212, 21603, 21606, 21659, 21711), Status.RINVSRCADR),
    **_all((21701, 21702, 21704, 21705), Status.RINVSYSTYP),
    **_all((21602, 21617, 21619), Status.RINVMSGLEN),
    **_all((35111, 35114, 35115, 35117, 35118, 35119, 35125, 35126), Status.RINVSCHED),
    21624: Status.RINVEXPIRY,
    21610: Status.RX_R_APPN,
    21611: Status.RMSGQFUL,
    20503: Status.RMSGQFUL,
    20429: Status.RTHROTTLED,
    20005: Status.RX_P_APPN,
    20500: Status.RSYSERR,
}
"""RX_R_APPN says that the person has opted out, RX_P_APPN that the account is suspended, RINVSYSTYP that it is the service."""


def status_of(code: int) -> Status:
    """The command_status for a code; RSUBMITFAIL for one that says nothing more precise in SMPP."""
    return STATUSES.get(code, Status.RSUBMITFAIL)
