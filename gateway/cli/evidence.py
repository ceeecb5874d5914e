"""Where the evidence lies that `log`, `replay` and `verify` read: this gateway's, or a copy. Needs no running gateway.

The gateway's own evidence is found by the settings. A copy is named on the command line, and then no settings are read:
an auditor's machine has none.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from config.errors import ConfigError
from config.ids import is_id
from gateway.cli.call import Call
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from audit.reader import EvidenceReader

PANEL: Final = "The evidence and the rules"
ROOT_KEY: Final = "root.key"
VERIFIER_KEY: Final = "log.pub"

Directory = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="A copy of the evidence, or of a data directory; else this gateway's."),
]
Keys = Annotated[
    Path | None, typer.Option("--keys", metavar="DIR", help="Its keys directory, where it is not beside the evidence.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A log, its keys if they may be read, and the public key it was signed with if that lies there."""

    evidence: Path
    keys: Path | None
    verifier_key: Path | None

    @contextmanager
    def reader(self) -> "Iterator[EvidenceReader]":
        """The log, opened for reading. Raises `ConfigError` if it or its keys are not there, `LogDamaged`.

        A recording that is not there, or not as asked for, becomes a `BadRequest`: nothing is wrong with the evidence.
        """
        from audit.errors import KeyUnavailable, LogMissing
        from audit.reader import EvidenceReader
        from audit.recording.errors import BadRecording

        try:
            opened = EvidenceReader.open(self.evidence, self.keys)
        except (LogMissing, KeyUnavailable) as error:
            raise ConfigError(str(error)) from error
        try:
            yield opened
        except BadRecording as error:
            raise BadRequest(str(error)) from error
        finally:
            opened.close()


def find(call: Call, directory: Path | None, keys: Path | None) -> Place:
    """Where to read. Raises `ConfigError` if `keys` was named and holds none, or there are no settings to go by."""
    if directory is None:
        settings = call.settings()
        evidence, beside = settings.evidence_dir, settings.keys_dir
    elif (directory / "evidence").is_dir():
        evidence, beside = directory / "evidence", directory / "keys"
    else:
        evidence, beside = directory, directory.parent / "keys"
    if keys is not None and not _readable(keys / ROOT_KEY):
        raise ConfigError(f"{keys}: there is no {ROOT_KEY} in it that you may read.")
    chosen = keys or beside
    public = [chosen / VERIFIER_KEY]
    if directory is not None and not _readable(public[0]):
        # A copy is held against this gateway's public key, but not against its signer's state: a copy may be older.
        public = _own_public_key(call)
    return Place(
        evidence=evidence,
        keys=chosen if _readable(chosen / ROOT_KEY) else None,
        verifier_key=next(filter(_readable, public), None),
    )


def _own_public_key(call: Call) -> list[Path]:
    """This gateway's, if there is one on this machine."""
    from config.load import settings_path

    return [call.settings().keys_dir / VERIFIER_KEY] if settings_path(call.config).exists() else []


def an_id(text: str, what: str) -> str:
    """A ULID as it is stored. Raises `BadRequest`."""
    wanted = text.strip().upper()
    if not is_id(wanted):
        shown_by = {"session": "log --sessions", "subscriber": "router list"}.get(what, f"{what} list")
        lists = f"`vestibule {shown_by}` shows them"
        raise BadRequest(f"That is no id of a {what}: ids have 26 letters and digits; {lists}.")
    return wanted


def _readable(path: Path) -> bool:
    return os.access(path, os.R_OK)
