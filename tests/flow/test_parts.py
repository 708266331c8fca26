"""Long texts from people: in any order, twice, by two processes at once, after a restart, and with a part that never comes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound, Part
from limpet.core.alphabet import Alphabet
from limpet.core.encoding import gsm7_octets, ucs2_octets
from limpet.core.tlvs import Tlvs
from limpet.flow.parts import GIVE_ON_MAX, PATIENCE, REPEATED, UNFINISHED_MAX
from limpet.store.database import Database
from tests.support.clock import HandClock
from tests.support.lane import HandLane
from tests.support.world import POOL, World, open_world

ANNA = "+14155550101"
tokens = count(1)


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        await opened.service(*POOL)
        yield opened


def text_in_parts(pieces: Sequence[str], name: str = "udh8:7", person: str = ANNA) -> list[Inbound]:
    """A person's text, one piece a part, in GSM-7 where that can be."""
    total = len(pieces)
    made = []
    for number, piece in enumerate(pieces, 1):
        wide = not piece.isascii()
        alphabet, octets = (Alphabet.UCS2, ucs2_octets(piece)) if wide else (Alphabet.GSM7, gsm7_octets(piece))
        part = Part(f"{name}:{total}", total, number, alphabet, octets)
        made.append(Inbound(next(tokens), person, POOL[0], "", part=part))
    return made


async def tell(world: World, *texts: Inbound) -> None:
    """All of them, one batch after the other, until each is acknowledged."""
    for text in texts:
        world.lane.tell(text)
        await world.settle()
    assert world.lane.acknowledged[-len(texts) :] == [text.token for text in texts]


async def bodies(world: World) -> list[str]:
    rows = await world.database.pool.fetch("SELECT body FROM message WHERE direction = 'inbound' ORDER BY id")
    return [row["body"] for row in rows]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 0, 2, 1, 1), (0, 1, 2, 2, 0)])
async def test_parts_in_any_order_and_twice_are_one_text(world: World, order: tuple[int, ...]) -> None:
    parts = text_in_parts(["Dear Limpet, ", "日本 and ", "back"])
    await tell(world, *(parts[place] for place in order))
    assert await bodies(world) == ["Dear Limpet, 日本 and back"]


async def test_all_parts_in_one_batch_are_one_text(world: World) -> None:
    parts = text_in_parts(["a" * 153, "b" * 10])
    world.lane.tell(*parts, parts[0])
    await world.settle()
    assert await bodies(world) == ["a" * 153 + "b" * 10]
    assert sorted(world.lane.acknowledged) == sorted(part.token for part in (*parts, parts[0]))


async def test_a_character_that_begins_in_one_part_ends_in_the_next(world: World) -> None:
    smile = "😀".encode("utf-16-be")
    halves = [Part("sar:1:2", 2, number, Alphabet.UCS2, octets) for number, octets in ((1, smile[:2]), (2, smile[2:]))]
    await tell(world, *(Inbound(next(tokens), ANNA, POOL[0], "", part=part) for part in halves))
    assert await bodies(world) == ["😀"]


async def test_texts_of_two_people_two_numbers_and_two_schemes_do_not_mix(world: World) -> None:
    texts = [
        text_in_parts(["1", "a"]),
        text_in_parts(["2", "b"], person="+14155550102"),
        text_in_parts(["3", "c"], name="udh16:7"),
    ]
    other = [Inbound(next(tokens), ANNA, POOL[1], "", part=part.part) for part in text_in_parts(["4", "d"])]
    await tell(world, *(text[0] for text in [*texts, other]), *(text[1] for text in [*texts, other]))
    assert sorted(await bodies(world)) == ["1a", "2b", "3c", "4d"]


async def test_a_restart_between_two_parts_loses_nothing(database: Database, clock: HandClock) -> None:
    parts = text_in_parts(["before ", "after"])
    async with open_world(database, clock, owner="first") as first:
        await first.service(*POOL)
        await tell(first, parts[0])
    async with open_world(database, clock, owner="second") as second:
        assert await bodies(second) == []
        await tell(second, parts[1])
        assert await bodies(second) == ["before after"]


async def test_parts_that_come_to_two_processes_at_once_make_one_text_each(
    database: Database, clock: HandClock
) -> None:
    chance = random.Random(4)
    async with (
        open_world(database, clock, HandLane(name="hand/0"), owner="one") as one,
        open_world(database, clock, HandLane(name="hand/1"), owner="two", seed=8) as two,
    ):
        await one.service(*POOL)
        for turn in range(15):
            texts = {f"t{n}": [f"t{n} ", f"turn{turn} ", "end"] for n in range(4)}
            named = [(pieces, name) for name, pieces in texts.items()]
            told = [part for pieces, name in named for part in text_in_parts(pieces, name=f"udh8:{name}{turn}")]
            told += chance.sample(told, 3)
            chance.shuffle(told)
            for part in told:
                chance.choice((one, two)).lane.tell(part)
                if chance.random() < 0.3:
                    await asyncio.sleep(0)
            await asyncio.gather(one.settle(), two.settle())
            new = [body for body in await bodies(one) if f"turn{turn} " in body]
            assert sorted(new) == sorted("".join(pieces) for pieces in texts.values())
        assert len(await bodies(one)) == 15 * 4


async def test_a_part_that_never_comes_is_waited_for_and_then_shown_missing(world: World) -> None:
    first, _, third, *_ = text_in_parts(["one ", "two ", "three ", "four ", "five"])
    await tell(world, third, first)
    world.clock.advance(PATIENCE - timedelta(seconds=1))
    await world.sweeps.give_on()
    assert await bodies(world) == []
    world.clock.advance(timedelta(seconds=1))
    await world.sweeps.give_on()
    assert await bodies(world) == ["one …three …"]
    await world.sweeps.give_on()
    world.clock.advance(REPEATED)
    await world.sweeps.give_on()
    assert await bodies(world) == ["one …three …"]
    assert await world.database.pool.fetchval("SELECT count(*) FROM inbound_text") == 0


async def test_a_name_that_is_used_again_is_another_text(world: World) -> None:
    """Some phones count their long texts by one octet, some do not count at all. A first part that says the same as the last
    text's is taken for a repetition: only then is something missing, and it is seen to be."""
    await tell(world, *text_in_parts(["Hello ", "Anna"]), *text_in_parts(["Good bye ", "Anna!"]))
    assert await bodies(world) == ["Hello Anna", "Good bye Anna!"]
    await tell(world, *text_in_parts(["Good bye ", "Ben"]))
    world.clock.advance(PATIENCE)
    await world.sweeps.give_on()
    assert await bodies(world) == ["Hello Anna", "Good bye Anna!", "…Ben"]


async def test_a_name_used_again_before_its_text_is_whole_gives_on_what_there_was(world: World) -> None:
    await tell(world, text_in_parts(["Lost ", "half"])[0], *text_in_parts(["Found ", "whole"]))
    assert await bodies(world) == ["Lost …", "Found whole"]


async def test_what_carriers_say_beside_the_parts_is_kept_with_the_text(world: World) -> None:
    said: tuple[Tlvs, ...] = (((0x1400, b"1"), (0x1401, b"\0")), ((0x1400, b"2"), (0x1402, b"")))
    for part, tlvs in zip(text_in_parts(["one ", "two"]), said, strict=True):
        await tell(world, replace(part, tlvs=tlvs))
    kept = await world.database.pool.fetchval("SELECT tlvs FROM message WHERE direction = 'inbound'")
    assert kept == {"0x1400": "hex:31", "0x1401": "hex:00", "0x1402": "hex:"}
    await tell(world, *text_in_parts(["three ", "four"]))
    again = await world.database.pool.fetchval("SELECT tlvs FROM message WHERE body = 'three four'")
    assert again is None, "those of another text under the same name"


async def test_a_word_in_parts_is_heard(world: World) -> None:
    await tell(world, *text_in_parts(["ST", "OP"]))
    service = await world.database.pool.fetchval("SELECT count(*) FROM opt_out")
    assert service == 1


async def test_who_leaves_too_much_unfinished_gets_no_more_places(world: World) -> None:
    for n in range(UNFINISHED_MAX + 3):
        await tell(world, text_in_parts([f"{n} ", "never"], name=f"udh16:{n}")[0])
    assert await bodies(world) == [f"{n} …" for n in range(UNFINISHED_MAX, UNFINISHED_MAX + 3)]
    unfinished = await world.database.pool.fetchval("SELECT count(*) FROM inbound_text WHERE NOT given_on")
    assert unfinished == UNFINISHED_MAX
    await tell(world, text_in_parts(["0 ", "never"], name="udh16:0")[1])
    assert (await bodies(world))[-1] == "0 never"


async def test_many_texts_are_given_on_in_steps(world: World) -> None:
    people = [f"+1415556{n:04}" for n in range(GIVE_ON_MAX + 5)]
    world.lane.tell(*(text_in_parts(["a", "b"], person=person)[0] for person in people))
    await world.settle()
    world.clock.advance(PATIENCE)
    await world.sweeps.give_on()
    assert await bodies(world) == ["a…"] * len(people)
