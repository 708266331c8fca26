"""Whose turn it is, step by step, and against a plain model."""

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from limpet.flow import turns
from limpet.flow.turns import Turns, endpoint_of
from limpet.store.callbacks import OwedCallback
from tests.support.clock import NOW


def owed(number: int, message: int = 0, host: str = "a.example") -> OwedCallback:
    return OwedCallback(1, number, 7, message or number, f"http://{host}/cb", "", NOW)


def taken(held: Turns) -> list[int]:
    found = []
    while (one := held.take()) is not None:
        found.append(one.id)
    return found


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://Example.com/a/b?c#d", "https://example.com"),
        ("http://user:p@ss@example.com:8080?x=/y", "http://example.com:8080"),
        ("http://[::1]:80#f/g", "http://[::1]:80"),
    ],
)
def test_endpoint_is_scheme_host_and_port_without_credentials(url, endpoint):
    assert endpoint_of(url) == endpoint


def test_one_endpoint_gets_no_more_than_its_share_at_once():
    held = Turns()
    for number in range(1, 31):
        held.add(owed(number))
    assert taken(held) == list(range(1, 11))
    held.attempted(owed(4), answered=True)
    assert taken(held) == [11]


def test_endpoints_take_turns():
    held = Turns()
    for number in range(1, 5):
        held.add(owed(number))
    held.add(owed(5, host="b.example"))
    assert taken(held) == [1, 5, 2, 3, 4]


def test_a_later_event_waits_for_the_first_try_of_the_earlier_even_at_another_endpoint():
    held = Turns()
    held.add(owed(1, message=9))
    held.add(owed(2, message=9, host="b.example"))
    held.add(owed(3, message=8))
    held.add(owed(4, message=9))
    assert taken(held) == [1, 3]
    held.attempted(owed(1, message=9), answered=False)
    assert taken(held) == [2]
    held.attempted(owed(2, message=9, host="b.example"), answered=True)
    held.attempted(owed(3, message=8), answered=True)
    assert taken(held) == [4]


def test_a_callback_is_held_once_until_it_is_forgotten():
    held = Turns()
    assert held.add(owed(1))
    assert not held.add(owed(1))
    assert taken(held) == [1]
    held.attempted(owed(1), answered=True)
    assert not held.add(owed(1))
    held.forget(owed(1).key)
    assert held.add(owed(1))


def test_a_suspect_endpoint_gets_one_at_a_time_until_it_answers():
    held = Turns()
    for number in range(1, 30):
        held.add(owed(number))
    assert len(taken(held)) == 10
    for number in range(1, 11):
        held.attempted(owed(number), answered=False)
    assert taken(held) == [11]
    held.attempted(owed(11), answered=None)
    assert taken(held) == [12], "not having been posted proves nothing"
    held.attempted(owed(12), answered=True)
    assert len(taken(held)) == 10


def test_an_endpoint_that_becomes_suspect_waits_for_all_that_is_under_way():
    held = Turns()
    for number in range(1, 30):
        held.add(owed(number))
    assert [held.take().id for _ in range(3)] == [1, 2, 3]
    held.attempted(owed(1), answered=False)
    held.attempted(owed(2), answered=False)
    assert taken(held) == []
    held.attempted(owed(3), answered=False)
    assert taken(held) == [4]


def test_not_having_been_posted_makes_no_endpoint_suspect():
    held = Turns()
    for number in range(1, 30):
        held.add(owed(number))
    assert len(taken(held)) == 10
    held.attempted(owed(1), answered=None)
    assert taken(held) == [11]


def test_nothing_is_left_of_what_is_over():
    held = Turns()
    for number in range(1, 5):
        held.add(owed(number, message=9))
    while (one := held.take()) is not None:
        held.attempted(one, answered=True)
        held.forget(one.key)
    assert [held._held, held._endpoints, held._going, held._behind] == [set(), {}, set(), {}]


def test_a_suspect_endpoint_is_remembered_while_it_is_idle_and_may_hold_little():
    held = Turns()
    held.add(owed(1))
    held.take()
    held.attempted(owed(1), answered=False)
    assert sum(held.add(owed(number)) for number in range(2, 1000)) == turns.SUSPECT_WAITING_MAX
    assert taken(held) == [2]


def test_one_endpoint_cannot_take_all_the_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "HELD_MAX", 20)
    monkeypatch.setattr(turns, "ENDPOINT_WAITING_MAX", 8)
    held = Turns()
    assert sum(held.add(owed(number)) for number in range(1, 100)) == 8
    assert sum(held.add(owed(number, host=f"{number}.example")) for number in range(100, 200)) == 12
    assert held.room == 0


def test_endpoints_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "ENDPOINTS_REMEMBERED_MAX", 5)
    held = Turns()
    for number in range(1, 50):
        held.add(owed(number, host=f"{number}.example"))
        held.take()
        held.attempted(owed(number, host=f"{number}.example"), answered=False)
    assert len(held._endpoints) <= 5


class AgainstAModel(RuleBasedStateMachine):
    """Any order of calls: nothing lost, nothing twice, one try of a message at a time and in order, limits kept."""

    def __init__(self) -> None:
        super().__init__()
        self.held = Turns()
        self.number = 0
        self.waiting: dict[int, OwedCallback] = {}
        self.under_way: dict[int, OwedCallback] = {}
        self.tried: dict[int, OwedCallback] = {}

    @rule(message=st.integers(1, 4), host=st.sampled_from(["a.example", "b.example"]))
    def add(self, message, host):
        self.number += 1
        one = owed(self.number, message, host)
        assert self.held.add(one)
        self.waiting[one.id] = one

    @rule()
    def take(self):
        one = self.held.take()
        if one is None:
            going = {other.message_id for other in self.under_way.values()}
            full = Counter(endpoint_of(other.url) for other in self.under_way.values())
            suspects = {name for name, endpoint in self.held._endpoints.items() if endpoint.suspect}
            stuck = [
                other
                for other in self.waiting.values()
                if other.message_id not in going
                and full[endpoint_of(other.url)] < (1 if endpoint_of(other.url) in suspects else 10)
            ]
            first = {other.message_id: other for other in sorted(self.waiting.values(), key=lambda other: -other.id)}
            assert not [other for other in stuck if first[other.message_id] is other], "something could go and did not"
            return
        del self.waiting[one.id]
        assert all(other.id > one.id for other in self.waiting.values() if other.message_id == one.message_id), (
            "out of order"
        )
        assert one.message_id not in {other.message_id for other in self.under_way.values()}, "two at a time"
        self.under_way[one.id] = one

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), answered=st.sampled_from([True, False, None]))
    def attempted(self, data, answered):
        one = self.under_way.pop(data.draw(st.sampled_from(sorted(self.under_way))))
        self.held.attempted(one, answered=answered)
        self.tried[one.id] = one

    @precondition(lambda self: self.tried)
    @rule(data=st.data())
    def forget(self, data):
        self.held.forget(self.tried.pop(data.draw(st.sampled_from(sorted(self.tried)))).key)

    @rule()
    def leave(self):
        assert sorted(one.id for one in self.held.leave()) == sorted(self.waiting)
        self.waiting.clear()

    @invariant()
    def holds_what_it_should(self):
        assert self.held.room == turns.HELD_MAX - len(self.waiting) - len(self.under_way) - len(self.tried)


TestAgainstAModel = AgainstAModel.TestCase
