"""How the simulated carrier behaves: which submits it takes, and what becomes of them afterwards.

Values and one pure decision. It refuses to know connections and PDUs.

Magic recipients, when `Behaviour.magic` is on, go by the last four digits of the number:

| digits | what happens | Twilio's status and error |
|---|---|---|
| 9901 | taken, then undeliverable | undelivered 30003 |
| 9902 | refused, invalid destination | failed 30005 |
| 9903 | taken, then rejected as spam would be | undelivered 30007 |
| 9904 | taken, then expired | undelivered 30003 |
| 9905 | taken, and no receipt ever comes | sent |
| 9906 | taken, unknown subscriber | undelivered 30005 |
| 9907 | delivered, the receipt comes twice | delivered |
| 9908 | delivered, the receipt comes before the answer | delivered |
| 9909 | taken, the person has barred it | undelivered 30004 |
| 9910 | taken, the person has no texts: a landline | undelivered 30006 |
| 9911 | taken, no MMS there | undelivered 30011 |
| 9919 | refused, too long | failed 30019 |
| 9920 | taken, the carrier's scheduler failed | undelivered 30020 |
| 9921 | taken, the carrier failed inside | undelivered 30021 |
| 9923 | refused, the sender's day is used up | failed 30023 |
| 9932 | refused, toll-free number not verified | failed 30032 |
| 9934 | refused, unknown sender | failed 30034 |
| 9937 | refused, messaging disabled for the sender | failed 30037 |
| 9938 | taken, then filtered as a one-time password | undelivered 30038 |
| 9941 | taken, sender not registered in the United Kingdom | undelivered 30041 |

The simulated carrier has numbers of its own, as real ones do: `ERROR_CODES` says what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from limpet.smpp.receipt import MessageState
from limpet.smpp.status import Status


class Receipts(StrEnum):
    """When a receipt is sent."""

    ON_TIME = "on time"
    BEFORE_RESPONSE = "before the response"
    TWICE = "twice"
    NEVER = "never"


class Fate(NamedTuple):
    """What becomes of one segment: `status` answers it, the rest is its receipt."""

    status: int = Status.ROK
    state: MessageState = MessageState.DELIVERED
    err: str = "000"
    receipts: Receipts = Receipts.ON_TIME


MAGIC: Mapping[str, Fate] = {
    "9901": Fate(state=MessageState.UNDELIVERABLE, err="027"),
    "9902": Fate(Status.RINVDSTADR),
    "9903": Fate(state=MessageState.REJECTED, err="000"),
    "9904": Fate(state=MessageState.EXPIRED, err="000"),
    "9905": Fate(receipts=Receipts.NEVER),
    "9906": Fate(state=MessageState.UNDELIVERABLE, err="001"),
    "9907": Fate(receipts=Receipts.TWICE),
    "9908": Fate(receipts=Receipts.BEFORE_RESPONSE),
    "9909": Fate(state=MessageState.UNDELIVERABLE, err="013"),
    "9910": Fate(state=MessageState.UNDELIVERABLE, err="011"),
    "9911": Fate(state=MessageState.UNDELIVERABLE, err="911"),
    "9919": Fate(Status.RINVMSGLEN),
    "9920": Fate(state=MessageState.UNDELIVERABLE, err="920"),
    "9921": Fate(state=MessageState.DELETED, err="921"),
    "9923": Fate(0x423),
    "9932": Fate(0x432),
    "9934": Fate(Status.RINVSRCADR),
    "9937": Fate(0x437),
    "9938": Fate(state=MessageState.REJECTED, err="938"),
    "9941": Fate(state=MessageState.UNDELIVERABLE, err="941"),
}
LOST = Fate(receipts=Receipts.NEVER)
FATES: Mapping[str, Fate] = {
    "lost": LOST,
    "undelivered-30003": MAGIC["9901"],
    "undelivered-30004": MAGIC["9909"],
    "undelivered-30005": MAGIC["9906"],
    "undelivered-30006": MAGIC["9910"],
    "undelivered-30007": MAGIC["9903"],
    "undelivered-30011": MAGIC["9911"],
    "undelivered-30020": MAGIC["9920"],
    "undelivered-30021": MAGIC["9921"],
    "undelivered-30038": MAGIC["9938"],
    "undelivered-30041": MAGIC["9941"],
    "failed-30005": MAGIC["9902"],
    "failed-30019": MAGIC["9919"],
    "failed-30023": MAGIC["9923"],
    "failed-30032": MAGIC["9932"],
    "failed-30034": MAGIC["9934"],
    "failed-30037": MAGIC["9937"],
}
"""What can be asked for by name, of a number or of a share of all: what the message ends as, with Twilio's error code."""
ERROR_CODES = (
    ("receipt:911", 30011),
    ("receipt:920", 30020),
    ("receipt:921", 30021),
    ("receipt:938", 30038),
    ("receipt:941", 30041),
    ("submit:0x423", 30023),
    ("submit:0x432", 30032),
    ("submit:0x437", 30037),
)
"""What the simulated carrier's own numbers mean, as an operator says it in `[[carriers]] error_codes`."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A script for the simulated carrier. Times are seconds, shares between 0 and 1."""

    submit_delay_s: float = 0.0
    """Between a submit and its answer."""
    receipt_delay_s: float = 0.0
    """Between the answer and its receipt."""
    receipts: Receipts = Receipts.ON_TIME
    state: MessageState = MessageState.DELIVERED
    err: str = "000"
    refuse: Mapping[str, int] = field(default_factory=dict)
    """Recipient or sender, as people write it, to the command_status that refuses its messages."""
    throttle_share: float = 0.0
    """So many of all submits are answered with ESME_RTHROTTLED."""
    lose_share: float = 0.0
    """So many more are taken and never heard of again."""
    early_share: float = 0.0
    """So many more have their receipt before their answer."""
    mute: bool = False
    """Submits are neither taken nor answered."""
    drop_after: int | None = None
    """Each connection is cut at this many-th submit of its own, which is not answered."""
    drop_takes: bool = True
    """Whether the submit that is not answered was taken."""
    echo_reference: bool = True
    """Whether receipts carry the submit's user_message_reference."""
    receipt_tlvs: bool = True
    """Whether receipts say id and state in TLVs too, not only in their text."""
    redeliver_s: float = 1.0
    """Between a receipt or text that was declined and its repetition."""
    magic: bool = False
    """Whether magic recipients work."""
    fates: Mapping[str, Fate] = field(default_factory=dict)
    """Recipient or sender, as people write it, to what becomes of its messages."""
    fate_share: float = 0.0
    """So many of those that would fare well fare as `share_fate` instead."""
    share_fate: Fate = LOST

    def fate(self, sender: str, recipient: str, chance: float) -> Fate:
        """What becomes of a segment; `chance` is a number of [0, 1)."""
        if chance < self.throttle_share:
            return Fate(Status.RTHROTTLED)
        lost = chance < self.throttle_share + self.lose_share
        early = chance < self.throttle_share + self.lose_share + self.early_share
        refused = self.refuse.get(recipient, self.refuse.get(sender, Status.ROK))
        if refused:
            return Fate(refused)
        if (told := self.fates.get(recipient, self.fates.get(sender))) is not None:
            return told
        if self.magic and recipient[-4:] in MAGIC:
            return MAGIC[recipient[-4:]]
        if chance >= 1.0 - self.fate_share:
            return self.share_fate
        receipts = Receipts.NEVER if lost else Receipts.BEFORE_RESPONSE if early else self.receipts
        return Fate(Status.ROK, self.state, self.err, receipts)
