"""The process of the server: `limpet dev` on a free port, in a directory of its own that is gone afterwards.

Making a database takes longer than all the rest. So what a first run has made is kept as a template, of which each further run
gets a copy.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from threading import Timer
from typing import Any

from limpet.testing.door import LimpetError

START_S = 60.0
STOP_S = 30.0
_ENTER_ONLY = 0o711  # PostgreSQL's user passes through when root runs the tests
_SHAPING = ("store/migrations", "store/embedded.py", "devtools/seed.py", "testing/server.py")
"""What decides how a new data directory looks."""


@contextmanager
def running(options: Sequence[str] = (), template: Path | None = None) -> Iterator[dict[str, Any]]:
    """A server, and what it said once it was ready; stopped and removed at the end. `template` is copied when it is there.

    LimpetError, in one sentence and with what the server said, when it does not start.
    """
    home = Path(tempfile.mkdtemp(prefix="limpet-test-"))
    home.chmod(_ENTER_ONLY)
    try:
        if template is not None and template.is_dir():
            _copy(template, home / "data")
        process = _start(home, options)
        try:
            yield _ready(process, home)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def template_in(cache: Path) -> Path:
    """Where the template of this version of Limpet is, or would be, in a directory for things that can be made again."""
    return cache / f"template-{fingerprint()}"


def fingerprint() -> str:
    """A name for what new data directories look like with this version of Limpet."""
    digest = blake2b(digest_size=8)
    package = files("limpet")
    for place in _SHAPING:
        found = package.joinpath(place)
        parts = sorted(found.iterdir(), key=lambda each: each.name) if found.is_dir() else [found]
        for part in parts:
            if part.is_file():
                digest.update(part.name.encode() + part.read_bytes())
    return digest.hexdigest()


def make_template(template: Path) -> None:
    """Make the template where it is missing, and forget others. It only saves time: when that fails there is none."""
    if template.exists():
        return
    home = Path(tempfile.mkdtemp(prefix="limpet-test-"))
    home.chmod(_ENTER_ONLY)
    unfinished = template.with_name(f"{template.name}.{os.getpid()}.new")
    try:
        process = _start(home, ())
        _ready(process, home)
        _stop(process)
        for old in template.parent.glob("template-*"):
            shutil.rmtree(old, ignore_errors=True)
        _copy(home / "data", unfinished)
        unfinished.rename(template)
    except (OSError, LimpetError):
        shutil.rmtree(unfinished, ignore_errors=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _start(home: Path, options: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "limpet", "dev", "--port", "0", "--proxy", "--throwaway", "--until-eof"]
    with (home / "log").open("w") as log:
        return subprocess.Popen(  # noqa: S603 - ourselves
            [*command, "--data", str(home / "data"), "--ready-json", *options], stdout=subprocess.PIPE, stderr=log,
            stdin=subprocess.PIPE, text=True, start_new_session=True,  # its input ends with us, even when we are killed
        )  # fmt: skip


def _ready(process: subprocess.Popen[str], home: Path) -> dict[str, Any]:
    assert process.stdout is not None
    late = Timer(START_S, process.kill)
    late.start()
    try:
        line = process.stdout.readline()
    finally:
        late.cancel()
    if not line:
        process.wait()
        said = (home / "log").read_text(errors="replace").strip()
        raise LimpetError(f"Limpet did not start: {said or f'it was not ready after {START_S:g} s.'}")
    ready: dict[str, Any] = json.loads(line)
    return ready


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _copy(source: Path, target: Path) -> None:
    """A copy in which everything belongs to whom it belonged: PostgreSQL insists on it."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("limpet.lock", "*.pid"))
    if sys.platform != "win32" and os.geteuid() == 0:
        for path in (source, *source.rglob("*")):
            owner = path.lstat()
            copied = target / path.relative_to(source)
            if copied.exists():
                os.chown(copied, owner.st_uid, owner.st_gid, follow_symlinks=False)
