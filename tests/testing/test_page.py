"""The page on the fixtures is run with the fixtures."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from limpet.testing.limpet import Limpet
from tests.docs.blocks import ROOT, Block, blocks

PAGE = ROOT / "docs" / "howto" / "test-with-pytest.md"
ANNA = "+14155550150"
PYTHON = {block.line: block for block in blocks(PAGE) if block.kind == "python"}


@pytest.fixture
def sign_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "python-sign-up"))
    from sign_up import SignUp  # type: ignore[import-not-found]

    yield SignUp
    sys.modules.pop("sign_up", None)


class Reminder:
    """An application that makes its own client."""

    def __init__(self, service_sid: str) -> None:
        self.service_sid = service_sid

    def send_reminder(self, to: str) -> None:
        from twilio.rest import Client

        Client().messages.create(to=to, messaging_service_sid=self.service_sid, body="Do not forget")


@pytest.mark.parametrize("block", PYTHON.values(), ids=map(str, PYTHON))
def test_what_the_page_says_runs(limpet: Limpet, limpet_proxy: Limpet, sign_up: type, block: Block) -> None:
    known = {"limpet": limpet, "re": re, "SignUp": sign_up, "my_app": Reminder(limpet.service_sid)}
    tests = re.findall(r"^def (test_\w+)\((\w+)\)", block.text, re.MULTILINE)
    if not tests:
        for body in ("Welcome!", "Your code 123456", "Short"):
            limpet.client.messages.create(to=ANNA, messaging_service_sid=limpet.service_sid, body=body)
    exec_block(block, known)
    for name, fixture in tests:
        assert fixture in {"limpet", "limpet_proxy"}
        known[name](limpet)  # type: ignore[operator]


def exec_block(block: Block, known: dict[str, object]) -> None:
    exec(compile(block.text, f"{PAGE.name}:{block.line}", "exec"), known)
