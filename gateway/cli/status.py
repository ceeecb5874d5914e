"""`vestibule status`: how a running gateway, its log and its disk are. Over the REST API (`/v1/status`)."""

from typing import Any

import typer

from config.counting import counted
from gateway import exits
from gateway.cli.call import Call, command
from gateway.cli.evidence import PANEL
from gateway.cli.output import print_record, print_text


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    command(app, "status", remote=True, rich_help_panel=PANEL)(status)


def status(call: Call) -> int:
    """Show how the log is: checkpoint, witnesses, storage, index, feeds, approvals, sessions, disk. Nothing personal.

    Exit status 0: nothing to say; 1: there are warnings.
    """
    with call.api() as api:
        found = api.get("/v1/status")

    def people() -> None:
        print_record(_words(found))
        for warning in found["warnings"]:
            print_text(warning, "bold yellow")

    call.show(found, people)
    return exits.FAILED if found["warnings"] else exits.OK


def _words(found: dict[str, Any]) -> dict[str, object]:
    checkpoint, quorum, disk = found["checkpoint"], found["quorum"], found["disk"]
    return {
        "log": found["origin"],
        "entries": found["size"],
        "checkpoint": "signed by another worker" if checkpoint is None else _checkpoint(checkpoint),
        "witnesses": "none asked" if quorum is None else f"quorum {_ago(quorum['age_seconds'])}, {quorum['policy']}",
        "object storage": _delay(found["undelivered_seconds"]),
        "search index": "none" if found["index_behind"] is None else _behind(found["index_behind"]),
        "feeds": "\n".join(f"{feed['name']}: {_behind(feed['behind'])}" for feed in found["feeds"]) or "none",
        "approvals pending": found["approvals"],
        "live sessions": found["sessions"],
        "disk free": f"{disk['free'] / 2**30:.1f} of {disk['total'] / 2**30:.1f} GiB",
    }


def _checkpoint(checkpoint: dict[str, Any]) -> str:
    if not checkpoint["signer_answers"]:
        return f"the signer does not answer, for {checkpoint['unsigned_seconds']:.0f} s"
    return f"{counted(checkpoint['size'], 'entry', 'entries')}, signed {_ago(checkpoint['age_seconds'])}"


def _ago(seconds: float | None) -> str:
    return "not yet" if seconds is None else f"{seconds:.0f} s ago"


def _delay(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    return "up to date" if seconds < 1 else f"waits for {seconds:.0f} s"


def _behind(entries: int | None) -> str:
    return (
        "unknown" if entries is None else f"{counted(entries, 'entry', 'entries')} behind" if entries else "up to date"
    )
