"""The `vestibule` command: one for operator, rep, auditor and automation. Built by `make_app`, run by `run`.

Counterpart: `gateway.__main__`, which hands in what stands above the front ends. A command loads what it needs when it
runs, so that help and `verify` start quickly.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from gateway import exits
from gateway.cli import (
    audit,
    backup,
    consents,
    cpes,
    custody,
    database,
    export,
    feed,
    house,
    log,
    people,
    policy,
    replay,
    routers,
    search,
    sessions,
    signer,
    status,
    verify,
    witness,
)
from gateway.cli.faults import fault_of, report
from gateway.cli.programs import Programs

__all__ = ["Programs", "make_app", "run"]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"vestibule {version('vestibule')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version.")
    ] = False,
) -> None:
    """Router access by consent only, recorded before it happens."""


def make_app(programs: Programs) -> typer.Typer:
    """The command with all its commands."""
    app = typer.Typer(
        name="vestibule",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"obj": programs, "help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for module in (
        house,
        people,
        routers,
        cpes,
        consents,
        sessions,
        log,
        replay,
        export,
        search,
        status,
        verify,
        audit,
        database,
        feed,
        custody,
        backup,
        policy,
        signer,
        witness,
    ):
        module.register(app)
    return app


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run the command line `arguments` (without the program's name); the exit status. Raises nothing."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    try:
        result = typer.main.get_command(app).main(list(arguments), prog_name="vestibule", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else exits.OK
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else exits.OK
    except BaseException as error:  # noqa: BLE001 - the outermost edge: whatever it was becomes a sentence and a status
        fault = fault_of(error)
        verifies = [*arguments[:1]] == ["verify"] or [*arguments[:2]] in (["audit", "fsck"], ["audit", "mirror"])
        if verifies and fault.exit not in {exits.INTERRUPTED, exits.OUTPUT_CLOSED}:
            # Verification has a scale of its own: 1 and 2 are findings; what kept it from looking is neither.
            fault = replace(fault, exit=exits.UNVERIFIABLE)
        report(fault, as_json="--json" in options)
        if fault.exit == exits.OUTPUT_CLOSED:
            # Python flushes standard output when it ends, and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return fault.exit
