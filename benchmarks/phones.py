"""How the page of phones keeps up: messages to 200 people a second on one page, frame by frame, in a real browser.

    .venv/bin/python benchmarks/phones.py [--rate 200] [--seconds 15] [--pages 1]

Starts a `limpet dev` of its own on a free port, and chromium. Prints how long frames took, how long after acceptance a bubble was
there, and what the server's process used.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import psutil
from playwright.async_api import Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
PEOPLE = 200
WATCH = """() => {
  window.frames_ms = []; window.seen = {};
  let last = performance.now();
  const frame = (now) => { frames_ms.push(now - last); last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes)
      if (node.classList?.contains("row")) window.seen[node.querySelector(".text").textContent] = Date.now();
  }).observe(document.getElementById("phones"), {childList: true, subtree: true});
}"""


async def send(ready: dict, rate: int, seconds: int) -> dict[str, float]:
    """Post messages at a rate; answers when each had been accepted, in milliseconds."""
    accepted: dict[str, float] = {}
    url = f"{ready['url']}/2010-04-01/Accounts/{ready['account_sid']}/Messages.json"
    who = base64.b64encode(f"{ready['account_sid']}:{ready['auth_token']}".encode()).decode()
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {who}"}) as session:

        async def one(number: int) -> None:
            body = f"Message {number} of a busy day"
            form = {"To": f"+1415555{number % PEOPLE:04}", "MessagingServiceSid": ready["service_sid"], "Body": body}
            async with session.post(url, data=form) as answer:
                await answer.read()
                assert answer.status == 201, answer.status
            accepted[body] = time.time() * 1000

        tasks, began = [], time.perf_counter()
        for number in range(rate * seconds):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(one(number)))
        await asyncio.gather(*tasks)
    return accepted


def shares(values: list[float]) -> str:
    ordered = sorted(values)
    at = [ordered[int(len(ordered) * share)] for share in (0.5, 0.95, 0.99)]
    return f"median {at[0]:.0f} ms, p95 {at[1]:.0f} ms, p99 {at[2]:.0f} ms, most {ordered[-1]:.0f} ms"


async def measure(ready: dict, options: argparse.Namespace) -> None:
    process = psutil.Process(ready["pid"])
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--headless"])
        pages: list[Page] = []
        for _ in range(options.pages):
            page = await browser.new_page(viewport={"width": 1280, "height": 900})
            await page.goto(f"{ready['url']}/phones")
            await page.wait_for_selector("#live.on")
            await page.evaluate(WATCH)
            pages.append(page)
        before = process.cpu_times()
        accepted = await send(ready, options.rate, options.seconds)
        after = process.cpu_times()
        await asyncio.sleep(3)
        for page in pages:
            seen = await page.evaluate("seen")
            frames = await page.evaluate("frames_ms")
            late = [seen[body] - at for body, at in accepted.items() if body in seen]
            print(f"{len(seen)} of {len(accepted)} bubbles came; {await page.locator('.phone').count()} phones")
            print(f"bubble after acceptance: {shares(late)}")
            print(f"frames: {shares(frames)}; {1000 / statistics.mean(frames):.0f} a second")
        used = after.user + after.system - before.user - before.system
        print(f"server: {100 * used / options.seconds:.0f} % of a core")
        await browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--pages", type=int, default=1)
    options = parser.parse_args()
    program = str(Path(sys.executable).with_name("limpet"))
    with tempfile.TemporaryDirectory() as data:
        Path(data).chmod(0o755)
        command = [program, "dev", "--port", "0", "--data", f"{data}/limpet", "--ready-json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                asyncio.run(measure(json.loads(server.stdout.readline()), options))
            finally:
                server.terminate()
                server.wait(30)


if __name__ == "__main__":
    main()
