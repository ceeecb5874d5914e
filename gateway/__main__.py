"""`vestibule`, and `python -m gateway`: hands the command line what stands above the front ends.

What is started here is imported when it is started: help, `verify` and `policy` load no server, and the server loads no
command line.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.assembly import House
    from gateway.evidence.rotating import Rotated


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status. Without `arguments` those of the process."""
    words = sys.argv[1:] if arguments is None else arguments
    if [*words] == ["serve"]:
        return _serve_alone()
    from gateway.cli.app import Programs, make_app, run

    programs = Programs(
        initialise=_initialise,
        first_operator=_first_operator,
        serve=_serve,
        demo=_demo,
        rotate=_rotate,
        usable=_usable,
    )
    return run(make_app(programs), words)


def _serve_alone() -> int:
    """`serve` without options, as service managers start it: the command line would take 3 MB as long as it runs."""
    from config.load import load
    from config.logs import configure

    try:
        settings = load()
        configure(settings.log.level)
        return _serve(settings)
    except BaseException as error:  # noqa: BLE001 - the outermost edge, as in `run`
        from gateway.cli.faults import fault_of, report

        fault = fault_of(error)
        report(fault, as_json=False)
        return fault.exit


def _initialise(settings: "Settings") -> None:
    from gateway.assembly import initialise

    initialise(settings)


def _first_operator(settings: "Settings", name: str, uid: int) -> bool:
    return asyncio.run(_register_operator(settings, name, uid))


async def _register_operator(settings: "Settings", name: str, uid: int) -> bool:
    """The one person whom no operator registers. On record first, like everybody who comes later."""
    from audit.entry import Kind, NewEntry
    from audit.errors import LogInUse
    from config.errors import ConfigError
    from gateway.assembly import House
    from gateway.errors import Unavailable

    try:
        house = await House.open(settings)
    except LogInUse as error:
        sentence = "A gateway runs on this data directory, so it is set up; add operators with `vestibule person add`."
        raise Unavailable(sentence) from error
    try:
        known = await house.directory.principal_by_uid(uid)
        if known is not None and known.role == "operator":
            return False
        if known is not None:
            raise ConfigError(
                f"User id {uid} belongs to somebody who is no operator; name another one with --operator."
            )
        entry = NewEntry(
            kind=Kind.ADMIN_CHANGE,
            facts={"act": "person.add", "by": "init"},
            sealed={"who": {"uid": uid}, "act": {"name": name, "role": "operator", "uid": uid}},
        )
        await house.journal.append(entry)
        await house.registry.add_person(name, "operator", uid=uid)
    finally:
        await house.stop("initialised")
    return True


def _serve(settings: "Settings") -> int:
    from config.heap import one_heap
    from gateway.assembly import serve

    one_heap()

    try:
        import uvloop
    except ImportError:
        return asyncio.run(serve(settings, ready=_say_where))
    return uvloop.run(serve(settings, ready=_say_where))


def _say_where(house: "House") -> None:
    """Where clients connect; ports may have been picked by the system."""
    import structlog

    log = structlog.get_logger("serve")
    log.info("listening", kind="ssh", port=house.ssh_port)
    if house.api_port is not None:
        log.info("listening", kind="api", port=house.api_port)
    for kind, tls in (("cwmp", True), ("cwmp-plain", False)):
        port = house.station.port(tls=tls)
        if port is not None:
            log.info("listening", kind=kind, port=port)


def _usable(settings: "Settings") -> None:
    from gateway.cwmp.usable import check

    check(settings.cwmp)


def _rotate(settings: "Settings", approval: str | None, signer: Path | None) -> "Rotated":
    from contextlib import closing

    from config.clock import SystemClock
    from gateway.access.credentials import Vault, load_root_key
    from gateway.assembly import objects_of
    from gateway.evidence.attesting import attestation_of
    from gateway.evidence.rotating import Rotating
    from gateway.state.consents import StateConsentStore
    from gateway.state.database import Database, sqlite_url

    root = load_root_key(settings.keys_dir)
    with closing(Database.open(sqlite_url(settings.state_path))) as database:
        rotating = Rotating(
            settings=settings,
            consents=StateConsentStore(database, Vault(root)),
            clock=SystemClock(),
            objects=objects_of(settings),
            attestation=attestation_of(settings.evidence),
        )
        return asyncio.run(rotating.run(approval, signer=signer))


def _demo(keep: bool, out: TextIO) -> int:
    from config.logs import configure
    from gateway.demo.story import run as play

    configure("error")  # the story speaks for itself

    def say(text: str) -> None:
        out.write(text + "\n")
        out.flush()

    return asyncio.run(play(keep=keep, say=say, colour=out.isatty()))


if __name__ == "__main__":
    sys.exit(main())
