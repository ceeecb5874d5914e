"""`vestibule verify`: recompute the log, a bundle or a proof and compare it with what was signed.

Counterparts: `audit.verify.log` (the whole log), `audit.verify.hashes` (the quick look), and
`audit.verify.vestibule_verify` (bundles and proofs, with the same program that others use).
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.call import Call, command
from gateway.cli.evidence import PANEL, VERIFIER_KEY, Keys, Place, an_id, find
from gateway.cli.output import print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from audit.verify.hashes import HashReport
    from audit.verify.log import Trust
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
    bundle: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Verify this evidence bundle, and not the log.")
    ] = None,
    proof: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Verify this .tlog-proof, and not the log.")
    ] = None,
    entry: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --proof: the entry it is for, if it does not carry it.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"The log's public key from a place you trust; else `{VERIFIER_KEY}`."),
    ] = None,
    keys: Keys = None,
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Trust policy (C2SP tlog-policy): which witnesses must have seen the log."),
    ] = None,
    max_age: Annotated[
        str | None, typer.Option(metavar="TIME", help="Oldest quorum of witnesses allowed: 15m, 24h, 30d.")
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An older checkpoint of this log: it must be an extension of that one."),
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Processes that share the work.")] = 1,
    hashes_only: Annotated[
        bool, typer.Option("--hashes-only", help="Hash the entries and compare the root; look at nothing else.")
    ] = False,
) -> int:
    """Verify the log, a bundle or a proof, and say what was looked at and what was not. Read-only.

    The gateway may run. Exit status 0: verified; 1: a contradiction, it was changed or is not what was signed; 2: not
    everything could be seen, or too few witnesses have seen it; 3: it could not begin (no log, no key, wrong usage).
    """
    if bundle is not None or proof is not None:
        _only_one(bundle, proof, directory, session)
        return _portable(call, bundle or proof, key=key, policy=policy, since=since, max_age=max_age, entry=entry)
    from audit.verify.hashes import verify_hashes
    from audit.verify.log import verify_log, verify_session

    place = find(call, directory, keys)
    if not place.evidence.is_dir():
        raise BadRequest(f"{place.evidence}: there is no such directory.")
    trust = _trust(policy, max_age)
    verifier_key = key or place.verifier_key or _key_of(policy)
    if verifier_key is None:
        raise BadRequest("The log's public key was not found beside it; name its file with --key.")
    older = _bytes(since)
    if hashes_only:
        return _show_hashes(call, verify_hashes(place.evidence, verifier_key, since=older))
    if session is not None:
        one = an_id(session, "session")
        report = verify_session(place.evidence, one, verifier_key, keys_dir=place.keys, since=older, trust=trust)
    else:
        report = verify_log(place.evidence, verifier_key, keys_dir=place.keys, since=older, trust=trust, jobs=jobs)
    call.show(_as_json(report, place, verifier_key), lambda: _print(report))
    return report.exit_code


def _only_one(bundle: Path | None, proof: Path | None, directory: Path | None, session: str | None) -> None:
    if [bundle, proof, directory, session].count(None) != 3:
        raise BadRequest("One thing at a time: a directory (with --session or without), --bundle or --proof.")


def _portable(
    call: Call,
    what: Path | None,
    *,
    key: Path | None,
    policy: Path | None,
    since: Path | None,
    max_age: str | None,
    entry: Path | None,
) -> int:
    """A bundle or a proof, by the program that is in every bundle."""
    from audit.verify import vestibule_verify

    if key is None and policy is None:
        key = find(call, None, None).verifier_key
        if key is None:
            raise BadRequest("Say whose evidence it is to be: --policy FILE, or --key FILE.")
    arguments = [str(what), *(["--json"] if call.as_json else [])]
    options = {"--policy": policy, "--key": key if policy is None else None, "--since": since, "--max-age": max_age}
    for name, value in {**options, "--entry": entry}.items():
        arguments += [] if value is None else [name, str(value)]
    return vestibule_verify.main(arguments)


def _trust(path: Path | None, max_age: str | None) -> "Trust":
    from audit.errors import BadEntry
    from audit.tlog.policy import Policy
    from audit.verify.log import Trust
    from audit.verify.vestibule_verify import Unusable, seconds

    text = _bytes(path)
    try:
        return Trust(
            policy=None if text is None else Policy.parse(text), max_age=None if max_age is None else seconds(max_age)
        )
    except (BadEntry, Unusable) as error:
        raise BadRequest(str(error)) from error


def _key_of(policy: Path | None) -> str | None:
    """The log's key that a policy names, if it names one of Ed25519."""
    from audit.tlog.messages import ED25519
    from audit.tlog.policy import Policy

    text = _bytes(policy)
    keys = [] if text is None else [log.key for log in Policy.parse(text).logs if log.key.algorithm == ED25519]
    return str(keys[0]) if len(keys) == 1 else None


def _bytes(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise BadRequest(f"{path}: cannot be read: {error.strerror}.") from error


def _show_hashes(call: Call, report: "HashReport") -> int:
    def people() -> None:
        *lines, last = report.lines()
        for line in lines:
            print_text(line)
        print_text(last, _STYLES[report.exit_code])

    call.show({**asdict(report), "result": _RESULTS[report.exit_code], "exit": report.exit_code}, people)
    return report.exit_code


_RESULTS = ("verified", "contradiction", "incomplete")


def _print(report: "Report") -> None:
    *lines, last = report.lines()
    for line in lines:
        print_text(line)
    print_text(last, _STYLES[report.exit_code])


def _as_json(report: "Report", place: Place, key: Path | str) -> dict[str, Any]:
    return {
        "result": _RESULTS[report.exit_code],
        "exit": report.exit_code,
        "directory": place.evidence,
        "key": key,
        "beyond_checkpoint": report.beyond_checkpoint,
        "unanswered": report.unanswered,
        **asdict(report),
        "not_checked": report.not_checked,
        "sessions": [{**asdict(one), "complete": one.complete} for one in report.sessions],
    }
