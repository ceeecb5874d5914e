"""The state's database: migrated at open, private, one transaction a unit of work, failures in a sentence."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from config.errors import ConfigError
from gateway.errors import Unavailable
from gateway.state.database import Database, sqlite_url
from gateway.state.migrate import newest
from gateway.state.schema import METADATA, REVISION, marks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "state.db"


async def test_it_is_made_private_and_durable(path: Path) -> None:
    database = Database.open(sqlite_url(path))
    pragmas = await database.run(
        lambda db: {
            name: db.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    )
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    await database.run(lambda db: db.execute(insert(marks).values(name="x", value=1)))
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file.name
    database.close()
    database.close()


async def test_what_was_written_is_there_after_opening_again(path: Path) -> None:
    first = Database.open(sqlite_url(path))
    await first.run(lambda db: db.execute(insert(marks).values(name="x", value=1)))
    first.close()
    second = Database.open(sqlite_url(path))
    assert await second.run(lambda db: db.execute(select(marks.c.value)).scalar()) == 1
    second.close()


async def test_a_unit_of_work_is_whole_or_nothing(path: Path) -> None:
    database = Database.open(sqlite_url(path))

    def half(db: object) -> None:
        db.execute(insert(marks).values(name="x", value=1))  # type: ignore[attr-defined]
        raise RuntimeError("fell over")

    with pytest.raises(RuntimeError):
        await database.run(half)
    assert await database.run(lambda db: db.execute(select(marks)).all()) == []
    database.close()


async def test_many_at_once_take_turns(path: Path) -> None:
    database = Database.open(sqlite_url(path))
    await database.run(lambda db: db.execute(insert(marks).values(name="x", value=0)))

    def count(db: object) -> None:
        value = db.execute(select(marks.c.value)).scalar()  # type: ignore[attr-defined]
        db.execute(marks.update().values(value=value + 1))  # type: ignore[attr-defined]

    await asyncio.gather(*(database.run(count) for _ in range(20)))
    assert await database.run(lambda db: db.execute(select(marks.c.value)).scalar()) == 20
    database.close()


def test_the_migrations_make_the_tables_that_the_code_uses(path: Path) -> None:
    Database.open(sqlite_url(path)).close()
    engine = create_engine(sqlite_url(path))
    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA)
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    engine.dispose()
    assert difference == []
    assert version == REVISION == newest()


def test_the_tables_can_be_made_in_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in METADATA.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect)).strip().startswith("CREATE TABLE")
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect)).startswith("CREATE INDEX")


def test_a_state_of_a_newer_version_is_left_alone(path: Path) -> None:
    Database.open(sqlite_url(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ConfigError, match="newer"):
        Database.open(sqlite_url(path))


def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, " * 100)
    with pytest.raises(ConfigError, match="cannot be opened"):
        Database.open(sqlite_url(path))


def test_a_directory_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        Database.open(sqlite_url(tmp_path / "file" / "state.db"))


async def test_a_failure_tells_no_values(path: Path) -> None:
    database = Database.open(sqlite_url(path))
    await database.run(lambda db: db.execute(insert(marks).values(name="seed-value", value=1)))
    with pytest.raises(Unavailable) as caught:
        await database.run(lambda db: db.execute(insert(marks).values(name="seed-value", value=1)))
    assert "seed-value" not in str(caught.value)
    database.close()
