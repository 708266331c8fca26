"""The reference is what the code's routes make of Twilio's list of operations, and that list is Twilio's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from limpet import cli_reference
from limpet.devtools import reference
from limpet.devtools.reference import Operation
from limpet.web.app import served
from tests.wire.openapi import ALSO, DOCUMENTS, NOT_HERE

HERE = Path(__file__).parents[1] / "docs" / "reference"
BESIDE = Path(__file__).parents[2] / "shared" / "twilio-oai"
METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> list[Operation]:
    return reference.read_operations(HERE / reference.OPERATIONS)


def test_the_page_is_what_the_code_says() -> None:
    assert (HERE / reference.PAGE).read_text() == reference.reference(operations(), list(served())), "make reference"


def test_the_page_of_the_commands_is_what_they_say() -> None:
    page = (HERE / cli_reference.PAGE).read_text()
    assert page == cli_reference.reference(), "make reference"
    assert "| `--every FLOAT RANGE` |" in page
    assert "### limpet send" in page


def test_what_is_served_is_said_to_be_and_what_is_not_is_not() -> None:
    page = reference.reference(operations(), [("GET", "/v1/Services/{a}"), ("GET", "/v1/Mine/{b}")])
    lines = {line.split(" | ")[0]: line for line in page.splitlines()}
    assert lines["| FetchService"].endswith("| supported |")
    assert "not supported" in lines["| UpdateService"]
    assert page.endswith("| GET | `/v1/Mine/{b}` |\n")
    assert "| messaging v1 | 58 | 1 |" in page
    assert page.count("not supported: ") == len(operations()) - 1


def test_a_difference_of_what_does_not_exist_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "DIFFERS", {"FetchNothing": "x"})
    with pytest.raises(LookupError, match="FetchNothing"):
        reference.reference(operations(), [])


def test_an_operation_in_no_group_is_noticed() -> None:
    stray = Operation("messaging v1", "/v9/Strays", "GET", "ListStray")
    with pytest.raises(LookupError, match="ListStray"):
        reference.reference([*operations(), stray], [])


def test_the_list_of_operations_is_that_of_the_documents() -> None:
    directory = Path(os.environ.get("LIMPET_TWILIO_OAI") or BESIDE)
    if not all((directory / name).is_file() for name in DOCUMENTS):
        pytest.skip(NOT_HERE)
    here = [name for name in (*DOCUMENTS, *ALSO) if (directory / name).is_file()]
    documented = {
        (path, method.upper(), operation["operationId"])
        for name in here
        for path, methods in json.loads((directory / name).read_text())["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }
    compared = {name.removeprefix("twilio_").removesuffix(".json").replace("_", " ") for name in here}
    listed = {(each.path, each.method, each.name) for each in operations() if each.document in compared}
    assert listed == documented
