"""What a restore does when it cannot: it says why, and leaves nothing half done."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import pytest

from limpet.store.backup import DUMP, FORMAT, MANIFEST, Manifest, read_backup, read_manifest, write_backup
from limpet.store.database import Database, DatabaseUnusable
from limpet.store.held import is_empty

SAID = Manifest(FORMAT, "0.1.0", 27, "2026-03-02T12:00:00.000+00:00", "ab12cd34")


def nobody(_done: int) -> None:
    """Whom progress is shown."""


@pytest.fixture
def file(database_dsn: str, tmp_path: Path) -> Path:
    path = tmp_path / "b.limpet"
    assert write_backup(path, database_dsn, SAID, nobody) == path.stat().st_size
    return path


async def emptied(database: Database) -> None:
    await database.pool.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


async def tables(database: Database) -> list[str]:
    rows = await database.pool.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return [row["relname"] for row in rows]


async def test_a_database_comes_back_whole(database: Database, database_dsn: str, file: Path) -> None:
    before = await tables(database)
    assert not await is_empty(database)
    await emptied(database)
    assert await is_empty(database)
    done: list[int] = []
    read_backup(file, database_dsn, done.append)
    assert await tables(database) == before
    assert done == sorted(done)
    assert done[-1] > 0


async def test_what_is_in_the_way_is_said_and_nothing_is_half_done(
    database: Database, database_dsn: str, file: Path
) -> None:
    await emptied(database)
    await database.pool.execute("CREATE TABLE sticky_mapping (x int)")
    with pytest.raises(DatabaseUnusable, match=r"psql could not do it: .*sticky_mapping.* already exists"):
        read_backup(file, database_dsn, nobody)
    assert await tables(database) == ["sticky_mapping"]


async def test_a_damaged_dump_is_found_and_nothing_is_half_done(
    database: Database, database_dsn: str, file: Path, tmp_path: Path
) -> None:
    await emptied(database)
    damaged, content = tmp_path / "damaged.limpet", bytearray(await asyncio.to_thread(file.read_bytes))
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(content)
    with pytest.raises(DatabaseUnusable):
        read_backup(damaged, database_dsn, nobody)
    assert await is_empty(database)


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="pg_dump could not do it"):
        write_backup(tmp_path / "b", f"postgresql://nobody@/none?host={tmp_path}", SAID, nobody)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("manifest", ["[]", "{}", "not JSON", '{"format": 2}'])
def test_a_file_that_is_no_backup_is_refused(manifest: str, tmp_path: Path) -> None:
    path = tmp_path / "b"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MANIFEST, manifest)
        archive.writestr(DUMP, "")
    with pytest.raises(DatabaseUnusable, match="is not a whole backup of Limpet"):
        read_manifest(path)


def test_a_backup_of_a_later_version_is_refused(file: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(later, "w") as copy:
        copy.writestr(MANIFEST, archive.read(MANIFEST).replace(b'"format": 1', b'"format": 9'))
        copy.writestr(DUMP, archive.read(DUMP))
    assert read_manifest(file) == SAID
    with pytest.raises(DatabaseUnusable, match="of a later Limpet"):
        read_manifest(later)
