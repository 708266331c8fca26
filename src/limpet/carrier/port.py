"""The seam between Limpet and a carrier: what a lane takes, what it answers and what it reports.

Values only, and the two protocols that meet here. It knows neither SMPP nor HTTP nor the store: a carrier's file turns these
values into its wire and back, `limpet.flow` turns them into rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from limpet.core.alphabet import Alphabet
from limpet.core.encoding import Segmented
from limpet.core.tlvs import Tlvs


class MessageKey(NamedTuple):
    """Where a message's row is: `(bucket, id)`, the primary key of `message`."""

    bucket: int
    id: int


@dataclass(frozen=True, slots=True)
class Submission:
    """One message on its way out, all of its segments in order.

    `reference` (0 to 65535) goes out as `user_message_reference` (SMPP 3.4 §5.3.2.17), so that a receipt can be matched
    to a submission whose answer was never seen. `attempt` fences the result. With `as_mms` it goes out as one MMS with what
    `media` leads to, as the customer wrote the URLs; only a lane that has MMS is given one.
    """

    key: MessageKey
    attempt: int
    sender: str
    recipient: str
    content: Segmented
    reference: int
    media: tuple[str, ...] = ()
    as_mms: bool = False


class Retry(StrEnum):
    """What a refusal asks of the dispatcher."""

    NEVER = "never"
    """Permanent: the message has failed."""
    LATER = "later"
    """Temporary: try again after a growing pause."""
    SLOWER = "slower"
    """The carrier is throttling: not an attempt, offer it again when the lane has room."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The carrier took every segment; one id per segment, as the carrier spelled it."""

    key: MessageKey
    attempt: int
    carrier_message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier said no. `error_code` is Twilio's number, `detail` the carrier's own word for the log."""

    key: MessageKey
    attempt: int
    error_code: int
    retry: Retry
    detail: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Bytes may have left and no answer came (connection lost, response time-out): the message is in doubt.

    Of a message of several PDUs `carrier_message_ids` has one a PDU, empty where there was no answer: it is known to be taken
    only once all of them are.
    """

    key: MessageKey
    attempt: int
    carrier_message_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsent:
    """Nothing of the message left this process: it may be claimed again at once."""

    key: MessageKey
    attempt: int


Result = Submitted | Refused | Unanswered | Unsent


class ReceiptState(StrEnum):
    """What became of a segment, folded from SMPP's message_state (SMPP 3.4 §5.2.28) and the receipt's text."""

    ENROUTE = "enroute"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A carrier's word on one segment. Addresses are the message's own: `sender` is our number, `recipient` the person.

    `token` is what `Lane.acknowledge` wants back. `carrier_message_id` is None when the receipt names none.
    `reference` is the echoed `user_message_reference`, where the carrier echoes it. Times are UTC, None when absent.
    """

    token: int
    sender: str
    recipient: str
    carrier_message_id: str | None
    state: ReceiptState
    error_code: int | None
    reference: int | None
    submitted_at: datetime | None
    done_at: datetime | None


class InboundMedium(NamedTuple):
    """What came with an inbound message: where the carrier keeps it, and its type, empty where the carrier does not say."""

    url: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Part:
    """What an inbound PDU that carries only a part of a text says about it. `text` names the text among those of one person to
    one of our numbers; `alphabet` reads `octets`, once they stand beside their neighbours."""

    text: str
    total: int
    number: int
    alphabet: Alphabet
    octets: bytes


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text that a person sent to one of our numbers, or, with `part`, a part of one.

    `carrier_message_id` is the carrier's own id of it, by which a repetition is known; None where it has none. `tlvs` are those
    that nobody here reads.
    """

    token: int
    sender: str
    """The person who wrote."""
    recipient: str
    """Our number."""
    body: str
    media: tuple[InboundMedium, ...] = ()
    carrier_message_id: str | None = None
    part: Part | None = None
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What became of a segment that the carrier took? Only where a carrier can be asked (`Asked`)."""

    sender: str
    recipient: str
    carrier_message_id: str


Delivery = Receipt | Inbound


@runtime_checkable
class Measured(Protocol):
    """A lane that can tell more of how it is doing than the least that a lane must."""

    @property
    def window_size(self) -> int:
        """How many of our requests may be unanswered at once, as the carrier takes them now."""

    @property
    def throttles(self) -> int:
        """How often the carrier has said that it is too much, since this process runs."""


class Listener(Protocol):
    """What a lane tells whoever runs it. Calls come from the event loop's thread, never block and never raise."""

    def on_results(self, lane: str, results: Sequence[Result]) -> None:
        """Answers to submissions, in the order in which the carrier gave them."""

    def on_deliveries(self, lane: str, deliveries: Sequence[Delivery]) -> None:
        """Receipts and inbound texts; each is acknowledged to the carrier only by `Lane.acknowledge`."""

    def on_room(self, lane: str) -> None:
        """The lane has become bound, or has room again after it had none."""

    def on_down(self, lane: str, why: str) -> None:
        """The lane has lost its carrier; `on_results` has already told what was in flight."""


class Lane(Protocol):
    """One stream of submissions to one carrier: an SMPP bind, or a worker of an HTTP carrier.

    `submit` hands over and returns; each submission is answered by exactly one `Result`.
    """

    @property
    def name(self) -> str:
        """`carrier/number`, such as `simulated/0`."""

    @property
    def bound(self) -> bool:
        """Whether the carrier is there: receipts can arrive and submissions can leave."""

    @property
    def room(self) -> int:
        """How many more messages it takes now: 0 while not bound, never negative."""

    @property
    def mms(self) -> bool:
        """Whether its carrier takes media; the same for all lanes of a carrier, and for ever."""

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Take messages whose claim is already committed; at most `room` of them."""

    def acknowledge(self, tokens: Sequence[int]) -> None:
        """Answer deliveries positively: what they said is committed. A token of a lost connection is passed over."""

    def decline(self, tokens: Sequence[int]) -> None:
        """Answer deliveries with a temporary error, so that the carrier repeats them later."""

    async def start(self) -> None:
        """Begin to connect, and keep reconnecting until `stop`; returns at once."""

    async def stop(self, grace_s: float) -> None:
        """Wait at most `grace_s` for answers in flight, unbind, close. What is left is reported Unanswered or Unsent."""


UNASKED = 0
"""The token of a receipt that nobody waits to see acknowledged: the answer to a `Question`."""


@runtime_checkable
class Asked(Protocol):
    """A lane whose carrier can be asked what became of a message. The answer comes as a `Receipt` with the token UNASKED."""

    def ask(self, questions: Sequence[Question]) -> int:
        """Take questions, to be asked when there is room; how many were taken, from the front."""
