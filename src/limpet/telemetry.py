"""What Limpet says of itself: structured log lines, without the people in them.

Events carry names and counts. A number appears as its last four digits and a keyed hash, a body never.
"""

from __future__ import annotations

import logging
import sys
from hashlib import blake2b
from typing import TextIO

import structlog

DIGITS_SHOWN = 4
_HASH_BYTES = 4


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
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if as_json and tracebacks else _without_traceback(tracebacks),
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=stream is None,
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)


def _without_traceback(tracebacks: bool) -> structlog.typing.Processor:
    """A step that names the error in the place of its traceback, or lets both be."""

    def step(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if not tracebacks and (told := event.pop("exc_info", None)) is not None:
            error = (
                told[1] if isinstance(told, tuple) else told if isinstance(told, BaseException) else sys.exc_info()[1]
            )
            event.setdefault("error", repr(error))
        return event

    return step


class _Libraries(logging.Handler):
    """Hands what libraries log through `logging` on to structlog: one line each, the error named."""

    def emit(self, record: logging.LogRecord) -> None:
        """One record as one event."""
        more = {} if record.exc_info is None else {"error": repr(record.exc_info[1])}
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, **more)


def masked(address: str, key: bytes) -> str:
    """A phone number as a log may hold it: the last four characters, and a keyed hash that tells two numbers apart.

    The same number under the same key reads the same. An address of eight characters or fewer shows only its hash.
    """
    digest = blake2b(address.encode(), digest_size=_HASH_BYTES, key=key).hexdigest()
    shown = address[-DIGITS_SHOWN:] if len(address) > 2 * DIGITS_SHOWN else ""
    return f"…{shown}#{digest}"
