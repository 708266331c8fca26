"""A table of a configuration file, read key by key: what is missing, unknown or of the wrong kind is one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from limpet.core.errors import ApiError

T = TypeVar("T")
LIST_MAX = 100_000
TEXT_MAX = 4096
_PARAMETER = re.compile(r"'([A-Z]\w+)'")


class Refused(Exception):
    """A key that cannot be as it is; the message is one sentence that begins with its path."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} {why}")
        self.path = path


def spelled(parameter: str) -> str:
    """`sticky_ttl_days` of `StickyTtlDays`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", parameter).lower()


class Table:
    """A table at a path."""

    def __init__(self, path: str, values: Mapping[str, object], known: Sequence[str] = ()) -> None:
        self.path = path
        self._values = values
        if known:
            self.known(*known)

    def join(self, name: str) -> str:
        """The path of a key in it."""
        return f"{self.path}.{name}" if self.path else name

    def known(self, *names: str) -> None:
        """Refuse every other key."""
        for name in self._values:
            if name not in names:
                raise Refused(self.join(name), f"is not a setting; known here are {', '.join(names)}.")

    def has(self, name: str) -> bool:
        """Whether it is given."""
        return name in self._values

    def text(self, name: str, most: int) -> str:
        """A text that must be given."""
        if name not in self._values:
            raise Refused(self.join(name), "is missing.")
        return self.text_of(self._values[name], self.join(name), most)

    def choice(self, name: str, options: Sequence[str]) -> str | None:
        """One of some words; None when it is not given."""
        value = self._values.get(name)
        if value is not None and value not in options:
            words = " or ".join(f'"{option}"' for option in options)
            raise Refused(self.join(name), f"must be {words}.")
        return None if value is None else str(value)

    def switch(self, name: str) -> bool | None:
        """True, false, or None when it is not given."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise Refused(self.join(name), "must be true or false.")
        return value

    def many(self, name: str) -> Sequence[object]:
        """A list; empty when it is not given."""
        found = self._values.get(name, [])
        if not isinstance(found, list) or len(found) > LIST_MAX:
            raise Refused(self.join(name), f"must be a list of at most {LIST_MAX}.")
        return found

    def texts(self, name: str) -> Sequence[str]:
        """A list of texts."""
        return [self.text_of(one, self.join(f"{name}[{place}]"), TEXT_MAX) for place, one in enumerate(self.many(name))]

    def tables(self, name: str) -> Iterator[Table]:
        """A list of tables."""
        for place, one in enumerate(self.many(name)):
            path = self.join(f"{name}[{place}]")
            if not isinstance(one, Mapping):
                raise Refused(path, "must be a table.")
            yield Table(path, one)

    def table(self, name: str) -> Table | None:
        """A table; None when it is not given."""
        found = self._values.get(name)
        if found is not None and not isinstance(found, Mapping):
            raise Refused(self.join(name), "must be a table.")
        return None if found is None else Table(self.join(name), found)

    def form(self, parameters: Sequence[str]) -> dict[str, list[str]]:
        """Those of its keys that are these parameters of the API, as the API's readers take them."""
        named = {spelled(parameter): parameter for parameter in parameters}
        return {named[key]: [_value(self._values[key], self.join(key))] for key in self._values if key in named}

    def read(self, reader: Callable[[], T]) -> T:
        """What one of the API's readers makes of it; its refusal is one of this table."""
        try:
            return reader()
        except ApiError as error:
            parameter = _PARAMETER.search(error.message)
            key = spelled(parameter[1]) if parameter else ""
            path = self.join(key) if key in self._values else self.path
            raise Refused(path, f"is refused: {error.message.rstrip('.')} (error {error.code}).") from error

    @staticmethod
    def text_of(value: object, path: str, most: int = TEXT_MAX) -> str:
        """A value that must be a text."""
        if not isinstance(value, str) or not 1 <= len(value) <= most or any(ord(letter) < 32 for letter in value):
            raise Refused(path, f"must be a text of 1 to {most} characters.")
        return value


def _value(value: object, path: str) -> str:
    """A value of TOML as a form has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ",".join(value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or "\0" in value:
        raise Refused(path, "must be a text, a whole number, true, false, or a list of texts.")
    return value
