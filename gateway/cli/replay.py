"""`vestibule replay`: play a recorded session, or export it. Counterpart: `audit.replay`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway import exits
from gateway.cli.call import Call, command
from gateway.cli.evidence import PANEL, Directory, Keys, Place, an_id, find
from gateway.cli.output import note
from gateway.cli.views import Reason, record_view
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from audit.recording.library import Gap, Recording

_WORRYING = {"damaged", "missing"}


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    command(app, "replay", rich_help_panel=PANEL)(replay)


def replay(
    call: Call,
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Id, as `vestibule log --sessions` shows.")],
    *,
    speed: Annotated[str, typer.Option(help="Times as fast as it happened, or `max`: without waiting.")] = "1",
    idle_limit: Annotated[str, typer.Option(metavar="SECONDS", help="Longest pause, or `none`.")] = "2",
    start_at: Annotated[float | None, typer.Option(metavar="SECONDS", help="Begin so far from the start.")] = None,
    start_command: Annotated[
        int | None, typer.Option(metavar="N", help="Begin with the command of this number in its session.")
    ] = None,
    marks: Annotated[bool, typer.Option("--marks", help="Name number, verdict and entry of each command.")] = False,
    export: Annotated[Literal["cast"] | None, typer.Option(help="Write a file for other players instead.")] = None,
    cast_version: Annotated[int, typer.Option(min=2, max=3, help="Of an export: 2 plays everywhere.")] = 2,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where an export goes; else standard output.")
    ] = None,
    reason: Reason = None,
    directory: Directory = None,
    keys: Keys = None,
) -> int:
    """Play what the rep saw, as it happened.

    Space pauses, `.` steps, arrow keys seek, g TIME goes there, / finds text, n and N its next and previous place,
    ] and [ the next and previous command, q quits.

    Needs the keys of the evidence; a look at this gateway's own is put on record first, with its reason. Parts that
    cannot be shown are named in their place; exit status 1 if they are damaged or missing from the log.
    """
    from audit.recording.library import read_recording
    from audit.replay import play

    if output is not None and export is None:
        raise BadRequest("--output is for --export.")
    place = find(call, directory, keys)
    wanted = an_id(session, "session")
    with place.reader() as evidence:
        recording = read_recording(evidence, wanted)
        what: Literal["export", "replay"] = "export" if export else "replay"
        mark = record_view(call, what, session=wanted, reason=reason, copy=directory is not None)
        if export is not None:
            _export(recording, cast_version, output, mark)
            gaps = recording.gaps()
        elif call.as_json:
            gaps = _print_json(call, recording, mark)
        else:
            played = play(
                recording,
                sys.stdout,
                speed="max" if speed == "max" else _number("--speed", speed),
                idle_limit=None if idle_limit == "none" else _number("--idle-limit", idle_limit),
                start_at=start_at,
                start_command=start_command,
                marks=marks,
                watermark=mark,
            )
            gaps = list(played.gaps)
    return _judge(gaps, place)


def _judge(gaps: "list[Gap]", place: Place) -> int:
    if place.keys is None and gaps:
        note(
            "The keys were not found or may not be read, so nothing could be opened; name their directory with --keys."
        )
    if any(gap.kind in _WORRYING for gap in gaps):
        note("Parts of this recording are damaged or missing; run `vestibule verify`.")
        return exits.FAILED
    return exits.OK


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadRequest(f"{option} takes a number.") from error


def _export(recording: "Recording", version: int, output: Path | None, mark: str) -> None:
    from audit.replay import cast_lines

    if output is None:
        sys.stdout.writelines(cast_lines(recording, version, watermark=mark))
        return
    try:
        # A session in the clear: readable by its owner only, and never over something else.
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadRequest(f"{output}: is there already; nothing was written.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(cast_lines(recording, version, watermark=mark))


def _print_json(call: Call, recording: "Recording", mark: str) -> "list[Gap]":
    from audit.recording.cast import Event
    from audit.recording.library import Gap

    moments = list(recording.moments())
    gaps = [one for one in moments if isinstance(one, Gap)]
    value = {
        "session": recording.session,
        "live": recording.live,
        "duration": recording.duration / 1e6,
        "width": recording.header.width,
        "height": recording.header.height,
        "events": [[one.at / 1e6, one.code, one.data] for one in moments if isinstance(one, Event)],
        "gaps": gaps,
        "opened_for": mark,
    }
    call.show(value, lambda: None)
    return gaps
