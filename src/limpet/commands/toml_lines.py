"""Where in a TOML text a key stands, for error messages: the parser that is in Python's library does not tell.

It follows headers and keys at the beginnings of lines; what is written inline is found at the key that it belongs to.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\- ]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")


def line_of(text: str, path: str) -> int | None:
    """The line (from 1) of a key such as `accounts[0].services[1].name`, or of the nearest thing around it; None for none."""
    counts: dict[str, int] = {}
    here, best, line_found = "", 0, None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            here = _enter(header[2].split("."), counts, many=header[1] == "[[")
            found = here
        elif key := _KEY.match(line):
            found = f"{here}.{key[1]}" if here else key[1]
        else:
            continue
        if len(found) > best and (path == found or path.startswith((f"{found}.", f"{found}["))):
            best, line_found = len(found), number
    return line_found


def _enter(names: list[str], counts: dict[str, int], *, many: bool) -> str:
    """The path of a table whose header is met; of a list's tables each header is one more."""
    path = ""
    for place, name in enumerate(names):
        path = f"{path}.{name.strip()}" if path else name.strip()
        last = place == len(names) - 1
        if last and many:
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = f"{path}[{counts[path] - 1}]"
    return path
