"""The page of commands, written from the commands themselves: docs/reference/cli.md.

`python -m gateway.cli.reference` prints it; `scripts/generate` writes it; a test holds the two together.
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import typer

from gateway.cli.app import make_app
from gateway.cli.programs import Programs

INTRODUCTION: Final = """\
# Commands

<!-- Written by scripts/generate from gateway/cli. -->

One command, `vestibule`, for everybody. What it prints is for people; with `--json` standard output holds one JSON
value and nothing else, and an error is one JSON object (`code`, `message`, `exit`) on standard error. Exit statuses are
in [exit codes](exit-codes.md). Times are UTC. `vestibule --install-completion` sets up your shell.

## Which gateway

On the gateway's own machine the commands speak the [REST API](rest-api.md) over a Unix socket, `api.sock` in the data
directory, and the kernel says who you are: nothing is asked and nothing is stored. Your Unix user must be able to reach
the socket and be registered (`vestibule person add --uid`); `vestibule init` registers the first operator.

From elsewhere, `--url` and `--token-file` (or `VESTIBULE_URL` and `VESTIBULE_TOKEN_FILE`) name the API and a file of
mode 0600 with a service-account token. Tokens are for machines; people elsewhere use `ssh vestibule@gateway`, which
needs no installation.

`log`, `replay`, `verify` and `policy` read files and need no running gateway. They find this gateway's evidence by the
settings file, and a copy by its directory, without any settings.

## Looking is on record

`replay`, `log --open-sealed` and `search` on this gateway's own evidence put the look on record (`replay.view`,
`export.made`, `search.query`) through the running gateway, with its reason, before anything is shown. Where no gateway
runs, or where it does not let you look, nothing is shown. A look at a copy (`--dir`) is on no record, and the command
says so: whoever holds a copy and its keys can read them with any program. Guard the keys.

## On every command

| option | what it does |
|---|---|
"""


def page() -> str:
    """docs/reference/cli.md."""
    root: Any = typer.main.get_command(make_app(_NOTHING))
    context = typer.Context(root, info_name="vestibule")
    leaves = list(_leaves(root, context))
    shared: dict[str, str] = {}
    for command, below in leaves:
        shared |= dict(_options(command, below, shared_only=True))
    lines = [INTRODUCTION.rstrip("\n"), *(f"| {name} | {text} |" for name, text in shared.items())]
    lines += ["", "`--url` and `--token-file` are on the commands that talk to a gateway.", ""]
    for panel in dict.fromkeys(_panel(below) for _, below in leaves):
        lines += [f"## {panel}", ""]
        for command, below in leaves:
            if _panel(below) == panel:
                lines += _section(command, below)
    return "\n".join(lines).rstrip("\n") + "\n"


def _leaves(command: Any, context: typer.Context) -> Iterator[tuple[Any, typer.Context]]:
    """Every command that does something, groups opened."""
    below = getattr(command, "commands", None)
    if below is None:
        yield command, context
        return
    for name, inner in below.items():
        yield from _leaves(inner, typer.Context(inner, parent=context, info_name=name))


def _panel(context: typer.Context) -> str:
    top: Any = context
    while top.parent is not None and top.parent.parent is not None:
        top = top.parent
    panel = getattr(top.command, "rich_help_panel", None)
    return panel if isinstance(panel, str) else "Commands"


def _section(command: Any, context: typer.Context) -> list[str]:
    summary, _, rest = inspect.cleandoc(command.help or "").replace("\f", "").partition("\n\n")
    usage = f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    usage = re.sub(r"\{([^}]*)\}", r"\1", usage).replace("...", "…")
    own = list(_options(command, context, shared_only=False))
    table = ["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in own), ""] if own else []
    body = [*rest.splitlines(), ""] if rest else []
    return [f"### `{context.command_path}`", "", *summary.splitlines(), "", "```", usage, "```", "", *body, *table]


def _options(command: Any, context: typer.Context, *, shared_only: bool) -> Iterator[tuple[str, str]]:
    for parameter in command.params:
        record = parameter.get_help_record(context)
        is_shared = getattr(parameter, "rich_help_panel", None) == "On every command"
        if record is None or is_shared is not shared_only:
            continue
        # An argument is told by its name; what an option takes, by its kind.
        name, text = (" ".join(part.split()).replace("|", "\\|") for part in record)
        if parameter.param_type_name == "argument":
            name = name.partition(" ")[0]
        yield f"`{name}`", text


def _no_program(*_: object) -> Any:
    raise AssertionError("the page only looks at the commands")


_NOTHING: Final = Programs(initialise=_no_program, first_operator=_no_program, serve=_no_program, demo=_no_program)

if __name__ == "__main__":
    print(page(), end="")
