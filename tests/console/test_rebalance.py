"""A rebalance in the console: planned and looked at by an operator, carried out by an admin alone."""

from __future__ import annotations

from limpet.core.console import Act, Role
from tests.console.conftest import Console
from tests.web.test_rebalances import PEOPLE, grown


async def test_a_plan_is_looked_at_before_anybody_moves(console: Console) -> None:
    service = (await grown(console.api)).split("/")[3]
    place, operator = console.place(service, "/rebalances"), await console.signed_in(Role.OPERATOR)
    planned = await operator.post(place, IdleDays="0", PerSecond="50", Reason="Two more numbers")
    assert planned.place.endswith("?done=planned"), planned.says
    one = planned.place.partition("?")[0]
    seen = (await operator.get(one)).says
    assert f"{len(PEOPLE) // 2} of {len(PEOPLE)} people" in seen
    assert "Moved 0" in seen
    assert "Two more numbers" in seen
    assert "Carry it out" not in seen
    assert (await operator.post(one, Status="running")).status == 403
    admin = await console.signed_in(Role.ADMIN)
    assert "Carry it out" in (await admin.get(one)).says
    assert (await admin.post(one, Status="running")).status == 303
    running = (await admin.get(one)).says
    assert "Carry it out" not in running
    assert "Pause" in running
    assert (await admin.post(one, Status="canceled")).status == 303
    assert (await admin.post(one, Status="paused")).status == 409
    assert "canceled" in (await admin.get(place)).says
    assert [(role, act) for role, act, _ in await console.log()] == [
        ("operator", Act.PLAN_REBALANCE), ("admin", Act.REBALANCE), ("admin", Act.REBALANCE), ("admin", Act.REBALANCE),
    ]  # fmt: skip
