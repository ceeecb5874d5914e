"""`vestibule audit ask-rotation|rotate`: end the log, and begin one that goes on from it. Two persons.

Asked for and approved over the REST API while the gateway runs, done while it does not. Counterpart:
`gateway.evidence.rotating`; `gateway.__main__` hands it in, for it needs the state.
"""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.call import Call, command
from gateway.cli.evidence import an_id
from gateway.cli.output import note, print_record, print_text
from gateway.errors import Unavailable


def register(audit: typer.Typer) -> None:
    """Add these commands below `vestibule audit`."""
    command(audit, "ask-rotation", remote=True)(ask_rotation)
    command(audit, "rotate")(rotate)


def ask_rotation(call: Call, *, reason: Annotated[str, typer.Option("--reason", help="Why; kept, sealed.")]) -> None:
    """Ask that this log be ended and a new one begun. Another person approves it."""
    with call.api() as api:
        asked = api.post("/v1/rotations", {"reason": reason})

    def people() -> None:
        print_text(f"Asked, as {asked['approval']}.")
        note(f"Another person now: vestibule approval approve {asked['approval']}")
        note(f"Then stop the gateway, and: vestibule audit rotate {asked['approval']}")

    call.show(asked, people)


def rotate(
    call: Call,
    approval: Annotated[
        str | None,
        typer.Argument(metavar="APPROVAL", help="Its id. Not needed to finish a rotation that was cut short."),
    ] = None,
    *,
    signer: Annotated[
        Path | None,
        typer.Option("--signer", metavar="PATH", help="Socket of the new log's signer, if that is a process."),
    ] = None,
) -> None:
    """End the log of a stopped gateway and begin a new one; each names the other. Old evidence goes to the archive.

    Consents that are not over yet end with the old log. If it breaks off anywhere, run it again.
    """
    from config.logs import configure

    configure("warning")  # to standard error: the answer has standard output to itself
    act = call.programs.rotate
    if act is None:
        raise Unavailable("This command cannot rotate a log here.")
    settings = call.settings()
    done = act(settings, None if approval is None else an_id(approval, "approval"), signer)
    shown = {"old": done.old, "entries": done.size, "archive": str(done.archive), "new": done.new, "key": done.key}

    def people() -> None:
        print_record(shown)
        note(f"Keep this key where the old one is kept. Old evidence: vestibule verify {done.archive}")
        if signer is not None:
            note(f'Set evidence.signer_socket = "{signer}" before the gateway starts.')
        if settings.evidence.objects_url is not None:
            note("Set evidence.objects_url to an empty place before the gateway starts: the old log stays where it is.")
        if settings.evidence.witness_policy is not None:
            note("Witnesses have to know the new key, and so has evidence.witness_policy.")

    call.show(shown, people)
