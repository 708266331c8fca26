"""The embedded PostgreSQL: a real server in the data directory, started when Limpet starts and stopped when it ends.

The server outlives a Limpet that was killed and is found again by the next one. Only the wheel's programs are used, not
its Python, which widens permissions up to the root directory and stops servers behind its caller's back. It knows nothing
of what is stored: `limpet.store.database` speaks to the server.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote

from limpet.store.data_directory import DirectoryLock, make_directory
from limpet.store.database import DatabaseUnusable
from limpet.store.postmaster import (
    POSTGRES_MAJOR,
    Postmaster,
    Programs,
    find_programs,
    forget_postmaster,
    read_postmaster,
    servers_of,
    serves,
)

CLUSTER_NAME = "postgres"
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
_POLL_S = 0.05
# pg_ctl hands the path to a shell, between double quotes.
_UNSPEAKABLE = re.compile(r"[\"\x00-\x1f\x7f]" if sys.platform == "win32" else r"[\"$`\\\x00-\x1f\x7f]")
T = TypeVar("T")
_CONFIG_NAME = "limpet.conf"
_INCLUDE = f"include_if_exists = '{_CONFIG_NAME}'"
_LOG_NAME = "server.log"
_SUPERUSER = "postgres"
_PORT = 5432
_SOCKET_PATH_MAX = 103  # bytes; macOS has the smallest sun_path
_SOCKET_NAME = f"/.s.PGSQL.{_PORT}"

DURABLE: Mapping[str, str] = MappingProxyType(
    {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "50",
        "shared_buffers": "128MB",
        "wal_level": "replica",
        "wal_compression": "pglz",
        "wal_buffers": "16MB",
        "min_wal_size": "256MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        # Rows change twice in their first second: clean up early and in small bites.
        "autovacuum_naptime": "15s",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_vacuum_cost_limit": "1000",
        # One file that starts empty at each start: only what the server itself has to say.
        "log_min_messages": "log",
        "log_checkpoints": "off",
        "log_autovacuum_min_duration": "-1",
    }
)
"""What the server runs with: a commit is on the disk before it is answered."""
THROWAWAY: Mapping[str, str] = MappingProxyType(
    {**DURABLE, "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
)
"""For data that nobody misses: nothing waits for the disk."""


class EmbeddedPostgres:
    """A server of its own for one data directory. `start` and `stop` block and belong before and after the event loop."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str] = DURABLE) -> None:
        self._data_dir = data_dir
        self._settings = settings
        self._lock: DirectoryLock | None = None
        self._programs: Programs | None = None

    @property
    def _cluster(self) -> Path:
        return self._data_dir / CLUSTER_NAME

    def start(self) -> str:
        """Make the cluster where it is missing, start its server or find it running; answers the URL to connect to.

        DatabaseUnusable, in one sentence, when another process holds the directory, when another major version of
        PostgreSQL made it, when its server's user may not enter it, or when the server does not come up.
        """
        if bad := _UNSPEAKABLE.search(str(self._data_dir.absolute())):
            raise DatabaseUnusable(
                f"PostgreSQL cannot work in a path that contains {bad[0]!r}: choose another data directory."
            )
        self._data_dir = make_directory(self._data_dir)
        lock = DirectoryLock(self._data_dir)
        lock.acquire()
        try:
            url = self._start_locked()
        except BaseException:
            lock.release()
            raise
        self._lock = lock
        return url

    def stop(self) -> None:
        """Stop the server, letting statements end in order, and let go of the directory. Nothing happens when not started."""
        if self._lock is None or self._programs is None:
            return
        try:
            self._stop_server(self._programs)
        finally:
            self._lock.release()
            self._lock = None

    def _start_locked(self) -> str:
        self._programs = programs = find_programs(self._data_dir, self._cluster)
        try:
            self._make_cluster(programs)
            changed = self._configure()
            return _url(self._run_server(programs, changed))
        except PermissionError as error:
            raise DatabaseUnusable(
                f"{error.filename} belongs to another user: start Limpet as its owner, or choose another data directory."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise DatabaseUnusable(
                f"PostgreSQL did not answer within {error.timeout:.0f} s; see {self._log}."
            ) from error

    @property
    def _log(self) -> Path:
        return self._cluster / _LOG_NAME

    def _make_cluster(self, programs: Programs) -> None:
        if self._cluster.exists():
            _check_version(self._cluster)
            return
        unfinished = self._data_dir / f"{CLUSTER_NAME}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if programs.user:
            shutil.chown(unfinished, *programs.user)
        quick = ("--no-sync",) if self._settings["fsync"] == "off" else ()
        options = (
            *quick,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
            f"--username={_SUPERUSER}",
        )
        made = programs.run("initdb", *options, "-D", str(unfinished))
        if made.returncode:
            raise DatabaseUnusable(f"PostgreSQL could not make its files in {unfinished}: {_last_line(made.stderr)}")
        unfinished.rename(self._cluster)

    def _configure(self) -> bool:
        """Write our settings where the server reads them; whether they differ from what was there."""
        main, ours = self._cluster / "postgresql.conf", self._cluster / _CONFIG_NAME
        text = main.read_text()
        if _INCLUDE not in text.splitlines():
            main.write_text(f"{text}\n# Limpet's settings; what follows this line wins over them.\n{_INCLUDE}\n")
        wanted = _config_text({**self._settings, **_listening(self._cluster)})
        if ours.exists() and ours.read_text() == wanted:
            return False
        ours.write_text(wanted)
        _own_as(ours, self._cluster)
        return True

    def _run_server(self, programs: Programs, changed: bool) -> Postmaster:
        found = read_postmaster(self._cluster)
        if found is not None and serves(found.pid, self._cluster):
            if not changed:
                return self._wait_until_ready()
            self._stop_server(programs)
        forget_postmaster(self._cluster)
        _wait(lambda: not any(servers_of(self._cluster)), START_TIMEOUT_S)
        self._make_socket_directory(programs)
        self._log.unlink(missing_ok=True)
        started = programs.run("pg_ctl", *self._start_arguments(), silent=True)
        if started.returncode:
            raise DatabaseUnusable(f"PostgreSQL did not start: {self._last_words()}")
        return self._wait_until_ready()

    def _start_arguments(self) -> list[str]:
        wait = ["-w", "-t", str(START_TIMEOUT_S)]
        return ["start", *wait, "-D", str(self._cluster), "-l", str(self._log), *_port_option()]

    def _wait_until_ready(self) -> Postmaster:
        def ready() -> Postmaster | None:
            found = read_postmaster(self._cluster)
            return found if found is not None and found.ready else None

        if found := _wait(ready, START_TIMEOUT_S):
            return found
        raise DatabaseUnusable(f"PostgreSQL is not ready after {START_TIMEOUT_S} s; see {self._log}.")

    def _stop_server(self, programs: Programs) -> None:
        """Fast first; a server that does not end in STOP_TIMEOUT_S is cut off, and repairs itself at the next start."""
        for mode in ("fast", "immediate"):
            stopped = programs.run(
                "pg_ctl", "stop", "-w", "-t", str(STOP_TIMEOUT_S), "-m", mode, "-D", str(self._cluster)
            )
            if not stopped.returncode or read_postmaster(self._cluster) is None:
                break
        if (folder := _socket_directory(self._cluster)) != self._cluster:
            shutil.rmtree(folder, ignore_errors=True)

    def _make_socket_directory(self, programs: Programs) -> None:
        folder = _socket_directory(self._cluster)
        if sys.platform == "win32" or folder == self._cluster:
            return
        shutil.rmtree(folder, ignore_errors=True)  # left by a killed server; nobody else's can be removed
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError as error:
            raise DatabaseUnusable(f"{folder}, needed for PostgreSQL's socket, belongs to another user.") from error
        if programs.user:
            shutil.chown(folder, *programs.user)

    def _last_words(self) -> str:
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return f"{_last_line(text)} (all of it in {self._log})"


def running_url(data_dir: Path) -> str | None:
    """The URL of the server that runs on a data directory, whoever started it; None when there is none. Blocks a little."""
    cluster = Path(os.path.abspath(data_dir.expanduser())) / CLUSTER_NAME
    try:
        found = read_postmaster(cluster)
        if found is None or not found.ready or not serves(found.pid, cluster):
            return None
    except PermissionError as error:
        raise DatabaseUnusable(f"{error.filename} belongs to another user: run this as its owner.") from error
    return _url(found)


def _check_version(cluster: Path) -> None:
    marker = cluster / "PG_VERSION"
    made_by = marker.read_text().strip() if marker.exists() else ""
    if not made_by:
        raise DatabaseUnusable(
            f"{cluster} is not a PostgreSQL cluster: move it away, or choose another data directory."
        )
    if made_by != POSTGRES_MAJOR:
        raise DatabaseUnusable(
            f"{cluster} was made by PostgreSQL {made_by} and this Limpet brings {POSTGRES_MAJOR}: "
            "move it over with pg_dump, or choose another data directory."
        )


def _socket_directory(cluster: Path) -> Path:
    """The cluster itself, or, where that path is too long for a socket or would read as two, one of our own for it."""
    if "," not in str(cluster) and len(bytes(cluster)) + len(_SOCKET_NAME) <= _SOCKET_PATH_MAX:
        return cluster
    name = hashlib.blake2b(bytes(cluster.resolve()), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"limpet-{name}"


if sys.platform == "win32":
    import socket

    def _listening(_: Path) -> dict[str, str]:
        return {"listen_addresses": "127.0.0.1"}

    def _port_option() -> list[str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return ["-o", f"-p {probe.getsockname()[1]}"]

    def _own_as(path: Path, cluster: Path) -> None:
        """Files belong to whoever starts Limpet."""

else:

    def _listening(cluster: Path) -> dict[str, str]:
        return {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(_socket_directory(cluster)),
            "unix_socket_permissions": "0700",
        }

    def _port_option() -> list[str]:
        return []

    def _own_as(path: Path, cluster: Path) -> None:
        owner = cluster.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _config_text(settings: Mapping[str, str]) -> str:
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()]
    return "\n".join(["# Written by Limpet at each start.", *lines, ""])


def _url(server: Postmaster) -> str:
    if server.socket_dir:
        return f"postgresql://{_SUPERUSER}@/{_SUPERUSER}?host={quote(server.socket_dir)}&port={server.port}"
    return f"postgresql://{_SUPERUSER}@127.0.0.1:{server.port}/{_SUPERUSER}"


def _last_line(text: str) -> str:
    """The last thing said in earnest: hints and details follow the line that matters."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    grave = [line for line in lines if "FATAL" in line or "PANIC" in line or "error" in line]
    return (grave or lines or ["it said nothing"])[-1]


def _wait(condition: Callable[[], T], timeout_s: float) -> T:
    """What `condition` answers once it is true; its last answer when time is over."""
    end = time.monotonic() + timeout_s
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(_POLL_S)
    return found
