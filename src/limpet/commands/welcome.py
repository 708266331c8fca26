"""What a person reads when `limpet dev` is ready: where it is, who they are there, and how to point a client at it.

Words only: nothing is asked of anybody.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from limpet.config import Ready
from limpet.pages.phones.facts import Facts
from limpet.pages.phones.first import examples

_WIDTH_MAX = 100


def welcome(ready: Ready, data_dir: Path, console: Console | None = None) -> None:
    """Print it all to standard output."""
    out = console or Console(highlight=False)
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(ready, data_dir):
        facts.add_row(Text(name, style="bold"), Text(value))
    out.print(Panel(facts, title="Limpet is ready", title_align="left", width=min(out.width, _WIDTH_MAX)))
    place = Facts(ready.url, ready.account_sid, ready.auth_token, ready.service_sid)
    for title, code in [*([_unchanged(ready)] if ready.proxy else []), *examples(place)]:
        out.print(Text(f"\n{title}", style="bold"))
        out.print(Text(code), soft_wrap=True)  # no line is broken: it is there to be copied
    out.print("\nStop with Ctrl-C; everything is kept for the next start.")


def _facts(ready: Ready, data_dir: Path) -> list[tuple[str, str]]:
    return [
        ("URL", ready.url),
        ("Phones", f"{ready.url}/phones"),
        ("Account SID", ready.account_sid),
        ("Auth token", ready.auth_token),
        ("API key SID", ready.api_key_sid),
        ("API key secret", ready.api_key_secret),
        ("Service", ready.service_sid),
        ("Numbers", " ".join(ready.numbers)),
        *(
            [("SMPP", f"{ready.smpp}  system_id {ready.smpp_system_id}  password {ready.smpp_password}")]
            if ready.smpp
            else []
        ),
        *([("Proxy", f"{ready.proxy} stands in for *.twilio.com")] if ready.proxy else []),
        ("Data", str(data_dir)),
    ]


def _unchanged(ready: Ready) -> tuple[str, str]:
    """What leads a program here that nobody changes: `limpet proxy env` prints the same for other shells."""
    lines = (f"export {name}={shlex.quote(value)}" for name, value in ready.proxy_environment.items())
    return 'Any program, unchanged (or: eval "$(limpet proxy env)")', "\n".join(lines)
