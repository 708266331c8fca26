"""Backups: one file with a manifest and what PostgreSQL's own pg_dump has read in one snapshot, while everything runs.

A zip archive of two members, not compressed again: `manifest.json`, and `database.dump` in pg_dump's custom format, which its
pg_restore also reads without Limpet. The secret key is not in it: whoever steals a backup cannot open what is sealed in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit
from zipfile import BadZipFile, ZipFile

from limpet.store.database import DatabaseUnusable
from limpet.store.postmaster import own_programs

FORMAT = 1
MANIFEST, DUMP = "manifest.json", "database.dump"
MANIFEST_BYTES_MAX = 100_000
CHUNK_BYTES = 1 << 20
_DUMP_OPTIONS = ("--format=custom", "--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions")
_RESTORE_OPTIONS = ("--no-owner", "--no-privileges", "--file=-")
_PSQL_OPTIONS = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--output={os.devnull}")
_TOO_NEW = b"\nSET transaction_timeout = 0;\n"
"""A setting that PostgreSQL has since 17."""

Progress = Callable[[int], None]
"""Told how many bytes have been read or written so far."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `key` is the fingerprint of the secret key that it needs, `at` when it began (ISO 8601)."""

    format: int
    limpet: str
    schema: int
    at: str
    key: str


def write_backup(path: Path, url: str, manifest: Manifest, progress: Progress) -> int:
    """Dump the database at `url` into `path`, which is there whole or not at all; answers its size in bytes.

    DatabaseUnusable when the file is there already, cannot be written, or pg_dump fails. Blocks until it is done.
    """
    if path.exists():
        raise DatabaseUnusable(f"{path} is there already: name another file.")
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with ZipFile(file, "w") as archive:
                archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
                with (
                    archive.open(DUMP, "w", force_zip64=True) as into,
                    _running("pg_dump", url, *_DUMP_OPTIONS) as (_, out),
                ):
                    _copy(out, into, progress)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except OSError as error:
        raise DatabaseUnusable(f"The backup {path} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path.stat().st_size


def read_manifest(path: Path) -> Manifest:
    """What a backup says of itself; DatabaseUnusable when the file is none, or of a later version."""
    try:
        with ZipFile(path) as archive, archive.open(MANIFEST) as file:
            said = Manifest(**json.loads(file.read(MANIFEST_BYTES_MAX)))
            archive.getinfo(DUMP)
    except OSError as error:
        raise DatabaseUnusable(f"The backup {path} cannot be read: {error.strerror}.") from error
    except (BadZipFile, KeyError, ValueError, TypeError) as error:
        raise DatabaseUnusable(f"{path} is not a whole backup of Limpet.") from error
    if said.format != FORMAT:
        raise DatabaseUnusable(f"{path} is of a later Limpet ({said.limpet}): update this one.")
    return said


def read_backup(path: Path, url: str, progress: Progress) -> None:
    """Bring the database of a backup into the empty one at `url`, whole or not at all; DatabaseUnusable when that fails.

    By way of psql: pg_restore itself says to every server what only newer ones understand.
    """
    try:
        with (
            ZipFile(path) as archive, archive.open(DUMP) as dump,
            _running("psql", url, *_PSQL_OPTIONS) as (into, _),
            _running("pg_restore", None, *_RESTORE_OPTIONS) as (feed, out),
        ):  # fmt: skip
            feeding = _Feeding(dump, feed, progress)
            feeding.start()
            _give(into, out.read(CHUNK_BYTES).replace(_TOO_NEW, b"\n", 1))
            _copy(out, into, lambda _done: None)
            feeding.done()
    except (OSError, BadZipFile) as error:
        raise DatabaseUnusable(f"The backup {path} cannot be read: {error}.") from error


class _Feeding(threading.Thread):
    """Gives a program what it reads, while somebody else takes what it writes."""

    def __init__(self, source: IO[bytes], into: IO[bytes], progress: Progress) -> None:
        super().__init__()
        self._given = source, into, progress
        self._failed: Exception | None = None

    def run(self) -> None:
        try:
            _copy(*self._given)
        except _ReaderGone:
            pass  # the program says why
        except Exception as error:  # noqa: BLE001 - told by `done`, in the thread that waits
            self._failed = error
        finally:
            with suppress(BrokenPipeError):
                self._given[1].close()

    def done(self) -> None:
        """Wait for the end; what went wrong is raised."""
        self.join()
        if self._failed is not None:
            raise self._failed


class _ReaderGone(Exception):
    """A program has ended before it had read everything: it says why."""

    def __init__(self, into: IO[bytes]) -> None:
        super().__init__()
        self.into = into


def _give(into: IO[bytes], chunk: bytes) -> None:
    try:
        into.write(chunk)
    except BrokenPipeError:
        raise _ReaderGone(into) from None


def _copy(source: IO[bytes], into: IO[bytes], progress: Progress) -> None:
    done = 0
    while chunk := source.read(CHUNK_BYTES):
        _give(into, chunk)
        done += len(chunk)
        progress(done)


@contextmanager
def _running(program: str, url: str | None, *options: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """One of PostgreSQL's programs while it reads and writes; DatabaseUnusable with its last words when it fails.

    The password goes by the environment: who lists processes does not see it.
    """
    place, environment = _without_password(url or "")
    command = [str(own_programs().directory / program), *options, *([f"--dbname={place}"] if url else [])]
    with subprocess.Popen(  # noqa: S603 - our own wheel's programs
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        said: list[bytes] = []
        listening = threading.Thread(target=lambda: said.append(process.stderr.read()))  # type: ignore[union-attr]
        listening.start()
        try:
            try:
                yield process.stdin, process.stdout
                with suppress(BrokenPipeError):
                    process.stdin.close()  # not closed before all is well: what was half read is undone
            except _ReaderGone as error:
                if error.into is not process.stdin:
                    process.kill()
                    raise
            except BaseException:
                process.kill()
                raise
            process.wait()
        finally:
            listening.join()
    if process.returncode:
        words = b"".join(said).decode(errors="replace").strip().splitlines() or ["it said nothing"]
        grave = next((line for line in words if "error" in line or "FATAL" in line), words[-1])
        raise DatabaseUnusable(f"{program} could not do it: {grave}")


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """The URL without its password, and the environment that has it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    parts = urlsplit(url)
    if parts.password is None:
        return url, environment
    user, _, where = parts.netloc.rpartition("@")
    place = urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{where}"))
    return place, environment | {"PGPASSWORD": unquote(parts.password)}
