"""What load balancers and Prometheus ask: whether the server is there, whether it should be sent requests, what it has counted.

`/health` and `/ready` are for everybody and name nothing. `/metrics` is for who has the token, or who is on this machine where no
proxy is: to a proxy's server everybody is on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import ip_address

from limpet.core.errors import ApiError
from limpet.flow.gauges import Gauges
from limpet.flow.readiness import Readiness, Ready
from limpet.metrics import CONTENT_TYPE, render
from limpet.web.answer import Answer, json_answer, ok

HEALTH, READY, METRICS = "/health", "/ready", "/metrics"
PATHS = frozenset({HEALTH, READY, METRICS})
_METHODS = ("GET", "HEAD")
_FORWARDED = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)
_TEXT = ((b"content-type", CONTENT_TYPE.encode()),)


@dataclass(frozen=True, slots=True)
class Probes:
    """What answers. `local` says whether who is on this machine needs no `token`; `served` whether metrics are at this port."""

    ready: Ready
    gauges: Gauges
    token: str = ""
    local: bool = True
    served: bool = True

    async def answer(self, method: str, path: str, peer: str, headers: Mapping[bytes, bytes]) -> Answer:
        """The answer at one of PATHS; ApiError for who may not have it. Header names are lower case."""
        if method not in _METHODS:
            raise ApiError(20004, method=method)
        if path == READY:
            return _readiness(await self.ready.look())
        if path == METRICS:
            return await self._metrics(peer, headers)
        return health()

    async def _metrics(self, peer: str, headers: Mapping[bytes, bytes]) -> Answer:
        if not self.served:
            raise ApiError(20404, resource=METRICS)
        if not self._may_read(peer, headers):
            raise ApiError(20003)
        families = await self.gauges.families(draining=self.ready.draining)
        return Answer(200, render(families).encode(), _TEXT)

    def _may_read(self, peer: str, headers: Mapping[bytes, bytes]) -> bool:
        given = headers.get(b"authorization", b"")
        if self.token and compare_digest(given, b"Bearer " + self.token.encode()):
            return True
        return self.local and not self.token and _is_here(peer) and not _FORWARDED & headers.keys()


def health() -> Answer:
    """It is there."""
    return ok({"status": "ok"})


def _readiness(found: Readiness) -> Answer:
    """200 or 503, and why not."""
    said = {
        "status": "not ready" if found.why_not else "ready",
        "why_not": found.why_not,
        "schema": found.schema,
        "lanes": {"configured": found.lanes, "with_owner": found.leased, "bound": found.bound},
    }
    return json_answer(503 if found.why_not else 200, said)


def _is_here(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False
