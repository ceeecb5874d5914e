"""A PostgreSQL of the tests' own: Debian's programs, a cluster in a temporary directory, a Unix socket and no TCP.

As root it runs as `postgres` or `nobody`, because PostgreSQL refuses root. Counterpart: the fixtures in
tests/conftest.py.
"""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from audit.keys.postgres_store import migrate as migrate_keys
from audit.stores.choose import Database
from audit.stores.postgres_schema import migrate

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
ROLES = {"gateway": "vestibule_writer", "auditor": "vestibule_reader", "eraser": "vestibule_eraser"}
_numbers = itertools.count()


@dataclass
class PostgresServer:
    """One cluster. `crash` and `start` may be called again and again."""

    directory: Path
    databases: int = 0
    _user: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if os.geteuid() == 0:
            names = [entry.pw_name for entry in pwd.getpwall()]
            self._user = "postgres" if "postgres" in names else "nobody"
            shutil.chown(self.directory, self._user)
        self._run("initdb", "-D", self.data, "-U", "owner", "-A", "trust", "--no-instructions", "-E", "UTF8")
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(
                f"listen_addresses = ''\nunix_socket_directories = '{self.directory}'\nshared_buffers = 64MB\n"
                "max_connections = 60\nlog_min_messages = fatal\nautovacuum_naptime = 10s\n"
            )
        self.start()
        with self.connect("postgres") as connection:
            for login in (*ROLES, "keys"):
                connection.execute(f"CREATE ROLE {login} LOGIN")

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(BINARIES[-1] / program), *map(str, arguments)]
        if self._user is not None:
            command = ["setpriv", "--reuid", self._user, "--regid", str(pwd.getpwnam(self._user).pw_gid),
                       "--clear-groups", *command]  # fmt: skip
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=self.directory, timeout=60)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")

    def start(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-l", self.directory / "log", "-w", "start")

    def stop(self, how: str = "fast") -> None:
        self._run("pg_ctl", "-D", self.data, "-w", "-m", how, "stop")

    def crash(self) -> None:
        """Every process of it is gone at once, without a word."""
        self.stop("immediate")

    @property
    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def address(self, database: str, user: str = "owner") -> str:
        return f"host={self.directory} dbname={database} user={user}"

    def connect(self, database: str, user: str = "owner") -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.address(database, user), autocommit=True)

    def new_database(self) -> str:
        """An empty database."""
        name = f"log_{next(_numbers)}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def new_log(self) -> str:
        """A database with the tables of the evidence and of the keys, and login roles for each purpose."""
        name = self.new_database()
        migrate(self.address(name))
        migrate_keys(self.address(name))
        with self.connect(name) as connection:
            for login, role in {**ROLES, "keys": "vestibule_keys"}.items():
                connection.execute(f"GRANT {role} TO {login}")
        return name

    def place(self, directory: Path, name: str, *, worker: str = "main", keys: bool = True) -> Database:
        """How a gateway comes to the log `name`: addresses in private files below `directory`."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = {}
        for login in ("gateway", "eraser", "keys"):
            files[login] = directory / f"{login}.url"
            files[login].write_text(self.address(name, login) + "\n")
            files[login].chmod(0o600)
        return Database(
            address=files["gateway"], eraser=files["eraser"], keys=files["keys"] if keys else None, worker=worker
        )


def start_server() -> PostgresServer:
    """In a directory whose path is short enough for a socket."""
    return PostgresServer(Path(tempfile.mkdtemp(prefix="vpg-", dir="/tmp")))


def end_server(server: PostgresServer) -> None:
    """Stop it, however it stands, and delete it."""
    try:
        server.stop("immediate")
    except RuntimeError:
        if (server.data / "postmaster.pid").exists():
            os.kill(server.pid, signal.SIGQUIT)
    shutil.rmtree(server.directory, ignore_errors=True)
