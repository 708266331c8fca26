"""Twilio's OpenAPI documents as an oracle: tightened, since as published they would let almost any answer pass.

Tightened means: every property is there and none besides, dates have the form that official clients read, references are
references, and a refusal has Twilio's error body. The documents are not part of this tree: `LIMPET_TWILIO_OAI` names the
directory that holds them, or they lie in `shared/twilio-oai` beside the checkout.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DOCUMENTS = ("twilio_api_v2010.json", "twilio_messaging_v1.json")
ALSO = ("twilio_events_v1.json",)
"""Documents that are compared with where they lie beside those."""
NOT_HERE = (
    "Twilio's OpenAPI documents are not here: answers are not compared with them. Set LIMPET_TWILIO_OAI to the directory of "
    + " and ".join(DOCUMENTS)
)
_BESIDE = Path(__file__).parents[2].parent / "shared" / "twilio-oai"
_PREFIX = re.compile(r"^/(messaging|events)(?=/v1/)")
"""What a client puts before its paths that has one base URL for all products."""

_DAYS, _MONTHS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
RFC_2822 = rf"^({_DAYS}), \d{{2}} ({_MONTHS}) \d{{4}} \d{{2}}:\d{{2}}:\d{{2}} \+0000$"
ISO_8601 = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"
_PATTERNS = {
    "date-time-rfc-2822": RFC_2822,
    "date-time": ISO_8601,
    "uri": r"^[^\s\"<>\\^`{|}]*$",
    "phone-number": r"^(\+[1-9]\d{6,14}|\d{3,6}|[A-Za-z0-9 +_&-]{1,11})$",
    "http-method": r"^(GET|POST)$",
    "date": r"^\d{4}-\d{2}-\d{2}$",
}
DECIMAL: Mapping[str, Any] = {"type": ["string", "number"], "pattern": r"^-?\d+(\.\d+)?$"}
"""What the documents call a number travels as a text in their own examples, and the clients read either."""
ERROR_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["code", "message", "more_info", "status"],
    "properties": {
        "code": {"type": "integer", "minimum": 10000, "maximum": 99999},
        "message": {"type": "string", "minLength": 1},
        "more_info": {"type": "string", "pattern": r"^https://www\.twilio\.com/docs/errors/\d{5}$"},
        "status": {"type": "integer"},
        "details": {"type": "object"},
    },
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Operation:
    """One method of one path: for each success status its JSON schema, None where no body may come."""

    path: re.Pattern[str]
    template: str
    method: str
    answers: Mapping[int, Draft202012Validator | None]


_SHORT_CODES = "/2010-04-01/Accounts/{AccountSid}/SMS/ShortCodes"
OURS = {
    ("POST", f"{_SHORT_CODES}.json"),
    ("DELETE", f"{_SHORT_CODES}/{{Sid}}.json"),
    ("POST", "/v1/Services/{ServiceSid}/PhoneNumbers/{Sid}"),
}
"""Operations that Limpet adds where Twilio has others."""


class Contract:
    """All operations of both documents."""

    def __init__(self, documents: list[Mapping[str, Any]]) -> None:
        self._operations = [each for document in documents for each in _operations(document)]

    def complaints(self, method: str, path: str, status: int, body: bytes) -> list[str]:
        """What is wrong with an answer; nothing when the documents do not have the operation, or have no word against it."""
        own = _PREFIX.sub("", path)
        found = self._at(own)
        if not found or status == 503:
            return []
        operation = next((each for each in found if each.method == method), None)
        if operation is None and any((method, each.template) in OURS for each in found):
            return []
        if status >= 400:
            said = _wrong_json(Draft202012Validator(ERROR_SCHEMA), body)
        elif operation is None or status not in operation.answers:
            said = ["this status is not documented"]
        else:
            validator = operation.answers[status]
            said = _wrong_json(validator, body) if validator else ["a body where none may be"] * bool(body)
        return [f"{method} {path} -> {status}: {each}" for each in said]

    def knows(self, method: str, path: str) -> bool:
        """Whether the documents have this operation."""
        own = _PREFIX.sub("", path)
        return any(each.method == method for each in self._at(own))

    def _at(self, path: str) -> list[Operation]:
        """The operations at a path; where several templates fit, those of the one with the fewest variables."""
        found = [each for each in self._operations if each.path.fullmatch(path)]
        least = min((each.template.count("{") for each in found), default=0)
        return [each for each in found if each.template.count("{") == least]


def documents_directory() -> Path | None:
    """Where Twilio's documents are; None when they are not here."""
    directory = Path(os.environ.get("LIMPET_TWILIO_OAI") or _BESIDE)
    return directory if all((directory / name).is_file() for name in DOCUMENTS) else None


@cache
def contract() -> Contract | None:
    """The documents, tightened; None when they are not here."""
    directory = documents_directory()
    if directory is None:
        return None
    here = [name for name in (*DOCUMENTS, *ALSO) if (directory / name).is_file()]
    return Contract([json.loads((directory / name).read_text()) for name in here])


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for template, methods in document["paths"].items():
        path = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)))
        for method in ("get", "post", "delete"):
            if method in methods:
                answers = {
                    int(status): _validator(document, answer)
                    for status, answer in methods[method]["responses"].items()
                    if status.isdigit()
                }
                yield Operation(path, template, method.upper(), answers)


def _validator(document: Mapping[str, Any], answer: Mapping[str, Any]) -> Draft202012Validator | None:
    content = answer.get("content")
    return Draft202012Validator(tightened(document, content["application/json"]["schema"])) if content else None


def tightened(document: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of OpenAPI 3.0 as one of JSON Schema 2020-12 that lets only what is meant pass; references are resolved."""
    if "$ref" in schema:
        _, _, kind, name = schema["$ref"].split("/")
        return tightened(document, document["components"][kind][name])
    if schema.get("type") == "number":
        return {"anyOf": [DECIMAL, {"type": "null"}]} if schema.get("nullable") else dict(DECIMAL)
    tight: dict[str, Any] = {
        k: v for k, v in schema.items() if k in ("type", "enum", "pattern", "minLength", "maxLength")
    }
    if "properties" in schema:
        tight["properties"] = {
            name: tightened(document, _named(name, each)) for name, each in schema["properties"].items()
        }
        tight["required"] = list(tight["properties"])
        tight["additionalProperties"] = False
    elif schema.get("format") == "uri-map":
        tight["additionalProperties"] = {"type": "string", "pattern": _PATTERNS["uri"]}
    if "items" in schema:
        tight["items"] = tightened(document, schema["items"])
    if (pattern := _PATTERNS.get(schema.get("format", ""))) and "pattern" not in tight:
        tight["pattern"] = pattern
    return {"anyOf": [tight, {"type": "null"}]} if schema.get("nullable") else tight


def _named(name: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A name that people give is called a phone number in some places, and is `(415) 555-0123` in the examples."""
    return {**schema, "format": ""} if name == "friendly_name" else schema


def _wrong_json(validator: Draft202012Validator, body: bytes) -> list[str]:
    try:
        value = json.loads(body)
    except ValueError:
        return ["not JSON"]
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]
