"""`vestibule policy explain|score|list`: what the tables say, without a gateway and without a router."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import exits
from gateway.cli.call import Call, command, group
from gateway.cli.output import note, print_record, print_table, print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from gateway.policy.score import Outcome, Score
    from gateway.policy.verdict import Site


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    below = group("policy", "What may be sent to a router, and why. Needs no running gateway.")
    command(below, "explain")(explain_line)
    command(below, "score")(score_file)
    command(below, "list")(list_platforms)
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
    from gateway.policy.load import load_bundle

    bundle = load_bundle()
    table = bundle.tables.get(platform)
    if table is None:
        raise BadRequest(f"There is no table for platform {platform!r}; there is one for {', '.join(bundle.tables)}.")
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
    from gateway.policy.load import load_bundle
    from gateway.policy.score import Corpus, read_corpus, score

    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadRequest(f"{file}: cannot be read: {error.strerror}.") from error
    corpus = read_corpus(file.name, content)
    if platform:
        corpus = Corpus(corpus.site, tuple(row for row in corpus.rows if row.platform in platform))
        if not corpus.rows:
            raise BadRequest(f"{file.name}: no line is labelled for {', '.join(platform)}.")
    result = score(load_bundle(), corpus, typed_lines)
    call.show(_score_json(result), lambda: _print_score(result, details=details))
    return exits.FAILED if result.critical else exits.OK


def list_platforms(call: Call) -> None:
    """List the platforms that have a table, with their modes and the number of rules."""
    from gateway.policy.load import load_bundle

    bundle = load_bundle()
    rows = [
        {"platform": name, "title": table.title, "modes": list(table.spec.modes), "rules": len(table.rules)}
        for name, table in bundle.tables.items()
    ]

    def people() -> None:
        print_table(["platform", "title", "modes", "rules"], (list(row.values()) for row in rows), empty="No tables.")
        print_text(f"\npolicy {bundle.digest}")

    call.show({"digest": bundle.digest, "platforms": rows}, people)


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
    from config.settings import PolicySettings
    from gateway.policy.verdict import Site

    path = settings_path(call.config)
    if path.exists():
        policy = call.settings().policy
    else:
        policy = PolicySettings()
        if call.config is not None:
            note(f"{path}: there is no settings file; the defaults count.")
    return Site(
        lan=tuple(ip_network(net) for net in policy.lan),
        approved_dns=frozenset(policy.approved_dns),
        approved_firmware_hosts=frozenset(policy.approved_firmware_hosts),
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
