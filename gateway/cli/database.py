"""`vestibule database migrate|status`: the tables of a log in PostgreSQL. Counterpart: `audit.stores.postgres_schema`.

`migrate` is run by the owner of the tables, with an address of its own; a gateway's user cannot. `status` asks as the
gateway would.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from config.errors import ConfigError
from gateway.cli.call import Call, command, group
from gateway.cli.output import print_record

_PANEL: Final = "The evidence and the rules"

Owner = Annotated[
    Path,
    typer.Option("--owner-url-file", metavar="FILE", help="File of mode 0600 with the owner's connection string."),
]
OnlyKeys = Annotated[bool, typer.Option("--keys", help="The tables of the keys, which may be in another database.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    database = group("database", "Keep the log in PostgreSQL, for several workers.")
    command(database, "migrate")(migrate)
    command(database, "status")(status)
    app.add_typer(database, rich_help_panel=_PANEL)


def migrate(call: Call, *, owner: Owner, keys: OnlyKeys = False) -> None:
    """Make the tables, or bring them up to date. Safe to repeat, also while gateways run.

    It also makes the roles vestibule_writer, vestibule_reader and vestibule_eraser, with --keys vestibule_keys: grant
    them to the users that log in. The owner must not be one of these.
    """
    from audit.errors import LogDamaged, LogMissing
    from audit.keys import postgres_store
    from audit.stores import postgres_schema
    from audit.stores.postgres_connect import read_address

    make = postgres_store.migrate if keys else postgres_schema.migrate
    try:
        applied = make(read_address(owner))
    except (LogMissing, LogDamaged) as error:
        raise ConfigError(str(error)) from error
    found = {"applied": applied}
    call.show(found, lambda: print_record({"applied": ", ".join(applied) or "nothing, all was there"}))


def status(call: Call) -> None:
    """How the log's database stands: entries, who leads, and the workers with their leases."""
    from audit.errors import LogMissing
    from audit.stores.choose import database_of
    from audit.stores.postgres_connect import read_address
    from audit.stores.postgres_status import read_status

    directory = call.settings().evidence_dir
    database = database_of(directory)
    if database is None and call.settings().evidence.store == "postgresql":
        raise ConfigError(f"{directory} names no database yet; `vestibule init` or the first start writes it there.")
    if database is None:
        raise ConfigError("This gateway's log is in a file, not in a database: evidence.store says sqlite.")
    try:
        found = read_status(read_address(database.address))
    except LogMissing as error:
        raise ConfigError(str(error)) from error

    def people() -> None:
        print_record(
            {
                "entries": str(found.entries),
                "signed": str(found.signed),
                "leader": found.leader or "none yet",
                "workers": ", ".join(
                    f"{worker.id}/{worker.epoch} ({'alive' if worker.alive else 'gone'})" for worker in found.workers
                ),
            }
        )

    call.show(found.json(), people)
