"""Twilio's OpenAPI documents as one that a fuzzer can be given: what is served of them, tightened, and aimed at what there is.

Tightened as `tests.wire.openapi` does it. Aimed: SIDs in paths are those of resources that exist (a deletion has its own
ones), or made up; a few parameters have values that lead on, beside those that the documents allow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from limpet.web.app import served
from tests.wire.openapi import DOCUMENTS, ERROR_SCHEMA, OURS, documents_directory, tightened

FORM = "application/x-www-form-urlencoded"
METHODS = ("get", "post", "delete")


@dataclass
class Aim:
    """What there is. `paths` are SIDs by the part of the path before them, `kept` those that no deletion may name; `values` those
    of parameters by name."""

    kept: Mapping[str, Sequence[str]]
    spare: Mapping[str, Sequence[str]]
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


def shape(path: str) -> str:
    """A path whatever its variables are called."""
    return re.sub(r"\{\w+\}", "{}", path)


def prepared(aim: Aim) -> dict[str, Any] | None:
    """The document; None where Twilio's are not here."""
    directory = documents_directory()
    if directory is None:
        return None
    here = {(method.lower(), shape(path)) for method, path in served()}
    paths: dict[str, Any] = {}
    components: dict[str, Any] = {"securitySchemes": {}, "schemas": {}, "parameters": {}}
    for name in DOCUMENTS:
        document = json.loads((directory / name).read_text())
        for kind, found in components.items():
            found.update(document["components"].get(kind, {}))
        paths |= dict(_paths(document, here, aim))
    return {
        "openapi": "3.1.0",
        "info": {"title": "What Limpet serves of Twilio's API", "version": "1"},
        "security": [{"accountSid_authToken": []}],
        "paths": paths,
        "components": components,
    }


def _paths(document: Mapping[str, Any], here: set[tuple[str, str]], aim: Aim) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        operations = {
            method: _operation(document, path, method, methods[method], aim)
            for method in METHODS
            if method in methods and (method, shape(path)) in here
        }
        ours = {method.lower() for method, own in OURS if own == path}
        if operations:
            yield path, operations | {method: _ours(path, aim) for method in ours}


def _operation(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], aim: Aim
) -> dict[str, Any]:
    made = {
        "parameters": [
            _aimed_path(path, method, each, aim) if each["in"] == "path" else _aimed(each, aim)
            for each in operation.get("parameters", [])
            if "in" in each  # a reference is to a header that says which version of the resource is meant
        ],
        "responses": {
            status: _answer(document, answer) for status, answer in operation["responses"].items() if status.isdigit()
        },
    }
    made["responses"]["4XX"] = _refusal()
    schema = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema")
    if schema:
        properties = {name: _led_on(name, each, aim) for name, each in schema.get("properties", {}).items()}
        made["requestBody"] = {"content": {FORM: {"schema": {**schema, "properties": properties}}}}
    return made


def _ours(path: str, aim: Aim) -> dict[str, Any]:
    """An operation that Limpet adds to a path of Twilio's: it is there, and is not fuzzed into."""
    names = re.findall(r"\{(\w+)\}", path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    answers = {status: {"description": ""} for status in ("200", "201", "204")}
    return {
        "parameters": [_aimed_path(path, "delete", each, aim) for each in parameters],
        "responses": {**answers, "4XX": _refusal()},
    }


def _answer(document: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    content = answer.get("content")
    if not content:
        return {"description": ""}
    return {
        "description": "",
        "content": {"application/json": {"schema": tightened(document, content["application/json"]["schema"])}},
    }


def _refusal() -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": dict(ERROR_SCHEMA)}}}


def _aimed_path(path: str, method: str, parameter: Mapping[str, Any], aim: Aim) -> dict[str, Any]:
    """A SID in a path: one that is there, three times of four."""
    before = path.partition("{" + parameter["name"] + "}")[0].rstrip("/").rpartition("/")[2]
    found = list((aim.spare if method == "delete" else aim.kept).get(before) or aim.kept.get(before, ()))
    unknown = f"{found[0][:2]}{'f' * 32}" if found and len(found[0]) == 34 else "ZZ"
    names = [*found, unknown] if before != "Accounts" else found
    return {"name": parameter["name"], "in": "path", "required": True, "schema": {"type": "string", "enum": names}}


def _aimed(parameter: Mapping[str, Any], aim: Aim) -> dict[str, Any]:
    name = parameter["name"]
    return {
        "name": name,
        "in": parameter["in"],
        "required": parameter.get("required", False),
        "schema": _led_on(name, parameter.get("schema", {"type": "string"}), aim),
    }


def _led_on(name: str, schema: Mapping[str, Any], aim: Aim) -> dict[str, Any]:
    values = list(aim.values.get(name, ()))
    return {"anyOf": [{"type": "string", "enum": values}, dict(schema)]} if values else dict(schema)
