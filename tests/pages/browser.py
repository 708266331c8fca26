"""Chromium, as the tests of pages use it; without one they are skipped, and say so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = os.environ.get("LIMPET_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
AXE = Path(__file__).parent.parent.parent / ".venv" / "clients" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
WAIT_MS = 20_000
SERIOUS = {"serious", "critical"}
RUN_AXE = """async () => {
  const found = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
  const said = (node) => `${node.target.join(" ")} ${node.failureSummary}`;
  return found.violations.map((v) => ({id: v.id, impact: v.impact, where: v.nodes.map(said)}));
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("NOT CHECKED in a browser: there is no chromium here (LIMPET_CHROMIUM can name one)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--headless"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched_page(browser: Browser, tolerates: str = "of 4", **options: Any) -> Iterator[Page]:
    """A page of a browser of its own; whatever it says on its console, and any dialog, is a failure, unless it has
    `tolerates` in it."""
    context: BrowserContext = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    complaints: list[str] = []
    page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    try:
        yield page
        assert [one for one in complaints if tolerates not in one] == []
    finally:
        context.close()


def violations(page: Page) -> list[Any]:
    """What axe finds that is serious or worse."""
    if not AXE.exists():
        pytest.skip("NOT CHECKED for accessibility: `make axe` brings axe-core (needs npm)")
    page.evaluate(AXE.read_text())
    return [one for one in page.evaluate(RUN_AXE) if one["impact"] in SERIOUS]
