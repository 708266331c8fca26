"""What each command status asks of a sender."""

from __future__ import annotations

import pytest

from limpet.smpp.status import Outcome, Status, meaning


@pytest.mark.parametrize(
    ("status", "name", "outcome", "error_code"),
    [
        (0x00, "ESME_ROK", Outcome.TAKEN, 30008),
        (0x01, "ESME_RINVMSGLEN", Outcome.PERMANENT, 30019),
        (0x08, "ESME_RSYSERR", Outcome.TEMPORARY, 30008),
        (0x0A, "ESME_RINVSRCADR", Outcome.PERMANENT, 30034),
        (0x0B, "ESME_RINVDSTADR", Outcome.PERMANENT, 30005),
        (0x14, "ESME_RMSGQFUL", Outcome.THROTTLED, 30001),
        (0x58, "ESME_RTHROTTLED", Outcome.THROTTLED, 30001),
        (0x45, "ESME_RSUBMITFAIL", Outcome.UNKNOWN, 30008),
        (0x64, "ESME_RX_T_APPN", Outcome.TEMPORARY, 30008),
        (0x65, "ESME_RX_P_APPN", Outcome.PERMANENT, 30008),
        (0x66, "ESME_RX_R_APPN", Outcome.PERMANENT, 30007),
        (0x04, "ESME_RINVBNDSTS", Outcome.TEMPORARY, 30008),
        (0x400, "0x00000400", Outcome.UNKNOWN, 30008),
    ],
)
def test_meaning(status: int, name: str, outcome: Outcome, error_code: int) -> None:
    assert meaning(status) == (name, outcome, error_code)


def test_only_ok_is_taken() -> None:
    assert [status for status in Status if meaning(status).outcome is Outcome.TAKEN] == [Status.ROK]
