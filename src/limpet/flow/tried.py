"""What a try to reach a customer's URL came to, as values: for the log of tries, the log of errors, and who watches sinks."""

from __future__ import annotations

from typing import NamedTuple

from limpet.store.callbacks import OwedCallback, Postponed
from limpet.store.deliveries import Delivery, Outcome
from limpet.webhook import Posted, PostFailed


class Fault(NamedTuple):
    """A request that failed, with its immediate repetitions: the callback as it was asked (a fallback or a redirect has a URL of
    its own), and why."""

    asked: OwedCallback
    failed: PostFailed


class Tried(NamedTuple):
    """A callback after a try: `later` says when it is due again, None that it is over. `faults` are the requests of the try that
    failed, whatever came of the whole."""

    owed: OwedCallback
    later: Postponed | None
    outcome: Posted | PostFailed | None = None
    """None: it was not posted after all."""
    faults: tuple[Fault, ...] = ()


def delivery_of(tried: Tried, outcome: Posted | PostFailed, delivery_id: int) -> Delivery:
    """The row by which the log tells of a try."""
    owed, failed = tried.owed, isinstance(outcome, PostFailed)
    ending = Outcome.POSTPONED if tried.later else Outcome.GIVEN_UP if failed else Outcome.TAKEN
    return Delivery(
        owed.bucket, delivery_id, owed.account_id, owed.message_id, owed.id, owed.kind, owed.method, owed.url,
        owed.payload_kept or owed.payload,
        owed.fallback_url, owed.fallback_method, owed.attempt + 1, ending, outcome.status,
        outcome.why if isinstance(outcome, PostFailed) else None,
    )  # fmt: skip
