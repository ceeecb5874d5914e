"""The tables of the evidence in PostgreSQL: plain SQL files, each applied once, in order, by the owner of the schema.

A gateway's role cannot run them. Counterparts: the files in `sql/`; `check` is what every gateway and reader asks.
"""

from importlib import resources

import psycopg

from audit.errors import LogDamaged
from audit.stores.postgres_connect import Connection, connect

VERSION = 1
"""Number of the newest file."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('vestibule migrate', 0))"


def migrate(address: str) -> list[str]:
    """Apply what is missing, and name it. `address` is that of the owner, who may create schemas and roles.

    Safe to repeat. Raises `LogMissing`, `LogDamaged`.
    """
    with connect(address, "migrate") as connection:
        return apply(connection, "audit.stores", "evidence")


def apply(connection: Connection, package: str, schema: str) -> list[str]:
    """The files of `package`'s folder `sql` that `schema` lacks, in one transaction. Raises `LogDamaged`."""
    folder = resources.files(package).joinpath("sql")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    done = []
    try:
        with connection.transaction():
            connection.execute(_LOCK)
            present = version(connection, schema)
            for file in files:
                number = int(file.name.partition("_")[0])
                if number > present:
                    # The files ship with this program. Without parameters a statement may be several.
                    connection.execute(file.read_text(encoding="utf-8"))
                    connection.execute(f"INSERT INTO {schema}.migration (number) VALUES ({number})")  # noqa: S608
                    done.append(file.name)
            if schema == "evidence":
                connection.execute("SELECT evidence.prepare_partitions()")
    except psycopg.Error as error:
        raise LogDamaged(f"The tables of the log could not be made: {error}") from error
    return done


def version(connection: Connection, schema: str) -> int:
    """Number of the newest file that was applied; 0 if there is nothing."""
    row = connection.execute("SELECT to_regclass(%s)", (f"{schema}.migration",)).fetchone()
    if row is None or row[0] is None:
        return 0
    found = connection.execute(f"SELECT max(number) FROM {schema}.migration").fetchone()  # noqa: S608
    return int(found[0] or 0) if found else 0


def check(connection: Connection, schema: str = "evidence", wanted: int = VERSION) -> None:
    """The tables are of the version that this program uses. Raises `LogDamaged`."""
    try:
        found = version(connection, schema)
    except psycopg.errors.InsufficientPrivilege as error:
        raise LogDamaged(
            f"This user may not use the schema '{schema}' of the database. Grant it its role, as the handbook says."
        ) from error
    if found == 0:
        raise LogDamaged("The database has no tables for the log yet. Its owner runs 'vestibule database migrate'.")
    if found != wanted:
        raise LogDamaged(
            f"The log's tables have version {found}, this program uses {wanted}. Run 'vestibule database migrate' as "
            "their owner, or the program that fits."
        )
