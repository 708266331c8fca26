"""Every code block of the documents is run as a reader would run it, page by page, beside a `limpet dev`.

Shell: exit code 0, and no HTTP error. Python: no exception. TOML: a configuration that is taken. JSON, YAML and XML: well formed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from limpet.commands.wanted import load_wanted
from limpet.config import load_config
from limpet.store.embedded import running_url
from tests.docs.blocks import ROOT, Block, Reader, blocks, pages
from tests.docs.scripts import POOL_FIRST, SCRIPTS, Script
from tests.support.limpet_process import PROGRAM, LimpetProcess, data_directory, limpet_dev

KINDS = {"", "console", "js", "json", "mermaid", "python", "sh", "toml", "xml", "yaml"}
PAGES = [str(page.relative_to(ROOT)) for page in pages()]
CARRIERS = ("acme", "spare", "uk", "german", "upstream")
_COMMENT = re.compile(r"(^|\s+)# .*$", re.MULTILINE)
_PRELUDE = 'set -euo pipefail\ncurl() { command curl --fail-with-body --silent --show-error "$@"; }\n'


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[LimpetProcess, Path]]:
    with data_directory() as data, limpet_dev(data) as process:
        yield process, data


@pytest.fixture
def reader(running: tuple[LimpetProcess, Path], tmp_path: Path) -> Reader:
    """A reader in a directory of their own, with the data directory of the server and a configuration of its database."""
    process, data = running
    ready = process.ready
    (tmp_path / ".limpet").symlink_to(data)
    (tmp_path / "limpet.toml").write_text(_configuration(f'[database]\nurl = "{running_url(data)}"\n'))
    shutil.copy(data / "secret.key", tmp_path / "secret.key")
    account, token = ready["account_sid"], ready["auth_token"]
    words = {
        "the auth token": token, "auth token": token, f"{account}:token": f"{account}:{token}",
        "http://127.0.0.1:8080": ready["url"], "https://sms.example.com": ready["url"],
        "/etc/limpet/limpet.toml": "limpet.toml", "127.0.0.1:2775": ready["smpp"], "lp…": ready["smpp_system_id"],
        'password: "…"': f'password: "{ready["smpp_password"]}"',
    }  # fmt: skip
    found = Reader(ready["url"], account, token, {"AC": account, "MG": ready["service_sid"]}, words)
    _shell(POOL_FIRST, found, tmp_path)
    return found


def _configuration(head: str, carriers: tuple[str, ...] = CARRIERS) -> str:
    return head + '[security]\nsecret_key_file = "secret.key"\n' + "".join(map(_carrier, carriers))


def _carrier(name: str) -> str:
    return f'[[carriers]]\nname = "{name}"\nhost = "127.0.0.1"\nport = 1\nsystem_id = "x"\npassword = "x"\n'


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_says_to_run_runs(name: str, reader: Reader, tmp_path: Path) -> None:
    script = SCRIPTS.get(name, Script())
    if script.whole:
        return
    for file, text in script.files.items():
        (tmp_path / file).write_text(text)
    for command, names in script.before.items():
        said = _shell(command, reader, tmp_path)
        reader.variables.update({name: json.loads(said)[key] for name, key in names.items()})
    found = blocks(ROOT / name)
    for block in found:
        assert block.kind in KINDS, f"{name}:{block.line}: nobody runs {block.kind}"
        try:
            RUN.get(block.kind, _read)(block, reader, tmp_path, script)
        except AssertionError as error:
            raise AssertionError(f"{name}:{block.line}: {error}\n{block.text}") from error


NODE = {"twilio": ROOT / ".venv/clients/node-6/node_modules", "smpp": ROOT / ".venv/interop/node/node_modules"}
JS = [(name, block) for name in PAGES for block in blocks(ROOT / name) if block.kind == "js"]


@pytest.mark.parametrize(("name", "block"), JS, ids=[f"{name}:{block.line}" for name, block in JS])
def test_what_a_page_says_in_javascript_runs(name: str, block: Block, reader: Reader, tmp_path: Path) -> None:
    """It is loaded, and ends or is ended after a while: what it does stays open where it listens."""
    package = re.search(r'require\("(\w+)"\)', block.text)
    assert package is not None
    modules = NODE[package[1]]
    if not modules.exists() or not shutil.which("node"):
        pytest.skip(f"node or its package {package[1]} is not there: make clients interop")
    ended = subprocess.run(
        ["node", "-e", reader.fill(block.text) + "\nsetTimeout(() => process.exit(0), 3000);"],
        cwd=tmp_path, env={**_environment(reader), "NODE_PATH": str(modules)}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


def test_every_script_is_of_a_page_and_leaves_out_what_is_there() -> None:
    for name, script in SCRIPTS.items():
        lines = [line for block in blocks(ROOT / name) for line in block.text.splitlines()]
        for begins in script.left_out:
            assert any(line.startswith(begins) for line in lines), f"{name} has no line that begins with {begins}"


def _run_sh(block: Block, reader: Reader, place: Path, script: Script) -> None:
    joined = _COMMENT.sub("", re.sub(r"\\\n\s*", " ", block.text))
    kept = [line for line in joined.splitlines() if not any(line.startswith(each) for each in script.left_out)]
    text = "\n".join(kept)
    refusal = next((said for begins, said in script.refused.items() if text.startswith(begins)), None)
    if text.strip():
        _shell(reader.fill(text), reader, place, refusal)


def _shell(text: str, reader: Reader, place: Path, refusal: str | None = None) -> str:
    ended = subprocess.run(
        ["bash", "-c", _PRELUDE + text], cwd=place, env=_environment(reader), capture_output=True, text=True,
        input="y\n" * 9, timeout=120, check=False,
    )  # fmt: skip
    if refusal is not None:
        assert ended.returncode != 0, f"it was not refused: {ended.stdout}"
        assert refusal in ended.stdout + ended.stderr
        return ended.stdout
    assert ended.returncode == 0, f"exit code {ended.returncode}: {ended.stderr}{ended.stdout[-500:]}"
    reader.hears(ended.stdout)
    return ended.stdout


def _environment(reader: Reader) -> Mapping[str, str]:
    sid = reader.sids["AC"]
    known = {"SID": sid, "AC": sid, "TOKEN": reader.token, "URL": reader.url, "LIMPET": reader.url}
    named = {
        "SERVICE": reader.sids["MG"],
        "SUB": reader.sids.get("SUB", ""),
        "ACME_TOKEN": "0" * 32,
        **reader.variables,
    }
    path = f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": "/nonexistent", "LANG": "C.UTF-8", **known, **named}


def _run_python(block: Block, reader: Reader, place: Path, _script: Script) -> None:
    """Run it with a client, as the page before has made one."""
    made = (
        f'from twilio.rest import Client\nclient = Client("{reader.sids["AC"]}", "{reader.token}")\n'
        "client.api.base_url = client.messaging.base_url = client.events.base_url = client.content.base_url = "
        f'"{reader.url}"\n'
    )
    ended = subprocess.run(
        [sys.executable, "-c", made + _REQUEST + reader.fill(block.text)], cwd=place, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    reader.hears(ended.stdout)


_REQUEST = """
class request:
    form, headers = {}, {"X-Twilio-Signature": ""}
url_with_query, body_as_text = "http://127.0.0.1/", ""
"""


def _run_toml(block: Block, reader: Reader, place: Path, script: Script) -> None:
    tables = tomllib.loads(block.text)
    if "accounts" in tables:
        name = re.match(r"# (\S+\.toml)", block.text)
        path = place / (name[1] if name else "tenants.toml")
        path.write_text(block.text)
        load_wanted(path, CARRIERS, {"ACME_TOKEN": "0" * 32})
        return
    for file in re.findall(r'_file = "([^"]+)"', block.text):
        if not (place / file).exists():
            (place / file).write_text("secret" if "password" in file else "0" * 32)
    own = {carrier["name"] for carrier in tables.get("carriers", ())}
    text = reader.fill(block.text).replace(reader.url, "https://sms.example.com")
    path = place / "block.toml"
    path.write_text(_merged(text, tables, tuple(name for name in CARRIERS if name not in own)))
    load_config(path, {"ACME_KEY": "x", "ACME_NOTICE_KEY": "x"})


def _merged(text: str, tables: Mapping[str, Any], carriers: tuple[str, ...]) -> str:
    """A block with what a configuration must have besides."""
    security = "" if "security" in tables else '[security]\nsecret_key_file = "secret.key"\n'
    public = "" if "server" in tables else '[server]\npublic_url = "https://sms.example.com"\n'
    for carrier in tables.get("carriers", ()):
        if not {"kind", "host"} & carrier.keys():
            name = f'name = "{carrier["name"]}"\n'
            text = text.replace(name, name + _carrier(carrier["name"]).partition(name)[2])
    return "\n".join((text, public, security, *map(_carrier, carriers)))


def _run_json(block: Block, _reader: Reader, _place: Path, _script: Script) -> None:
    json.loads(block.text.replace("{…}", "{}"))


def _run_xml(block: Block, _reader: Reader, _place: Path, _script: Script) -> None:
    ElementTree.fromstring(block.text)


def _run_yaml(block: Block, _reader: Reader, _place: Path, _script: Script) -> None:
    yaml.safe_load(block.text)


def _read(_block: Block, _reader: Reader, _place: Path, _script: Script) -> None:
    """What is not run: what something prints, and drawings."""


RUN = {
    "sh": _run_sh, "console": _run_sh, "python": _run_python, "toml": _run_toml, "json": _run_json, "xml": _run_xml,
    "yaml": _run_yaml,
}  # fmt: skip
