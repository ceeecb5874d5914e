"""How the command fails: one sentence on standard error and an exit status, never a traceback.

Counterparts: `gateway.exits` gives each family of errors its status; `gateway.cli.app.run` is the only caller.
"""

import json
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from audit.recording.terminal import visible
from config.errors import VestibuleError
from gateway import exits
from gateway.cli.call import OutputClosed
from gateway.errors import ConsentProblem

USAGE_FAMILY: Final = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""Root of what the parser of the command line raises. Typer brings a copy of click or uses the installed one, depending
on its version; either way this is its root."""

_RED: Final = "\x1b[31m"
_PLAIN: Final = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong: a stable word, a sentence, the exit status."""

    code: str
    message: str
    exit: int


def fault_of(error: BaseException) -> Fault:
    """The fault that `error` amounts to."""
    if isinstance(error, KeyboardInterrupt | typer.Abort | EOFError):
        return Fault("interrupted", "Interrupted.", exits.INTERRUPTED)
    if isinstance(error, OutputClosed | BrokenPipeError):
        return Fault("output_closed", "", exits.OUTPUT_CLOSED)
    if isinstance(error, VestibuleError) and isinstance(status := getattr(error, "exit", None), int):
        return Fault(str(getattr(error, "code", "refused")), str(error), status)  # the gateway's own words (`Refused`)
    if isinstance(error, VestibuleError):
        code = error.code if isinstance(error, ConsentProblem) else _word(type(error).__name__)
        return Fault(code, str(error), exits.status_of(error))
    if isinstance(error, USAGE_FAMILY):
        return Fault("usage", _sentence(error.format_message().replace(": Value error, ", ": ")), exits.USAGE)  # type: ignore[attr-defined]
    if isinstance(error, OSError):
        named = f"{error.filename}: " if isinstance(error.filename, str | Path) else ""
        return Fault("system", f"{named}{error.strerror or type(error).__name__}.", exits.FAILED)
    # Only where and what kind: the text of a foreign error may quote a secret.
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {Path(frame[0].filename).name}:{frame[0].lineno}" if frame else ""
    return Fault("internal", f"This should not have happened ({type(error).__name__}{where}).", exits.INTERNAL)


def report(fault: Fault, *, as_json: bool) -> None:
    """Print the fault on standard error: red where a person looks on, or one JSON object."""
    if not fault.message:
        return
    if as_json:
        text = json.dumps({"code": fault.code, "message": fault.message, "exit": fault.exit})
    else:
        text = "\n".join(visible(line) for line in fault.message.split("\n"))
        if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
            text = f"{_RED}{text}{_PLAIN}"
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        return  # nobody listens; the exit status still says it


def _word(name: str) -> str:
    """`RouterUnreachable` as `router_unreachable`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."
