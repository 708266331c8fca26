"""The files that pages load, under names that hold their hash: a browser may keep each for ever, a changed one has a new name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

PATH: Final = "/static/"
HASH_BYTES: Final = 6
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    path: str
    content: bytes
    media_type: str


class Assets:
    """All files of `static/`, read once."""

    def __init__(self) -> None:
        found = dict(_read(files("limpet.pages") / "static", ""))
        self._by_name = found
        self._by_path = {asset.path: asset for asset in found.values()}

    def url(self, name: str) -> str:
        """The address of a file; KeyError when there is none of that name."""
        return self._by_name[name].path

    def find(self, path: str) -> Asset | None:
        """The file at an address; None for the name of a former hash too."""
        return self._by_path.get(path)


def _read(folder: Traversable, before: str) -> Iterator[tuple[str, Asset]]:
    for entry in folder.iterdir():
        name = before + entry.name
        if entry.is_dir():
            yield from _read(entry, f"{name}/")
            continue
        stem, dot, ending = name.rpartition(".")
        if dot + ending in TYPES:
            content = entry.read_bytes()
            hashed = f"{PATH}{stem}.{blake2b(content, digest_size=HASH_BYTES).hexdigest()}.{ending}"
            yield name, Asset(hashed, content, TYPES[dot + ending])
