"""A page about one platform for people, made from its table: where a session stands, how lines are read, what may go.

`vestibule policy tour` prints it; `scripts/generate` puts the shipped ones into docs/reference/platforms. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.rule import Rule
from gateway.policy.schema import FilterProgram, IfaceSpec, LexerSpec, ListSpec, TestSpec
from gateway.policy.table import Table

MOST_EXAMPLES: Final = 24
"""Tested lines that a page shows of each sort."""

MOST_VALUES: Final = 200
"""Characters of a type's values that a page shows."""

_CLASSES: Final = (
    ("always", "Comes with every consent"),
    ("ask", "The rep confirms each use"),
    ("scope", "Only if the subscriber ticked it"),
)
_KINDS: Final = {
    "words": "Words between blanks, as router command lines have them.",
    "shell-strict": "Words of a POSIX shell that expands nothing: no variables, globs, redirection, substitution.",
    "routeros": "Words of the RouterOS console: menus between slashes, `key=value`. No variables, expressions, blocks.",
}


def tour(table: Table) -> str:
    """The page, as Markdown."""
    parts = [
        [f"# {table.title} (`{table.platform}`)", ""],
        [
            f"Made from `gateway/policy/tables/{table.file}` by `vestibule policy tour {table.platform}`.",
            "",
        ],
        _places(table),
        _reading(table),
        _filters(table),
        _examples(table),
        *(_offered(table, kind, title) for kind, title in _CLASSES),
        _refused(table),
        _arguments(table),
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


# --- where, and how ---------------------------------------------------------------------------------------------------


def _places(table: Table) -> list[str]:
    spec = table.spec
    lines = [
        "## Where a session stands",
        "",
        f"Modes: {_listed(spec.modes)}. A line is looked up in the mode the prompt shows.",
    ]
    lines += [
        f"`{prefix.word}` in front of a line of {_listed(prefix.places)} looks it up in {prefix.to}."
        for prefix in spec.prefixes
    ]
    if spec.path is not None and spec.path.kind == "menu":
        lines.append(
            "The session has a current menu; lines without a leading `/` are relative to it, and are sent absolute."
        )
    elif spec.path is not None:
        verbs = _listed(spec.path.verbs)
        lines.append(f"Mode {spec.path.mode} has edit levels; behind {verbs} a line is relative to the current one.")
    if spec.contexts:
        lines += ["", "| sub-mode | in | the prompt shows |", "|---|---|---|"]
        for name, context in spec.contexts.items():
            lines.append(f"| {name} | {context.parent or context.mode} | {_listed(context.prompts) or '–'} |")
    return [*lines, ""]


def _reading(table: Table) -> list[str]:
    lexer = table.lexer
    lines = ["## How a line is read", "", f"- {_KINDS[lexer.kind]}"]
    lines.append(
        f"- Keywords are taken {'in any case' if lexer.case == 'fold' else 'as they are written'}, {_short(lexer)}."
    )
    if lexer.separators:
        lines.append(
            f"- Several commands may stand in one line, joined by {_listed(lexer.separators)}; all must be allowed."
        )
    if lexer.kind == "words":
        lines.append(f"- Quotes: {'double ones around a whole value' if lexer.quotes == 'double' else 'none'}.")
    if lexer.forbid:
        lines.append(f"- Refused outside quotes: {_code(' '.join(lexer.forbid))}")
    lines.append(f"- At most {lexer.max_line} bytes are sent.")
    return [*lines, ""]


def _short(lexer: LexerSpec) -> str:
    return "and may be abbreviated as far as they stay unique" if lexer.abbreviates else "and are not abbreviated"


def _filters(table: Table) -> list[str]:
    spec = table.spec
    if not spec.filters:
        return []
    chained = "several in a row" if table.lexer.chains else "one"
    lines = ["## Filters", "", f"Behind {_code(table.lexer.filter_char or '|')}, {chained}:", ""]
    refused: list[str] = []
    for name, entry in spec.filters.items():
        if isinstance(entry, FilterProgram):
            words = " ".join([name, *(f"[{opt}]" for opt in entry.opts), *(f"<{arg}>" for arg in entry.args)])
            lines.append(f"- {_code(words)}")
        elif entry in CAPABILITIES:
            refused.append(name)
        else:
            lines.append(f"- {_code(name if entry == 'none' else f'{name} <{entry}>')}")
    return [*lines, *([f"- never: {_listed(refused)}"] if refused else []), ""]


# --- what -------------------------------------------------------------------------------------------------------------


def _examples(table: Table) -> list[str]:
    """Tested lines whose spelling changes, because they show most; then refusals."""
    tests = table.spec.tests
    sent = [test for test in tests if test.sends is not None and test.deny is None]
    telling = sorted(sent, key=lambda test: (test.sends == test.line, tests.index(test)))[:MOST_EXAMPLES]
    refused = [test for test in tests if test.deny is not None][:MOST_EXAMPLES]
    lines = ["## Examples", ""]
    if telling:
        lines += ["| typed | at | sent | capability |", "|---|---|---|---|"]
        lines += [f"| {_cell(t.line)} | {_at(table, t)} | {_cell(t.sends or '')} | {t.cap or ''} |" for t in telling]
        lines.append("")
    if refused:
        lines += ["| typed | at | refused as |", "|---|---|---|"]
        lines += [
            f"| {_cell(t.line)} | {_at(table, t)} | {t.deny if isinstance(t.deny, str) else ''} |" for t in refused
        ]
        lines.append("")
    return lines if telling or refused else []


def _at(table: Table, test: TestSpec) -> str:
    return f"{test.mode or table.spec.start or table.spec.modes[0]} {test.context}".strip()


def _offered(table: Table, kind: str, title: str) -> list[str]:
    rules = [rule for rule in table.rules if CAPABILITIES[rule.capability].kind == kind]
    if not rules:
        return []
    lines = [f"## {title}", ""]
    for name in (name for name in CAPABILITIES if any(rule.capability == name for rule in rules)):
        lines += [f"### {name}", "", CAPABILITIES[name].en, "", "```text"]
        lines += list(_patterns([rule for rule in rules if rule.capability == name]))
        lines += ["```", ""]
    return lines


def _patterns(rules: Sequence[Rule]) -> Iterator[str]:
    """Patterns as the table has them, below the positions where they hold if that is not everywhere."""
    place = None
    for rule in rules:
        row = rule.row
        here = "" if row is None else ", ".join(row.places)
        if here != place:
            place = here
            if here:
                yield f"# {here}"
        yield rule.pattern


def _refused(table: Table) -> list[str]:
    rows = [row for row in table.spec.commands if row.never]
    if not rows:
        return []
    lines = ["## Never", "", "These are refused whatever was agreed, with the reason behind them:", ""]
    for name in (name for name in CAPABILITIES if any(row.cap == name for row in rows)):
        said = [row.say for row in rows if row.cap == name and row.say]
        words = [pattern for row in rows if row.cap == name for pattern in row.cmd]
        lines += [f"- **{name}**: {said[0] if said else CAPABILITIES[name].refusal}", ""]
        lines += ["  ```text", *(f"  {word}" for word in dict.fromkeys(words)), "  ```", ""]
    return lines


def _arguments(table: Table) -> list[str]:
    """The table's own types; the built-in ones are in docs/reference/policy-tables.md."""
    if not table.spec.types:
        return []
    lines = ["## Arguments", "", "Types that are not listed are [built in](../policy-tables.md#types).", ""]
    lines += ["| type | values |", "|---|---|"]
    for name, spec in table.spec.types.items():
        match spec:
            case str():
                values = _cut(spec)
            case IfaceSpec():
                values = _cut(" ".join(spec.iface))
            case ListSpec():
                values = f"several {spec.list}, joined by {spec.by}"
            case _:
                values = _cut(" ".join(spec))
        lines.append(f"| {_code(f'<{name}>')} | {_cell(values)} |")
    return [*lines, ""]


def _cut(text: str) -> str:
    return text if len(text) <= MOST_VALUES else f"{text[:MOST_VALUES]}…"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(_code(word) for word in words)


def _code(text: str) -> str:
    """Text as inline code of Markdown."""
    ticks = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{text if text.isprintable() else repr(text)[1:-1]}{pad}{ticks}"


def _cell(text: str) -> str:
    """The same in a table, where a bar would end the cell."""
    return _code(text).replace("|", "\\|")
