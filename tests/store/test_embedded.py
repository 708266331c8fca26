"""The embedded PostgreSQL: started, killed, found again, locked, moved and refused, each time with real processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from limpet.store.data_directory import DirectoryLock, closed_parent, make_directory
from limpet.store.database import DatabaseUnusable
from limpet.store.embedded import CLUSTER_NAME, DURABLE, EmbeddedPostgres, _socket_directory
from limpet.store.postmaster import Programs, _copy, find_programs, read_postmaster, servers_of, serves
from tests.support.database import temporary_directory

AS_ROOT = os.geteuid() == 0
STARTS_AND = "import os, sys; from pathlib import Path; from limpet.store.embedded import EmbeddedPostgres\n"
STARTS_AND += "print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)\n"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data directory whose cluster is made and stopped, to be copied: making one takes a second."""
    path = temporary_directory()
    embedded = EmbeddedPostgres(path)
    embedded.start()
    embedded.stop()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def data_dir(made: Path) -> Iterator[Path]:
    """A data directory of one's own; whatever server is left in it is ended by its process id."""
    home = temporary_directory()
    path = home / "data"
    subprocess.run(["cp", "-a", made, path], check=True)
    yield path
    for cluster in home.rglob("PG_VERSION"):
        for pid in list(servers_of(cluster.parent)):
            _end(pid)
        if (sockets := _socket_directory(cluster.parent)) != cluster.parent:
            shutil.rmtree(sockets, ignore_errors=True)
    shutil.rmtree(home)


def _end(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        process.kill()
        process.wait(10)
    except psutil.NoSuchProcess:
        return


def ask(url: str, *statements: str) -> object:
    """What the last statement answers."""

    async def work() -> object:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(work())


def pid_of(data_dir: Path) -> int:
    found = read_postmaster(data_dir / CLUSTER_NAME)
    assert found is not None
    return found.pid


def run_and(what: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    """Another process starts a server on the directory, and then does `what`."""
    environment = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    command = [sys.executable, "-c", STARTS_AND + what, str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


def test_a_clean_end_stops_the_server_and_keeps_the_data(data_dir: Path) -> None:
    for expected in range(3):
        embedded = EmbeddedPostgres(data_dir)
        url = embedded.start()
        ask(url, "CREATE TABLE IF NOT EXISTS kept (n int)", "SELECT 1")
        assert ask(url, "SELECT count(*) FROM kept") == expected
        ask(url, "INSERT INTO kept VALUES (1)", "SELECT 1")
        embedded.stop()
        embedded.stop()
        assert list(servers_of(data_dir / CLUSTER_NAME)) == []


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "sys.exit(0)"])
def test_a_server_outlives_its_limpet_and_is_found_again(data_dir: Path, end: str) -> None:
    left = run_and(end, data_dir)
    pid = pid_of(data_dir)
    assert serves(pid, data_dir / CLUSTER_NAME)
    embedded = EmbeddedPostgres(data_dir)
    assert embedded.start() == left.stdout.strip()
    assert pid_of(data_dir) == pid
    embedded.stop()
    assert not serves(pid, data_dir / CLUSTER_NAME)


def test_nothing_is_said_to_the_terminal(data_dir: Path) -> None:
    said = run_and("", data_dir)
    assert (said.returncode, said.stderr, len(said.stdout.splitlines())) == (0, "", 1)


def test_a_killed_server_comes_back_with_all_that_was_committed(data_dir: Path) -> None:
    embedded = EmbeddedPostgres(data_dir)
    url = embedded.start()
    ask(url, "CREATE TABLE kept (n int)", "INSERT INTO kept SELECT generate_series(1, 1000)", "SELECT 1")
    _end(pid_of(data_dir))
    embedded.stop()
    again = EmbeddedPostgres(data_dir)
    assert ask(again.start(), "SELECT count(*) FROM kept") == 1000
    again.stop()


def _as_server_user(data_dir: Path) -> dict[str, int]:
    owner = (data_dir / CLUSTER_NAME).stat()
    return {"user": owner.st_uid, "group": owner.st_gid} if AS_ROOT else {}


def test_a_pid_file_whose_number_went_to_another_process_is_not_believed(data_dir: Path) -> None:
    embedded = EmbeddedPostgres(data_dir)
    embedded.start()
    pid_file = data_dir / CLUSTER_NAME / "postmaster.pid"
    dead = pid_file.read_text()
    _end(pid_of(data_dir))
    embedded.stop()
    with subprocess.Popen(["sleep", "60"], **_as_server_user(data_dir)) as stranger:
        pid_file.write_text(dead.replace(dead.split("\n")[0], str(stranger.pid), 1))
        again = EmbeddedPostgres(data_dir)
        assert ask(again.start(), "SELECT 1") == 1
        assert pid_of(data_dir) != stranger.pid
        again.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_pid_file_that_names_another_directorys_server_is_not_believed(data_dir: Path) -> None:
    other_dir = data_dir.with_name("other")
    subprocess.run(["cp", "-a", data_dir, other_dir], check=True)
    other = EmbeddedPostgres(other_dir)
    other.start()
    shutil.copy(other_dir / CLUSTER_NAME / "postmaster.pid", data_dir / CLUSTER_NAME / "postmaster.pid")
    embedded = EmbeddedPostgres(data_dir)
    assert ask(embedded.start(), "SELECT current_setting('data_directory')") == str(data_dir / CLUSTER_NAME)
    assert pid_of(data_dir) != pid_of(other_dir)
    embedded.stop()
    other.stop()


@pytest.mark.parametrize("content", ["", "123\n", "not a number\n" * 8])
def test_a_broken_pid_file_is_no_hindrance(data_dir: Path, content: str) -> None:
    (data_dir / CLUSTER_NAME / "postmaster.pid").write_text(content)
    embedded = EmbeddedPostgres(data_dir)
    assert ask(embedded.start(), "SELECT 1") == 1
    embedded.stop()


def test_two_limpets_do_not_share_a_directory(data_dir: Path) -> None:
    first = EmbeddedPostgres(data_dir)
    first.start()
    with pytest.raises(DatabaseUnusable, match=rf"Another Limpet \(process {os.getpid()}\) uses {data_dir}"):
        EmbeddedPostgres(data_dir).start()
    assert "Another Limpet" in run_and("", data_dir).stderr
    first.stop()
    second = EmbeddedPostgres(data_dir)
    second.start()
    second.stop()


def test_a_start_that_failed_lets_go_of_the_directory(data_dir: Path) -> None:
    (data_dir / CLUSTER_NAME / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseUnusable):
        EmbeddedPostgres(data_dir).start()
    lock = DirectoryLock(data_dir)
    lock.acquire()
    lock.release()


@pytest.mark.parametrize(
    ("version", "sentence"),
    [("16\n", "was made by PostgreSQL 16 and this Limpet brings 18"), (None, "is not a PostgreSQL cluster")],
)
def test_a_cluster_of_another_version_is_refused(data_dir: Path, version: str | None, sentence: str) -> None:
    marker = data_dir / CLUSTER_NAME / "PG_VERSION"
    marker.write_text(version) if version else marker.unlink()
    with pytest.raises(DatabaseUnusable, match=sentence):
        EmbeddedPostgres(data_dir).start()


def test_a_server_that_does_not_start_says_why(data_dir: Path) -> None:
    (data_dir / CLUSTER_NAME / "postgresql.auto.conf").write_text("shared_buffers = 'plenty'\n")
    with pytest.raises(DatabaseUnusable, match=r"PostgreSQL did not start: .*FATAL.*server\.log") as refused:
        EmbeddedPostgres(data_dir).start()
    assert "\n" not in str(refused.value)


def test_a_cluster_that_was_never_finished_is_made_again() -> None:
    home = temporary_directory()
    (home / f"{CLUSTER_NAME}.new").mkdir()
    (home / f"{CLUSTER_NAME}.new" / "PG_VERSION").write_text("18\n")
    embedded = EmbeddedPostgres(home)
    assert ask(embedded.start(), "SELECT 1") == 1
    embedded.stop()
    shutil.rmtree(home)


@pytest.mark.parametrize("name", ["a" * 120, "with, comma", "it's", "two words", "ünï", "a;b&c|d*?"])
def test_any_path_will_do(data_dir: Path, name: str) -> None:
    path = data_dir.with_name(name)
    data_dir.rename(path)
    embedded = EmbeddedPostgres(path)
    url = embedded.start()
    assert ask(url, "SELECT current_setting('data_directory')") == str(path / CLUSTER_NAME)
    sockets = Path(str(ask(url, "SELECT current_setting('unix_socket_directories')")).strip('"'))
    assert sockets.stat().st_mode & 0o077 == 0, "nobody else may come near a server that trusts whoever reaches it"
    assert (sockets / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
    embedded.stop()
    assert sockets == path / CLUSTER_NAME or not sockets.exists()


@pytest.mark.parametrize("name", ['say "so"', "$(touch x)", "`x`", "back\\slash", "new\nline"])
def test_a_path_that_a_shell_would_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatabaseUnusable, match="cannot work in a path that contains") as refused:
        EmbeddedPostgres(tmp_path / name).start()
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_the_environments_postgres_is_none_of_ours(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(data_dir)
    for name, value in {
        "PGDATA": "/nowhere",
        "PGPORT": "nonsense",
        "LC_ALL": "xx_XX.UTF-8",
        "PGOPTIONS": "-c fsync=off",
    }.items():
        monkeypatch.setenv(name, value)
    embedded = EmbeddedPostgres(data_dir)
    url = embedded.start()
    monkeypatch.undo()
    assert ask(url, "SELECT 1") == 1
    embedded.stop()


def test_what_is_answered_is_on_the_disk(data_dir: Path) -> None:
    embedded = EmbeddedPostgres(data_dir)
    url = embedded.start()
    settings = {name: ask(url, f"SHOW {name}") for name in DURABLE}
    assert settings == dict(DURABLE)
    assert {settings[name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}
    assert ask(url, "SHOW listen_addresses") == ""
    embedded.stop()


def test_settings_are_included_once_and_what_a_person_adds_wins(data_dir: Path) -> None:
    main = data_dir / CLUSTER_NAME / "postgresql.conf"
    with main.open("a") as file:
        file.write("max_connections = 60\n")
    for _ in range(3):
        embedded = EmbeddedPostgres(data_dir)
        assert ask(embedded.start(), "SHOW max_connections") == "60"
        embedded.stop()
    assert main.read_text().count("limpet.conf") == 1


def test_a_server_left_with_old_settings_is_started_anew(data_dir: Path) -> None:
    run_and("os.kill(os.getpid(), 9)", data_dir)
    pid = pid_of(data_dir)
    embedded = EmbeddedPostgres(data_dir, {**DURABLE, "max_connections": "33"})
    assert ask(embedded.start(), "SHOW max_connections") == "33"
    assert pid_of(data_dir) != pid
    embedded.stop()


def test_a_directory_that_postgres_cannot_enter_is_said(data_dir: Path) -> None:
    """Started by root, PostgreSQL runs as somebody else; started by anybody else, the directory is that person's own."""
    data_dir.parent.chmod(0o700)
    embedded = EmbeddedPostgres(data_dir)
    if AS_ROOT:
        with pytest.raises(DatabaseUnusable, match=f"The directory {data_dir.parent} cannot be entered by the user"):
            embedded.start()
        assert data_dir.parent.stat().st_mode & 0o777 == 0o700, "permissions are the operator's to widen"
    else:
        assert ask(embedded.start(), "SELECT 1") == 1
        embedded.stop()


def test_programs_can_be_run_from_a_copy(data_dir: Path) -> None:
    found = find_programs(data_dir, data_dir / CLUSTER_NAME)
    copied = _copy(found.directory.parent, data_dir / "copy")
    assert _copy(found.directory.parent, data_dir / "copy") == copied
    fresh = data_dir / "fresh"
    fresh.mkdir(0o700)
    if found.user:
        shutil.chown(fresh, *found.user)
    made = Programs(copied / "bin", found.user).run("initdb", "-A", "trust", "-U", "postgres", "-D", str(fresh))
    assert made.returncode == 0, made.stderr
    assert (fresh / "PG_VERSION").read_text() == "18\n"


def test_the_way_to_a_directory_is_looked_at_from_outside_in(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    stranger = 54_321
    for parent in tmp_path.parents:
        assert closed_parent(parent, os.geteuid(), os.getegid()) is None
    outermost = closed_parent(deep, stranger, stranger)
    assert outermost is not None
    assert outermost in deep.parents
    assert closed_parent(outermost, stranger, stranger) is None


def test_a_data_directory_cannot_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnusable, match="is a file"):
        make_directory(tmp_path / "file")
    with pytest.raises(DatabaseUnusable, match="cannot be made"):
        make_directory(tmp_path / "file" / "below")
