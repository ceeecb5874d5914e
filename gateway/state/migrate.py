"""Brings the database of an older Vestibule up to date, or fills an empty one. Counterpart: `migrations`, the steps."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from config.errors import ConfigError

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def newest() -> str | None:
    """The newest migration that ships."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def migrate(connection: Connection) -> None:
    """Do what is due, in the connection's transaction. Raises `ConfigError`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigError("The state was written by a newer Vestibule; run that version.") from error
