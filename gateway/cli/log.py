"""`vestibule log`: list entries, sessions and consents of the evidence. Counterpart: `audit.reader`.

Heads carry no personal data and are shown to whoever may read the files. Sealed parts are opened only when asked for.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.errors import KeyUnavailable, SealBroken
from config.errors import ConfigError
from gateway.cli.call import Call, command
from gateway.cli.evidence import PANEL, Directory, Keys, an_id, find
from gateway.cli.output import note, print_record, print_table, print_text
from gateway.cli.views import Reason, record_view
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from audit.reader import EvidenceReader, StoredEntry


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    command(app, "log", rich_help_panel=PANEL)(log)


def log(
    call: Call,
    *,
    sessions: Annotated[bool, typer.Option("--sessions", help="List the sessions instead of entries.")] = False,
    session: Annotated[str | None, typer.Option(metavar="ID", help="Only the entries of this session.")] = None,
    consent: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the entries of this consent, outside sessions.")
    ] = None,
    last: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the last N; 50 of the whole log.")] = None,
    open_sealed: Annotated[
        bool, typer.Option("--open-sealed", help="Open the sealed parts: people, routers, command texts.")
    ] = False,
    reason: Reason = None,
    directory: Directory = None,
    keys: Keys = None,
) -> None:
    """List entries of the log, oldest first: index, time, what happened, and its facts.

    Nothing personal is shown unless --open-sealed asks for it; that needs the keys, a reason, and for this gateway's
    own evidence a running gateway, which puts it on record.
    """
    if sum((sessions, session is not None, consent is not None)) > 1:
        raise BadRequest("Choose one of --sessions, --session and --consent.")
    if sessions and open_sealed:
        raise BadRequest("--open-sealed is for entries; name one session with --session.")
    session = None if session is None else an_id(session, "session")
    consent = None if consent is None else an_id(consent, "consent")
    place = find(call, directory, keys)
    if open_sealed and place.keys is None:
        raise ConfigError("The keys were not found or may not be read; name their directory with --keys.")
    with place.reader() as evidence:
        if sessions:
            _list_sessions(call, evidence, last)
            return
        entries = _chosen(evidence, session, consent, last)
        if open_sealed:
            wanted = {
                "session": session and an_id(session, "session"),
                "consent": consent and an_id(consent, "consent"),
            }
            mark = record_view(call, "log", **wanted, reason=reason, copy=directory is not None)
            if mark:
                note(f"Opened for {mark}.")
        _list_entries(call, evidence, entries, opened=open_sealed)


def _chosen(
    evidence: "EvidenceReader", session: str | None, consent: str | None, last: int | None
) -> "list[StoredEntry]":
    if session is not None:
        found = evidence.session(session)
        what = "session"
    elif consent is not None:
        found = evidence.consent(consent)
        what = "consent"
    else:
        return list(evidence.entries(max(0, evidence.size - (last or 50))))
    if not found:
        raise BadRequest(f"The log has no entries of this {what}.")
    return found if last is None else found[-last:]


def _list_sessions(call: Call, evidence: "EvidenceReader", last: int | None) -> None:
    rows = evidence.sessions()
    if last is not None:
        rows = rows[-last:]
    heads = ["session", "started", "state", "consent", "first entry"]

    def people() -> None:
        cells = ([row.session, row.started, row.state, row.consent_ref, row.first_index] for row in rows)
        print_table(heads, cells, empty="The log has no sessions.")

    call.show(rows, people)


def _list_entries(call: Call, evidence: "EvidenceReader", entries: "Iterable[StoredEntry]", *, opened: bool) -> None:
    rows = [_row(entry) for entry in entries]
    if opened:
        for row in rows:
            row["sealed"] = dict(_parts(evidence, row["index"]))

    def people() -> None:
        if opened:
            _print_opened(rows)
            return
        heads = ["index", "time", "kind", "session", "n", "facts"]
        cells = ([row["index"], row["time"], row["kind"], row["session"], row["n"], row["facts"]] for row in rows)
        print_table(heads, cells, empty="The log is empty.")

    call.show(rows, people)


def _row(entry: "StoredEntry") -> dict[str, Any]:
    return {
        "index": entry.index,
        "time": entry.time,
        "kind": entry.kind.value,
        "session": entry.session,
        "n": entry.n,
        "consent": entry.consent_ref,
        "facts": dict(entry.facts),
        "leaf": entry.leaf_hash,
    }


def _parts(evidence: "EvidenceReader", index: int) -> "Iterator[tuple[str, Any]]":
    """Compartments and contents; of one that does not open, the sentence that says why."""
    for compartment in evidence.compartments(index):
        try:
            yield compartment, evidence.sealed(index, compartment)
        except (KeyUnavailable, SealBroken) as error:
            yield compartment, str(error)


def _print_opened(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        record = {"entry": f"{row['index']} {row['kind']}", "time": row["time"]}
        if row["session"]:
            record["session"] = f"{row['session']} n {row['n']}"
        if row["consent"]:
            record["consent"] = row["consent"]
        for compartment, content in row["sealed"].items():
            fields = content.items() if isinstance(content, dict) else [("", content)]
            record |= {f"{compartment} {name}".strip(): value for name, value in fields}
        print_record({**record, **({"facts": row["facts"]} if row["facts"] else {})})
        print_text("")
