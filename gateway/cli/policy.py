"""`vestibule policy`: what the tables say and whether they are sound. `reload` alone needs a running gateway."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.counting import counted
from gateway import exits
from gateway.cli.call import Call, command, group
from gateway.cli.output import note, print_record, print_table, print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from gateway.policy.score import Corpus, Outcome, Score
    from gateway.policy.table import PolicyBundle, Table
    from gateway.policy.verdict import Site


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    below = group("policy", "What may be sent to a router, and why. Only reload needs a running gateway.")
    command(below, "explain")(explain_line)
    command(below, "score")(score_file)
    command(below, "list")(list_platforms)
    command(below, "lint")(lint_tables)
    command(below, "tour")(print_tour)
    command(below, "schema")(print_schema)
    command(below, "show")(show_kept)
    command(below, "reload", remote=True)(reload_policy)
    app.add_typer(below, rich_help_panel="The evidence and the rules")


def explain_line(
    call: Call,
    line: Annotated[str, typer.Argument(metavar="LINE", help="As a rep would type it.")],
    *,
    platform: Annotated[str, typer.Option("--platform", "-p", help="openwrt, ios, frr, …")],
    mode: Annotated[
        str | None, typer.Option("--mode", "-m", help="exec, privileged, config or shell; else where tests start.")
    ] = None,
    context: Annotated[str, typer.Option("--context", "-c", help="Sub-mode, as `interface Dialer2`.")] = "",
) -> None:
    """Say what would become of a line: verdict, capability, what is sent, rule and reason.

    Judged as under a consent with every capability. Home prefixes and the like come from the settings file if there
    is one.
    """
    from gateway.policy.explain import explain

    bundle = _bundle(call)
    table = _table(bundle, platform)
    modes = table.spec.modes
    if mode is not None and mode not in modes:
        raise BadRequest(f"{platform} has no mode {mode!r}; it has {', '.join(modes)}.")
    found = explain(bundle, platform, mode or table.spec.start or modes[0], context, line, _site(call))
    print_explained = {
        "verdict": found.verdict,
        "capability": list(dict.fromkeys((found.capability, *found.capabilities))),
        "sends": "nothing" if found.canonical is None else found.canonical,
        "rule": found.rule if found.pattern is None else f"{found.rule} ({found.pattern})",
        "reason": found.reason,
        **({"then in": found.enters} if found.enters else {}),
        "policy": found.digest,
    }
    call.show(found.as_json(), lambda: print_record(print_explained))


def score_file(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled lines (YAML).")],
    *,
    platform: Annotated[
        list[str] | None, typer.Option("--platform", "-p", help="Count only this platform; may be repeated.")
    ] = None,
    details: Annotated[bool, typer.Option("--details", help="Name each line that was not judged as labelled.")] = False,
) -> int:
    """Judge a file of labelled lines: critical, major and minor errors a platform, and the share refused wrongly.

    Critical: a line would go that never may, or only with the subscriber's tick. Exit status 1 if there is any.
    """
    from gateway.policy.score import Corpus, score

    corpus = _corpus(file)
    if platform:
        corpus = Corpus(corpus.site, tuple(row for row in corpus.rows if row.platform in platform))
        if not corpus.rows:
            raise BadRequest(f"{file.name}: no line is labelled for {', '.join(platform)}.")
    result = score(_bundle(call), corpus, typed_lines)
    call.show(_score_json(result), lambda: _print_score(result, details=details))
    return exits.FAILED if result.critical else exits.OK


def list_platforms(call: Call) -> None:
    """List the platforms that have a table, with their modes and the number of rules."""
    bundle = _bundle(call)
    rows = [
        {"platform": name, "title": table.title, "modes": list(table.spec.modes), "rules": len(table.rules)}
        for name, table in bundle.tables.items()
    ]

    def people() -> None:
        print_table(["platform", "title", "modes", "rules"], (list(row.values()) for row in rows), empty="No tables.")
        print_text(f"\npolicy {bundle.digest}")

    call.show({"digest": bundle.digest, "platforms": rows}, people)


def lint_tables(
    call: Call,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Overlays to look at; else those of the settings file.")
    ] = None,
    *,
    platform: Annotated[
        list[str] | None, typer.Option("--platform", "-p", help="Only this platform; may be repeated.")
    ] = None,
    corpus: Annotated[
        list[Path] | None, typer.Option("--corpus", help="Labelled lines that count as tests; may be repeated.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are a failure too.")] = False,
    notes: Annotated[
        bool, typer.Option("--notes", help="Show notes as well: rows without a test, and the like.")
    ] = False,
) -> int:
    """Look for what is questionable in tables and overlays: rows no line reaches, lines that two rows judge
    differently, words that begin alike, rows without a test, tests that fail.

    Exit status 1 if there is an error.
    """
    from gateway.policy.lint import lint
    from gateway.policy.table import Shelf
    from gateway.policy.verdict import Position

    bundle = _bundle(call, directory)
    if platform:
        wanted = {name: _table(bundle, name) for name in sorted(platform)}
        bundle = replace(bundle, tables=Shelf(wanted, wanted.__getitem__))
    rows = [row for file in corpus or () for row in _corpus(file).rows]
    found = lint(bundle, lines=[(Position(row.platform, row.mode, row.context), row.line) for row in rows])
    shown = [one for one in found if notes or one.level != "note"]
    failed = any(one.level == "error" or (strict and one.level == "warning") for one in found)

    def people() -> None:
        print_table(["level", "where", "finding"], ((one.level, one.where, one.sentence) for one in shown), empty="")
        count = {level: sum(one.level == level for one in found) for level in ("error", "warning", "note")}
        print_text(", ".join(counted(number, level) for level, number in count.items()) + ".")

    call.show([asdict(one) for one in found], people)
    return exits.FAILED if failed else exits.OK


def print_tour(
    call: Call, platform: Annotated[str, typer.Argument(metavar="PLATFORM", help="openwrt, ios, frr, …")]
) -> None:
    """Print a page about one platform: how its lines are read, what may go, what never does, with examples."""
    from gateway.policy.tour import tour

    bundle = _bundle(call)
    table = _table(bundle, platform)
    page = tour(table)
    call.show({"platform": platform, "page": page}, lambda: print_text(page.rstrip("\n")))


def print_schema(
    call: Call,
    *,
    overlay: Annotated[bool, typer.Option("--overlay", help="Of an overlay's file instead of a table's.")] = False,
) -> None:
    """Print the JSON schema of a policy table, for editors that check while one types."""
    from gateway.policy.document import overlay_schema, table_schema

    schema = overlay_schema() if overlay else table_schema()
    call.show(schema, lambda: print_text(json.dumps(schema, indent=2)))


def show_kept(
    call: Call,
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="As entries carry it; its first 8 digits suffice.")],
    *,
    file: Annotated[str | None, typer.Option("--file", help="Print this file, as `ios.yaml`.")] = None,
) -> None:
    """Show the policy that an entry names, as it was then. The gateway keeps every policy it judged by."""
    from gateway.session.policies import FOLDER

    folder = call.settings().evidence_dir / FOLDER
    if not re.fullmatch(r"[0-9a-f]{8,64}", digest):
        raise BadRequest("A digest is 8 to 64 hexadecimal digits, as `vestibule log` shows them.")
    kept = sorted(path for path in folder.glob(f"{digest}*") if path.is_dir())
    if len(kept) != 1:
        what = "several policies that begin" if kept else "no policy that begins"
        raise BadRequest(f"There is {what} with {digest} in {folder}.")
    files = sorted(path for path in kept[0].iterdir() if path.is_file())
    if file is not None:
        wanted = next((path for path in files if path.name == file), None)
        if wanted is None:
            raise BadRequest(f"That policy has no file {file!r}; it has {', '.join(path.name for path in files)}.")
        text = wanted.read_text(encoding="utf-8")
        call.show({"digest": kept[0].name, "file": file, "text": text}, lambda: print_text(text.rstrip("\n")))
        return
    names = [path.name for path in files]
    call.show(
        {"digest": kept[0].name, "files": names}, lambda: print_text("\n".join([f"policy {kept[0].name}", *names]))
    )


def reload_policy(call: Call) -> None:
    """Have the gateway read its policy again.

    Commands that run finish under the old one. Wrong files change nothing.
    """
    with call.api() as api:
        answer = api.post("/v1/policy/reload")

    def people() -> None:
        if answer["before"] == answer["after"]:
            print_text("Nothing has changed.")
        else:
            print_text(f"Policy {answer['after']} is in force; {answer['sessions']} live sessions go on under it.")

    call.show(answer, people)


def _bundle(call: Call, overlays: Path | None = None) -> "PolicyBundle":
    """The shipped tables with the overlays of the settings file, or with others."""
    from config.load import settings_path
    from gateway.policy.load import TABLES, load_bundle

    if overlays is None and settings_path(call.config).exists():
        overlays = call.settings().policy.overlays
    return load_bundle(TABLES, overlays)


def _table(bundle: "PolicyBundle", platform: str) -> "Table":
    found = bundle.tables.get(platform)
    if found is None:
        raise BadRequest(f"There is no table for platform {platform!r}; there is one for {', '.join(bundle.tables)}.")
    return found


def _corpus(file: Path) -> "Corpus":
    from gateway.policy.score import read_corpus

    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadRequest(f"{file}: cannot be read: {error.strerror}.") from error
    return read_corpus(file.name, content)


def typed_lines(text: str) -> list[str]:
    """The lines that the rep's line editor submits when a client types `text`."""
    from gateway.session.lines import LineEditor

    lines: list[str] = []
    nothing = lambda *_: None  # noqa: E731
    editor = LineEditor(nothing, on_line=lines.append, on_interrupt=nothing, on_eof=nothing)
    editor.feed(text.encode("utf-8", "surrogatepass"))
    return lines


def _site(call: Call) -> "Site":
    from ipaddress import ip_network

    from config.load import settings_path
    from config.settings import CwmpSettings, PolicySettings
    from gateway.policy.verdict import Site

    path = settings_path(call.config)
    if path.exists():
        policy, cwmp = call.settings().policy, call.settings().cwmp
    else:
        policy, cwmp = PolicySettings(), CwmpSettings()
        if call.config is not None:
            note(f"{path}: there is no settings file; the defaults count.")
    return Site(
        lan=tuple(ip_network(net) for net in policy.lan),
        approved_dns=frozenset(policy.approved_dns),
        approved_firmware_hosts=frozenset(policy.approved_firmware_hosts),
        speedtest_hosts=frozenset(cwmp.speedtest_hosts),
        firmware_files=frozenset(one.name for one in cwmp.firmware),
    )


def _score_json(result: "Score") -> dict[str, object]:
    return {
        "critical": result.critical,
        "platforms": [
            {
                "platform": one.platform,
                "table": one.table,
                "rows": one.rows,
                "critical": one.critical,
                "major": one.major,
                "minor": one.minor,
                "allowable": one.allowable,
                "false_denials": one.false_denials,
                "false_denial_share": round(one.false_denial_share, 4),
            }
            for one in result.platforms
        ],
        "errors": [
            {"id": one.row.id, "grade": one.grade, "expected": one.row.expect, "got": one.got, "rule": one.rule}
            for one in result.outcomes
            if one.grade != "right"
        ],
    }


def _print_score(result: "Score", *, details: bool) -> None:
    head, *rows = result.table()
    print_table(head, rows, empty="The file holds no lines.")
    if not details:
        return
    print_text("")
    wrong = [one for one in result.outcomes if one.grade != "right"]
    print_table(["grade", "id", "line", "expected", "got", "rule"], map(_detail, wrong), empty="No errors.")


def _detail(outcome: "Outcome") -> tuple[str, ...]:
    row = outcome.row
    return (outcome.grade, f"{row.platform} {row.id}", row.line, row.expect, outcome.got, outcome.rule)
