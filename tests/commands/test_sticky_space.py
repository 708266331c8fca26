"""`limpet sticky space` against a running Limpet: made, joined, listed, changed, left and deleted."""

from __future__ import annotations

from tests.commands.test_sticky import refused, said
from tests.support.limpet_process import LimpetProcess, limpet

NOBODYS = "LS" + "0" * 32


def test_a_space_is_made_joined_listed_changed_left_and_deleted(running: LimpetProcess, where: tuple[str, ...]) -> None:
    service, data = str(running.ready["service_sid"]), where[2:]
    space = said("space", "create", "Sales", "--ttl", "36h", *data)
    assert (space["friendly_name"], space["sticky_ttl"], space["services"]) == ("Sales", "36h", [])
    sid = str(space["sid"])
    assert said("space", "join", "--service", service, "--space", sid, *data) == {
        "service_sid": service,
        "space_sid": sid,
    }
    assert said("space", "list", *data)[0]["services"] == [service]
    table = limpet("sticky", "space", "list", *data).stdout
    assert all(word in table for word in (sid, "Sales", "36h"))
    assert "there are services in it" in refused("space", "delete", "--space", sid, *data)
    changed = said("space", "set", "--space", sid, "--name", "Everybody", "--ttl", "never", *data)
    assert (changed["friendly_name"], changed["sticky_ttl"]) == ("Everybody", "never")
    assert (
        "the mappings count that it has alone" in limpet("sticky", "space", "leave", "--service", service, *data).stdout
    )
    assert said("space", "delete", "--space", sid, *data)["deleted"] is True
    assert said("space", "list", *data) == []
    assert "has no spaces" in limpet("sticky", "space", "list", *data).stdout


def test_what_cannot_be_is_one_sentence(running: LimpetProcess, where: tuple[str, ...]) -> None:
    service, data = str(running.ready["service_sid"]), where[2:]
    assert "there is no such space" in refused("space", "join", "--service", service, "--space", NOBODYS, *data)
    assert "has no service" in refused("space", "leave", "--service", "MG" + "0" * 32, *data)
    assert "has no space" in refused("space", "delete", "--space", NOBODYS, *data)
    assert "has no space" in refused("space", "set", "--space", NOBODYS, "--name", "x", *data)
    assert "StickyTtl" in refused("space", "create", "x", "--ttl", "soon", *data)
    assert "Give --name" in refused("space", "set", "--space", NOBODYS, *data)
