"""`vestibule verify`: recompute the log and compare it with what was signed. Counterpart: `audit.verify.log`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.call import Call, command
from gateway.cli.evidence import PANEL, VERIFIER_KEY, Keys, an_id, find
from gateway.cli.output import print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from audit.verify.report import Report

_STYLES = ("bold green", "bold red", "bold yellow")
"""Of the last line, by exit status."""


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    command(app, "verify", rich_help_panel=PANEL)(verify)


def verify(
    call: Call,
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A copy of the evidence, or of a data directory; else this gateway's."),
    ] = None,
    *,
    session: Annotated[str | None, typer.Option(metavar="ID", help="Look at this session only.")] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"The log's public key from a place you trust; else `{VERIFIER_KEY}`."),
    ] = None,
    keys: Keys = None,
    since: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An older checkpoint of this log: it must be an extension of that one."),
    ] = None,
) -> int:
    """Verify the log, and say what was looked at and what was not. Read-only; the gateway may run.

    Exit status 0: verified; 1: a contradiction, it was changed or is not what was signed; 2: not everything could be
    seen; 3: it could not begin (no log, no key, wrong usage).
    """
    from audit.verify.log import verify_log, verify_session

    place = find(call, directory, keys)
    if not place.evidence.is_dir():
        raise BadRequest(f"{place.evidence}: there is no such directory.")
    verifier_key = key or place.verifier_key
    if verifier_key is None:
        raise BadRequest("The log's public key was not found beside it; name its file with --key.")
    if session is not None and since is not None:
        raise BadRequest("--session and --since do not go together.")
    if session is not None:
        report = verify_session(place.evidence, an_id(session, "session"), verifier_key, keys_dir=place.keys)
    else:
        report = verify_log(place.evidence, verifier_key, keys_dir=place.keys, since=_older(since))
    call.show(_as_json(report, place.evidence, verifier_key), lambda: _print(report))
    return report.exit_code


def _older(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise BadRequest(f"{path}: cannot be read: {error.strerror}.") from error


def _print(report: "Report") -> None:
    *lines, last = report.lines()
    for line in lines:
        print_text(line)
    print_text(last, _STYLES[report.exit_code])


def _as_json(report: "Report", evidence: Path, key: Path) -> dict[str, Any]:
    return {
        "result": ("verified", "contradiction", "incomplete")[report.exit_code],
        "exit": report.exit_code,
        "directory": evidence,
        "key": key,
        "beyond_checkpoint": report.beyond_checkpoint,
        "unanswered": report.unanswered,
        **asdict(report),
        "sessions": [{**asdict(one), "complete": one.complete} for one in report.sessions],
    }
