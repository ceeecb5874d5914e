"""`python -m drivers.lab cpe`: runs one or many simulated CPEs against an ACS until Ctrl-C, and tells what they do."""

import argparse
import asyncio
import contextlib
import json
import ssl
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from drivers.lab.cpe.config import CpeConfig, Pace
from drivers.lab.cpe.cpe import Arrived, SimulatedCpe
from drivers.lab.cpe.moods import MOODS, check_moods


def run(words: Sequence[str]) -> None:
    """Parse the command line and serve."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.list_moods:
        for name, mood in MOODS.items():
            sys.stdout.write(f"{name:<28}  {mood.what}\n")
        return
    if not options.acs:
        parser.error("Say where the ACS is: --acs http://127.0.0.1:7547/")
    try:
        config = _config(options)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(config, options.count, options.record))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drivers.lab cpe", description="Simulated routers that speak TR-069."
    )
    parser.add_argument("--acs", metavar="URL", help="the ACS, for example http://127.0.0.1:7547/")
    parser.add_argument("--oui", default="00D09E", help="six hexadecimal digits")
    parser.add_argument("--product-class", default="Lab", help="may be empty")
    parser.add_argument("--serial", default="0001", help="of the first one; further ones count on")
    parser.add_argument("--count", type=int, default=1, help="how many")
    parser.add_argument("--user", default="", help="with which it signs in at the ACS; {serial} is replaced")
    parser.add_argument("--password-file", type=Path, help="a file with the password, one line")
    parser.add_argument(
        "--knock-user", default="knock", help="who may send it Connection Requests, until the ACS changes that"
    )
    parser.add_argument("--knock-password-file", type=Path, help="a file with that password; default knock-password")
    parser.add_argument(
        "--knock-port", type=int, default=0, help="for Connection Requests, on 127.0.0.1; 0: a free one"
    )
    parser.add_argument("--ca", type=Path, help="certificates by which it trusts an https ACS")
    parser.add_argument("--certificate", type=Path, help="its own certificate and key, PEM, to sign in with")
    parser.add_argument("--model", choices=["tr181", "tr098"], default="tr181", help="its data model")
    parser.add_argument(
        "--mood", nargs="*", action="extend", default=[], metavar="MOOD", help="how it differs from TR-069"
    )
    parser.add_argument("--list-moods", action="store_true", help="say what moods there are")
    parser.add_argument(
        "--set", nargs="*", action="extend", default=[], metavar="PATH=VALUE", help="parameters of its own"
    )
    parser.add_argument("--bootstrapped", action="store_true", help="it knows the ACS: no 0 BOOTSTRAP at the start")
    parser.add_argument("--uploads", action="store_true", help="it performs Upload, otherwise it refuses")
    parser.add_argument("--boot-seconds", type=float, default=2.0)
    parser.add_argument("--pace", type=float, default=1.0, help="seconds that transfers and diagnostics take")
    parser.add_argument("--retry-seconds", type=float, default=5.0, help="before the first retry of a session")
    parser.add_argument("--second", type=float, default=1.0, help="how long a second of its timers is")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write all that arrives there, as JSON lines")
    return parser


def _config(options: argparse.Namespace) -> CpeConfig:
    """Raises `OSError`, `ValueError` with a sentence."""
    pairs = [word.partition("=") for word in options.set]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("Write --set PATH=VALUE.")
    pace = Pace(
        boot=options.boot_seconds,
        transfer=options.pace,
        diagnostics=options.pace,
        retry=options.retry_seconds,
        second=options.second,
    )
    return CpeConfig(
        acs=options.acs,
        oui=options.oui,
        product_class=options.product_class,
        serial=options.serial,
        model=options.model,
        user=options.user,
        password=_line(options.password_file) if options.password_file else "",
        tls=_tls(options.ca, options.certificate),
        knock_user=options.knock_user,
        knock_password=_line(options.knock_password_file) if options.knock_password_file else "knock-password",
        knock_port=options.knock_port,
        moods=check_moods(options.mood),
        extra={path: value for path, _, value in pairs},
        uploads=options.uploads,
        pace=pace,
        bootstrapped=options.bootstrapped,
    )


def _line(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0]


def _tls(ca: Path | None, certificate: Path | None) -> ssl.SSLContext | None:
    if ca is None and certificate is None:
        return None
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


async def _serve(config: CpeConfig, count: int, record: Path | None) -> None:
    async with contextlib.AsyncExitStack() as stack:
        out = stack.enter_context(record.open("a", encoding="utf-8")) if record is not None else None
        for number in range(count):
            serial = _serial(config.serial, number)
            cpe = _cpe(replace(config, serial=serial, user=config.user.replace("{serial}", serial)), out)
            if number:
                cpe = _cpe(replace(cpe.config, knock_port=config.knock_port and config.knock_port + number), out)
            await stack.enter_async_context(cpe)
            stack.push_async_callback(_cancel, asyncio.create_task(_tell(cpe, out)))
        await asyncio.Event().wait()


def _serial(first: str, number: int) -> str:
    """`0001`, 2 is `0003`; without digits at the end they are appended."""
    head = first.rstrip("0123456789")
    digits = first[len(head) :]
    return f"{head}{int(digits or 0) + number:0{len(digits)}}" if number else first


def _cpe(config: CpeConfig, out: IO[str] | None) -> SimulatedCpe:
    def arrived(one: Arrived) -> None:
        _write(out, cpe.line(one))
        if one.is_rpc:
            _say(f"{config.serial} was asked {one.method}")

    cpe = SimulatedCpe(config, on_received=arrived)
    return cpe


async def _tell(cpe: SimulatedCpe, out: IO[str] | None) -> None:
    """Say what it told its ACS, and why sessions broke off."""
    config = cpe.config
    _say(
        f"CPE {config.oui}-{config.product_class}-{config.serial}, Connection Requests at {cpe.connection_request_url}"
    )
    informs = failures = 0
    while True:
        with contextlib.suppress(TimeoutError):
            await cpe.until(partial(_more, cpe, informs, failures), seconds=60)
        for events in cpe.informs[informs:]:
            _write(out, {"cpe": config.serial, "session": cpe.sessions, "inform": [list(event) for event in events]})
            _say(f"{config.serial} informed: {', '.join(' '.join(event).strip() for event in events)}")
        for failure in cpe.failures[failures:]:
            _write(out, {"cpe": config.serial, "session": cpe.sessions, "failed": failure})
            _say(f"{config.serial} failed: {failure}")
        informs, failures = len(cpe.informs), len(cpe.failures)


def _more(cpe: SimulatedCpe, informs: int, failures: int) -> bool:
    return len(cpe.informs) > informs or len(cpe.failures) > failures


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _write(out: IO[str] | None, line: dict[str, Any]) -> None:
    if out is not None:
        out.write(json.dumps(line) + "\n")
        out.flush()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
