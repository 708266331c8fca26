"""What Limpet says of itself: structured log lines, without the people in them.

Events carry names and counts. A number appears as its last four digits and a keyed hash, a body never. An error is its kind and
where it happened: what its message says may be somebody's text.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator
from hashlib import blake2b
from typing import TextIO

import structlog

DIGITS_SHOWN = 4
VALUE_LENGTH_MAX = 500
_HASH_BYTES = 4
_NUMBER = re.compile(r"(?<![\w.:-])\+?\d(?:[ ().-]{0,2}\d){7,14}(?![\w:]|[.-]\d)")
"""What may be somebody's number, however it is spaced. A time, an address or a SID is none."""


def configure(*, as_json: bool, level: str = "info", stream: TextIO | None = None, tracebacks: bool = True) -> None:
    """Set up the process's log: JSON lines for machines, or plain lines for a person; to standard error.

    `level` is one of debug, info, warning, error. What libraries log joins in. Plain lines name an error without where it
    happened unless `tracebacks` are asked for. Standard output stays free for what a command answers.
    """
    out = stream or sys.stderr
    shape = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=out.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _without_people(tracebacks),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=stream is None,
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)


def _without_people(tracebacks: bool) -> structlog.typing.Processor:
    """A step that says of errors no more than may be said, and takes out of every text what may be a number."""

    def step(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if (error := _told(event.pop("exc_info", None))) is not None:
            event.setdefault("error", error)
            if tracebacks:
                event["exception"] = "".join(_frames(error))
        for name, value in event.items():
            if isinstance(value, BaseException):
                event[name] = said_of(value)
            elif isinstance(value, str) and name != "exception":
                event[name] = _NUMBER.sub("…", value)[:VALUE_LENGTH_MAX]
        return event

    return step


def _told(exc_info: object) -> BaseException | None:
    """The error that a log call names in one of structlog's ways."""
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    return exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1] if exc_info else None


def _frames(error: BaseException | None) -> Iterator[str]:
    """Where an error happened, and those that it followed from, the first one first: lines of code, and no values."""
    if error is None:
        return
    if not error.__suppress_context__ or error.__cause__ is not None:
        yield from _frames(error.__cause__ or error.__context__)
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{said_of(error)}\n"


def said_of(error: BaseException) -> str:
    """An error as a log may name it. The messages of the operating system's errors name no person; those of a database name the
    row, and those of others may hold anything: of these only the kind is said, and what a database blames."""
    kind = type(error).__name__
    if isinstance(error, OSError):
        return f"{kind}: {_NUMBER.sub('…', str(error))[:VALUE_LENGTH_MAX]}" if str(error) else kind
    blamed = (getattr(error, name, None) for name in ("sqlstate", "table_name", "column_name", "constraint_name"))
    return " ".join([kind, *(each for each in blamed if isinstance(each, str))])


class _Libraries(logging.Handler):
    """Hands what libraries log through `logging` on to structlog: one line each, the error named. Only the first line is theirs:
    asyncio's others repeat the error with all that it says."""

    def emit(self, record: logging.LogRecord) -> None:
        """One record as one event."""
        more = {} if record.exc_info is None else {"error": record.exc_info[1]}
        said = (record.getMessage().splitlines() or [""])[0]
        structlog.get_logger().log(record.levelno, said, logger=record.name, **more)


def masked(address: str, key: bytes) -> str:
    """A phone number as a log may hold it: the last four characters, and a keyed hash that tells two numbers apart.

    The same number under the same key reads the same. An address of eight characters or fewer shows only its hash.
    """
    digest = blake2b(address.encode(), digest_size=_HASH_BYTES, key=key).hexdigest()
    shown = address[-DIGITS_SHOWN:] if len(address) > 2 * DIGITS_SHOWN else ""
    return f"…{shown}#{digest}"
