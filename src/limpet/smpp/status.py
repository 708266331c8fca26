"""SMPP's command statuses: their names, what each asks of a sender, and the Twilio error code it becomes.

One table (SMPP 3.4 §5.1.3). It knows nothing of attempts, pauses or windows: whoever sends decides what to do about an
outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Status(IntEnum):
    """The `command_status` values of SMPP 3.4 §5.1.3, named as there without the `ESME_`."""

    ROK = 0x00
    RINVMSGLEN = 0x01
    RINVCMDLEN = 0x02
    RINVCMDID = 0x03
    RINVBNDSTS = 0x04
    RALYBND = 0x05
    RINVPRTFLG = 0x06
    RINVREGDLVFLG = 0x07
    RSYSERR = 0x08
    RINVSRCADR = 0x0A
    RINVDSTADR = 0x0B
    RINVMSGID = 0x0C
    RBINDFAIL = 0x0D
    RINVPASWD = 0x0E
    RINVSYSID = 0x0F
    RCANCELFAIL = 0x11
    RREPLACEFAIL = 0x13
    RMSGQFUL = 0x14
    RINVSERTYP = 0x15
    RINVNUMDESTS = 0x33
    RINVDLNAME = 0x34
    RINVDESTFLAG = 0x40
    RINVSUBREP = 0x42
    RINVESMCLASS = 0x43
    RCNTSUBDL = 0x44
    RSUBMITFAIL = 0x45
    RINVSRCTON = 0x48
    RINVSRCNPI = 0x49
    RINVDSTTON = 0x50
    RINVDSTNPI = 0x51
    RINVSYSTYP = 0x53
    RINVREPFLAG = 0x54
    RINVNUMMSGS = 0x55
    RTHROTTLED = 0x58
    RINVSCHED = 0x61
    RINVEXPIRY = 0x62
    RINVDFTMSGID = 0x63
    RX_T_APPN = 0x64
    RX_P_APPN = 0x65
    RX_R_APPN = 0x66
    RQUERYFAIL = 0x67
    RINVOPTPARSTREAM = 0xC0
    ROPTPARNOTALLWD = 0xC1
    RINVPARLEN = 0xC2
    RMISSINGOPTPARAM = 0xC3
    RINVOPTPARAMVAL = 0xC4
    RDELIVERYFAILURE = 0xFE
    RUNKNOWNERR = 0xFF


class Outcome(StrEnum):
    """What an answer to a submission asks of its sender."""

    TAKEN = "taken"
    PERMANENT = "permanent"
    """The same PDU will be refused again."""
    TEMPORARY = "temporary"
    """Try again later."""
    THROTTLED = "throttled"
    """Too fast: not an attempt; slow down."""
    UNKNOWN = "unknown"
    """It says too little: temporary, `UNKNOWN_ATTEMPTS_MAX` times."""


UNKNOWN_ATTEMPTS_MAX = 3
"""So often is a message offered whose refusal does not tell whether trying again can help."""


class Meaning(NamedTuple):
    """A status for a log (`name`), for a sender (`outcome`) and for a customer (`error_code`, Twilio's number)."""

    name: str
    outcome: Outcome
    error_code: int


_QUEUE_OVERFLOW = 30001
_UNKNOWN_HANDSET = 30005
_TOO_LARGE = 30019
_FILTERED = 30007
_UNKNOWN_ERROR = 30008
_SENDER_UNREGISTERED = 30034
"""Twilio's numbers for what becomes of a message (twilio.com/docs/api/errors)."""

_OUTCOMES: Mapping[Status, Outcome] = {
    Status.ROK: Outcome.TAKEN,
    Status.RINVCMDLEN: Outcome.UNKNOWN,
    Status.RINVCMDID: Outcome.UNKNOWN,
    Status.RINVBNDSTS: Outcome.TEMPORARY,
    Status.RALYBND: Outcome.TEMPORARY,
    Status.RSYSERR: Outcome.TEMPORARY,
    Status.RBINDFAIL: Outcome.TEMPORARY,
    Status.RINVPASWD: Outcome.TEMPORARY,
    Status.RINVSYSID: Outcome.TEMPORARY,
    Status.RMSGQFUL: Outcome.THROTTLED,
    Status.RTHROTTLED: Outcome.THROTTLED,
    Status.RX_T_APPN: Outcome.TEMPORARY,
    Status.RSUBMITFAIL: Outcome.UNKNOWN,
    Status.RDELIVERYFAILURE: Outcome.UNKNOWN,
    Status.RUNKNOWNERR: Outcome.UNKNOWN,
}
"""What is not here is permanent. Statuses of a bind are temporary: they say nothing about the message."""

_ERROR_CODES: Mapping[Status, int] = {
    Status.RINVMSGLEN: _TOO_LARGE,
    Status.RINVSRCADR: _SENDER_UNREGISTERED,
    Status.RINVDSTADR: _UNKNOWN_HANDSET,
    Status.RINVDSTTON: _UNKNOWN_HANDSET,
    Status.RINVDSTNPI: _UNKNOWN_HANDSET,
    Status.RMSGQFUL: _QUEUE_OVERFLOW,
    Status.RTHROTTLED: _QUEUE_OVERFLOW,
    Status.RX_R_APPN: _FILTERED,
}
"""What is not here is 30008. An invalid source address is a sender that the carrier has not been told of."""

_MEANINGS: Mapping[int, Meaning] = {
    status.value: Meaning(
        f"ESME_{status.name}", _OUTCOMES.get(status, Outcome.PERMANENT), _ERROR_CODES.get(status, _UNKNOWN_ERROR)
    )
    for status in Status
}


def meaning(status: int) -> Meaning:
    """The meaning of a `command_status`; one outside the table, such as a vendor's (0x400 to 0x4FF), is UNKNOWN."""
    return _MEANINGS.get(status) or Meaning(f"0x{status:08X}", Outcome.UNKNOWN, _UNKNOWN_ERROR)
