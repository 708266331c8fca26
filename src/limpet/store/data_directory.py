"""The data directory: made so that PostgreSQL's user can enter it, and held by one process at a time.

It knows files, owners and locks. What is kept in the directory is the business of those who keep it there.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from limpet.store.database import DatabaseUnusable

LOCK_NAME = "limpet.lock"
_OWN_ONLY = 0o700
_ENTER_ONLY = 0o711  # others may pass through to what they own, and may not list


def make_directory(path: Path) -> Path:
    """Make `path` and what is missing above it; answers it absolute. Directories made by root can be entered by all.

    DatabaseUnusable when it cannot be made or is a file.
    """
    path = Path(os.path.abspath(path.expanduser()))  # not resolved: a link is what the user named
    missing = [each for each in (path, *path.parents) if not each.exists()]
    mode = _ENTER_ONLY if is_root() else _OWN_ONLY
    try:
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            each.chmod(mode)
    except OSError as error:
        raise DatabaseUnusable(f"The data directory {path} cannot be made: {error.strerror}.") from error
    if not path.is_dir():
        raise DatabaseUnusable(f"The data directory {path} is a file: choose another one.")
    return path


def is_root() -> bool:
    """Whether this process is root, whom PostgreSQL refuses to serve."""
    return sys.platform != "win32" and os.geteuid() == 0


def closed_parent(path: Path, user_id: int, group_id: int) -> Path | None:
    """The outermost directory above `path` that this user may not enter; None when the way is free."""
    for parent in reversed(path.resolve().parents):
        if not _may_enter(parent.stat(), user_id, group_id):
            return parent
    return None


def _may_enter(found: os.stat_result, user_id: int, group_id: int) -> bool:
    if found.st_uid == user_id:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == group_id:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


class DirectoryLock:
    """Held from `acquire` to `release` or the end of the process, however it ends: the operating system lets go."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / LOCK_NAME
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock at once; DatabaseUnusable when another process holds it."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DatabaseUnusable(f"The file {self._path} cannot be opened: {error.strerror}.") from error
        if not _lock(file):
            holder = os.read(file, 20).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise DatabaseUnusable(
                f"Another Limpet (process {holder}) uses {self._path.parent}: stop it, or choose another data directory."
            )
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Let go; nothing happens when it is not held. The file stays, so that nobody can lock a forgotten one."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


if sys.platform == "win32":
    import msvcrt

    _LOCKED_AT = 1 << 20  # past the process id, which others may read

    def _lock(file: int) -> bool:
        os.lseek(file, _LOCKED_AT, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(file, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
