"""`limpet sticky show|reset`: one person's mapping, looked at or forgotten through the HTTP API of a running Limpet.

It speaks to the API like any customer and knows nothing of the store.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from limpet.commands.door import Door, call


def show_mapping(door: Door, service: str, to: str) -> dict[str, Any] | None:
    """The mapping of a person within a service; None when there is none."""
    answer = call(door, "GET", _place(service), {"To": to})
    found = None if answer is None else answer.get("sticky_mappings", [answer])
    return found[0] if found else None


def reset_mapping(door: Door, service: str, to: str) -> bool:
    """Forget the mapping of a person; whether there was one."""
    return call(door, "DELETE", _place(service), {"To": to}) is not None


def _place(service: str) -> str:
    return f"/v1/Services/{quote(service, safe='')}/StickyMappings"
