"""`vestibule witness init|add-log|key|logs|serve`: a witness of logs, for a regulator, an auditor, a partner.

It needs one directory, and no gateway and no settings. Counterparts: `audit.witness`, `gateway.witness_site`.
"""

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from config.errors import ConfigError
from gateway import exits
from gateway.cli.call import Call, command, group
from gateway.cli.output import moment, print_table, print_text
from gateway.errors import BadRequest

_PANEL: Final = "The evidence and the rules"
_MOST: Final = 64 * 1024

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The witness's own private directory.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    witness = group("witness", "Cosign the checkpoints of logs that go on from what they showed before.")
    command(witness, "init")(init)
    command(witness, "add-log")(add_log)
    command(witness, "key")(key)
    command(witness, "logs")(logs)
    command(witness, "serve")(serve)
    app.add_typer(witness, rich_help_panel=_PANEL)


def init(
    call: Call,
    *,
    data: Data,
    name: Annotated[str, typer.Option(metavar="NAME", help="Its name in cosignatures: witness.example.org/1.")],
    mldsa: Annotated[bool, typer.Option("--mldsa", help="Cosign with ML-DSA-44 as well.")] = False,
) -> None:
    """Make a witness: its keys and an empty memory. Give the public key to those who are to trust it."""
    from audit.errors import BadEntry
    from audit.witness.key_files import make_witness

    try:
        make_witness(data, name, mldsa=mldsa)
    except BadEntry as error:
        raise BadRequest(str(error)) from error
    key(call, data=data)


def add_log(
    call: Call,
    *,
    log: Annotated[
        list[str], typer.Argument(metavar="KEY...", help="Verifier keys of one log, or files with them (log.pub).")
    ],
    data: Data,
) -> None:
    """Cosign for a log from now on. Its first checkpoint is taken as it is; every later one must go on from it."""
    from contextlib import closing

    from audit.errors import BadEntry
    from audit.tlog.note import VerifierKey
    from audit.witness.key_files import open_store

    try:
        keys = [VerifierKey.parse(line) for given in log for line in _lines(given)]
        with closing(open_store(data)) as store:
            store.add_log(keys)
    except BadEntry as error:
        raise BadRequest(str(error)) from error
    call.show(
        {"origin": keys[0].name, "keys": [str(key) for key in keys]},
        lambda: print_text(f"Cosigns {keys[0].name} from now on, also if it is running."),
    )


def key(call: Call, *, data: Data) -> None:
    """Print the witness's public keys, as policy files name them."""
    from audit.witness.key_files import open_keys

    keys = [str(key.verifier) for key in open_keys(data)]
    call.show({"keys": keys}, lambda: print_text("\n".join(keys)))


def logs(call: Call, *, data: Data) -> None:
    """List the logs: size and time of the newest cosignature, and requests that contradicted what was cosigned."""
    from contextlib import closing

    from audit.witness.key_files import open_store

    with closing(open_store(data)) as store:
        found = []
        for origin in store.origins():
            last = store.latest(origin)
            found.append(
                {
                    "origin": origin,
                    "size": 0 if last is None else last.size,
                    "cosigned": None if last is None else datetime.fromtimestamp(last.at, UTC),
                    "contradictions": len(store.refusals(origin)),
                }
            )
    rows = [(log["origin"], log["size"], moment(log["cosigned"]), log["contradictions"]) for log in found]
    heads = ("LOG", "SIZE", "COSIGNED", "CONTRADICTIONS")
    call.show(found, lambda: print_table(heads, rows, empty="No log yet; add one with 'vestibule witness add-log'."))


def serve(
    _call: Call,
    *,
    data: Data,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 picks a free one.")] = 8470,
) -> int:
    """Answer logs until SIGTERM or Ctrl-C. Its log goes to standard error as JSON lines.

    It speaks plain HTTP: answers are signed, and requests hold nothing secret. Put a proxy with TLS before it if your
    network asks for it.
    """
    from config.logs import configure

    configure("info")
    return asyncio.run(_serve(data, host, port))


async def _serve(data: Path, host: str, port: int) -> int:
    import structlog

    from audit.witness.key_files import open_keys, open_store
    from audit.witness.witness import Witness
    from config.clock import SystemClock
    from gateway.session.listeners import HttpListener, bind_tcp
    from gateway.witness_site import witness_app

    store = open_store(data)
    try:
        witness = Witness(open_keys(data), store, SystemClock())
        listener = HttpListener(witness_app(witness), bind_tcp(host, port, "--port"))
        await listener.start()
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, done.set)
        structlog.get_logger("witness").info("ready", port=listener.port, count=len(store.origins()))
        await done.wait()
        await listener.stop()
    finally:
        store.close()
    return exits.OK


def _lines(given: str) -> list[str]:
    """Verifier keys: one as such, or those in a file, one a line."""
    if "+" in given and not Path(given).exists():
        return [given]
    try:
        with Path(given).open(encoding="utf-8") as file:
            lines = [line.strip() for line in file.read(_MOST).splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{given}: neither a verifier key nor a file with one.") from error
    return [line for line in lines if line and not line.startswith("#")]
