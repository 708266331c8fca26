"""The numbers that a carrier routes here, from a file: one a line, what it can do, its type. Lines with `#` are comments."""

from __future__ import annotations

from pathlib import Path

from limpet.config_rules import ConfigError
from limpet.core.inventory import OFFERS_MAX, Offer, offer_of

LINE_LENGTH_MAX = 200


def read_offers(path: Path, carrier: str) -> list[Offer]:
    """The offers of a file; ConfigError, in one sentence, when it cannot be read or used."""
    try:
        with path.open(encoding="utf-8") as file:
            return _offers(file.readlines((OFFERS_MAX + 1) * LINE_LENGTH_MAX), path, carrier)
    except OSError as error:
        raise ConfigError(f"{path}, the numbers of carrier {carrier}, cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}, the numbers of carrier {carrier}, is not a text in UTF-8.") from error


def _offers(lines: list[str], path: Path, carrier: str) -> list[Offer]:
    offers = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        offer = offer_of(line.strip(), carrier) if len(line) <= LINE_LENGTH_MAX else None
        if offer is None:
            raise ConfigError(
                f"{path}, line {number}: this must be a number, what it can do and, where its plan does not tell, its type: "
                "+447700900120,sms+mms,mobile."
            )
        offers.append(offer)
    if len(offers) > OFFERS_MAX:
        raise ConfigError(f"{path} has more than {OFFERS_MAX} numbers.")
    return offers
