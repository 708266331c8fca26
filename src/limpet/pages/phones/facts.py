"""Where a development server is, and who may send there: what its page tells to whoever has sent nothing yet."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Facts:
    """The server's address, and the account and service that were seeded."""

    url: str
    account_sid: str
    auth_token: str = field(repr=False)
    service_sid: str
