"""Looks for bytes that break a promise, guided by coverage: `python -m tests.fuzz.search pdu --seconds 60`, or all: `make fuzz`.

Needs atheris (the dependency group `fuzz`, which `make fuzz` installs). What it finds interesting is kept in `tests/fuzz/corpus`,
one input a line in hexadecimal, as few as cover the same code; what breaks a promise is printed, and ends it with status 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
INPUT_OCTETS_MAX = 1024
MEMORY_MIB_MAX = 512
INSIDE = "--inside"


def kept(target: str) -> list[bytes]:
    """The inputs that are kept for a target."""
    path = CORPUS / f"{target}.txt"
    return [bytes.fromhex(line) for line in path.read_text().split("\n")[:-1]] if path.is_file() else []


def keep(target: str, inputs: list[bytes]) -> None:
    """Keep these inputs for a target, and no others."""
    CORPUS.mkdir(exist_ok=True)
    lines = sorted({one.hex() for one in inputs}, key=lambda line: (len(line), line))
    (CORPUS / f"{target}.txt").write_text("".join(f"{line}\n" for line in lines))


def inside(launcher: str, target: str, *arguments: str) -> None:
    """Run libFuzzer in this process with its own arguments; never returns. To merge, it starts `launcher` again."""
    import atheris

    with atheris.instrument_imports(include=["limpet"]):
        from tests.fuzz.targets import TARGETS

    atheris.Setup([launcher, *arguments], TARGETS[target])
    atheris.Fuzz()


def search(target: str, seconds: int, folder: Path, *, dry: bool) -> int:
    """Search in a folder for a while, then keep what covers most with least; libFuzzer's exit status."""
    launcher = folder / "again"
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.fuzz.search {INSIDE} "$0" {target} "$@"\n')
    launcher.chmod(0o700)
    seeds, found, small = (folder / name for name in ("seeds", "found", "small"))
    for each in (seeds, found, small):
        each.mkdir()
    for place, one in enumerate(kept(target)):
        (seeds / str(place)).write_bytes(one)
    limits = [f"-max_len={INPUT_OCTETS_MAX}", f"-rss_limit_mb={MEMORY_MIB_MAX}", f"-artifact_prefix={folder}/bad-"]
    status = _run(launcher, f"-max_total_time={seconds}", "-print_final_stats=1", "-verbosity=0", *limits, found, seeds)
    for bad in folder.glob("bad-*"):
        print(f"breaks {target}: {bad.read_bytes().hex()}")
    if status == 0 and not dry:
        _run(launcher, "-merge=1", *limits, small, found, seeds)
        keep(target, [path.read_bytes() for path in small.iterdir()])
    return status


def _run(*command: object) -> int:
    return subprocess.run([str(word) for word in command], check=False).returncode


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Look for bytes that break a promise.")
    parser.add_argument("targets", nargs="*", metavar="target", help="all of them where none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each")
    parser.add_argument("--dry", action="store_true", help="leave the corpus as it is")
    asked = parser.parse_args()
    broken = 0
    for target in asked.targets or _all():
        print(f"searching {target} for {asked.seconds} s", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            broken += search(target, asked.seconds, Path(folder), dry=asked.dry) != 0
    return 1 if broken else 0


def _all() -> list[str]:
    """Every target; this process runs none, so that it may know them without being watched."""
    from tests.fuzz.targets import TARGETS

    return sorted(TARGETS)


if __name__ == "__main__":
    if sys.argv[1:2] == [INSIDE]:
        inside(*sys.argv[2:])
    sys.exit(main())
