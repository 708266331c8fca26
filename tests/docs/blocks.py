"""The code blocks of a page of the documents, and what is put in the place of what readers put in themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<kind>[a-z]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SID = re.compile(r"\b([A-Z]{2})[0-9a-f]{32,34}\b")
_ELLIPSIS = re.compile(r"\b([A-Z]{2})…")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the line of the page on which it begins."""

    kind: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in their order."""
    whole = page.read_text()
    return [Block(m["kind"], m["text"], whole.count("\n", 0, m.start()) + 1) for m in _FENCE.finditer(whole)]


def pages() -> list[Path]:
    """Every page for people: the README and all below `docs`, without decisions and what is written from the code."""
    below = [page for page in (ROOT / "docs").rglob("*.md") if page.parent.name not in ("decisions", "reference")]
    return sorted([ROOT / "README.md", *below])


@dataclass
class Reader:
    """Who follows a page: knows the SIDs that were told, and puts them where the page has `MG…` and the like."""

    url: str
    account: str
    token: str
    sids: dict[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    """What the pages say, and what is meant by it here."""
    variables: dict[str, str] = field(default_factory=dict)

    def hears(self, text: str) -> None:
        """The newest SID of each kind is the one that is meant next."""
        for match in _SID.finditer(text):
            kind = match[1] if match[0] == self.account or match[1] != "AC" else "SUB"
            self.sids[kind] = match[0]

    def fill(self, text: str) -> str:
        """A block as a reader would run it. AssertionError names what nobody has told."""
        unknown = {name for name in _ELLIPSIS.findall(text) if name not in self.sids}
        assert not unknown, f"the page says {', '.join(sorted(unknown))}…, and nothing before has told which"
        filled = _ELLIPSIS.sub(lambda match: self.sids[match[1]], text)
        for said, meant in self.words.items():
            filled = filled.replace(said, meant)
        return filled
