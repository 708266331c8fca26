"""What applying a configuration file does, told: each change in words, without anything that is secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from limpet.core.optout import OptOutSettings
from limpet.store.services import ServiceSettings

_USERINFO = re.compile(r"//[^/@]*@")


class CannotApply(Exception):
    """The file and the database do not go together; the message is one sentence that begins with a key of the file."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is done: `verb` is create, change or remove. `sid` is not part of what a plan compares."""

    verb: str
    what: str
    name: str
    detail: str = ""
    sid: str = field(default="", compare=False)


@dataclass(slots=True)
class Plan:
    """What is done, and what is not in the file and left."""

    changes: list[Change] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def tell(self, verb: str, what: str, name: str, detail: str = "", sid: str = "") -> None:
        """One more change; credentials in URLs are left out."""
        self.changes.append(Change(verb, what, name, _USERINFO.sub("//…@", detail), sid))


def plain(value: object, names: Iterable[str]) -> dict[str, object]:
    """Some attributes of a value, as they can be compared and shown."""
    found = {name: getattr(value, name) for name in names}
    return {name: sorted(one) if isinstance(one, frozenset) else one for name, one in found.items()}


def differing(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What changes, each as `name before → after`."""
    return [
        f"{name} {_shown(before.get(name))} → {_shown(new)}" for name, new in after.items() if before.get(name) != new
    ]


def differing_from_default(settings: ServiceSettings) -> str:
    """What is said of a new service."""
    usual, names = ServiceSettings(settings.friendly_name), ServiceSettings.__slots__
    return "; ".join(
        f"{name} {_shown(getattr(settings, name))}" for name in names if getattr(settings, name) != getattr(usual, name)
    )


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, list | tuple):
        return "+".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def comparable(settings: OptOutSettings) -> tuple[bool, frozenset[object]]:
    """Opt-out settings without the order of their sets."""
    return settings.advanced, frozenset(
        (one.country, one.language, frozenset((k, v) for k, v in one.keywords.items()), frozenset(one.replies.items()))
        for one in settings.sets
    )


def words_differing(before: OptOutSettings, after: OptOutSettings) -> str:
    """How opt-out settings change; keywords and replies themselves are too long to be told."""
    told = differing({"advanced": before.advanced}, {"advanced": after.advanced})
    sets = [_places(settings) for settings in (before, after)]
    return "; ".join([*told, f"sets {_shown(sets[0])} → {_shown(sets[1])}"])


def _places(settings: OptOutSettings) -> list[str]:
    return sorted("/".join(filter(None, (one.country, one.language))) or "everybody" for one in settings.sets)
