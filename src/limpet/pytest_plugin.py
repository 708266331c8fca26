"""Fixtures for the tests of an application that sends and receives by Twilio: found by pytest wherever Limpet is installed.

`limpet` is a server of the run's own, empty at the start of each test; `limpet_proxy` the same for code that cannot be told of
another base URL. Nothing is started before a test asks for one.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from limpet.testing.limpet import Limpet

_CACHE = "limpet"
_SHOWN = "Limpet: messages of this test"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What can be set in pytest.ini or pyproject.toml."""
    parser.addini("limpet_options", "Further options of `limpet dev` for the server of the tests.", "args", [])


@pytest.fixture(scope="session")
def limpet_server(request: pytest.FixtureRequest) -> Iterator[Limpet]:
    """The server of this run, started once. Tests take `limpet`, which is empty for each of them."""
    from limpet.testing.limpet import Limpet
    from limpet.testing.server import make_template, running, template_in

    cache = getattr(request.config, "cache", None)
    template = None if cache is None else template_in(cache.mkdir(_CACHE))
    with running(request.config.getini("limpet_options"), template) as ready:
        yield Limpet(ready)
    if template is not None and not _in_passing(request):
        make_template(template)


def _in_passing(request: pytest.FixtureRequest) -> bool:
    """Whether a template would be made for nobody, or twice: in builds, in workers of pytest-xdist, in a run that was stopped."""
    is_worker = hasattr(request.config, "workerinput")
    return bool(os.environ.get("CI")) or is_worker or bool(request.session.shouldstop)


@pytest.fixture
def limpet(limpet_server: Limpet) -> Limpet:
    """A running Limpet without any message, mapping or opt-out, whose carrier behaves and whose clock is right."""
    limpet_server.clear()
    return limpet_server


@pytest.fixture
def limpet_proxy(limpet: Limpet, monkeypatch: pytest.MonkeyPatch) -> Limpet:
    """The same, and Twilio's own host names lead there: for code that makes its client itself. Every other host is refused."""
    for name, value in limpet.variables().items():
        monkeypatch.setenv(name, value)
    return limpet


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beneath a test that failed, what was sent and heard in it."""
    report = yield
    used = getattr(item, "funcargs", {}).get("limpet")
    if report.when == "call" and report.failed and used is not None:
        report.sections.append((_SHOWN, _told(used)))
    return report


def _told(limpet: Limpet) -> str:
    from limpet.testing.door import LimpetError
    from limpet.testing.messages import in_words

    try:
        return in_words(limpet.messages) or "  none"
    except LimpetError as error:
        return f"  {error}"
