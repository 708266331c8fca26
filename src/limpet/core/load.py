"""How busy each sender has been lately, so that a pool spreads its people evenly.

Forward decay: a segment sent now counts 2^(now / HALF_LIFE_S), so that old traffic fades by itself and two senders are compared
without touching either. Only this process's traffic is known here; every process spreads its own share.
"""

from __future__ import annotations

HALF_LIFE_S = 60.0
_REBASE_EXPONENT = 500.0


class LoadMeter:
    """Decaying count of segments per pool member. `loads` may be compared, its values mean nothing by themselves."""

    def __init__(self, started_s: float) -> None:
        self._base_s = started_s
        self.loads: dict[int, float] = {}

    def add(self, member_id: int, segments: int, now_s: float) -> None:
        """Count segments that a member is about to send; `now_s` is monotonic seconds."""
        exponent = (now_s - self._base_s) / HALF_LIFE_S
        if exponent > _REBASE_EXPONENT:
            exponent = self._rebase(now_s)
        self.loads[member_id] = self.loads.get(member_id, 0.0) + segments * 2.0**exponent

    def _rebase(self, now_s: float) -> float:
        """Count from `now_s` on before numbers grow too large; what has faded to nothing is dropped."""
        shrink = 2.0 ** -((now_s - self._base_s) / HALF_LIFE_S) if now_s - self._base_s < 1000 * HALF_LIFE_S else 0.0
        self.loads = {member: faded for member, load in self.loads.items() if (faded := load * shrink) > 0.0}
        self._base_s = now_s
        return 0.0
