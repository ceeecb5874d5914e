"""May this line go, now, for this rep? The only maker of `Allow`. Total and pure: every line gets a verdict.

Order: grant ended, deadline, position known, line readable, words known, never granted, argument rules, scope. A line
of several commands is as good as its worst one. Counterparts: `verdict`, which says what the answers promise, and
`gateway.mediation`, which asks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from gateway.policy import hosts
from gateway.policy._mint import KEY
from gateway.policy.capabilities import CAPABILITIES, granted, weight
from gateway.policy.cwmp.judge import Refused, judge
from gateway.policy.cwmp.policy import PLATFORM, CwmpPolicy
from gateway.policy.errors import PolicyError
from gateway.policy.filters import resolve
from gateway.policy.lexer import Command, Line, LineRefused
from gateway.policy.nearest import nearest
from gateway.policy.paths import Path, as_sent, root_of, rooted
from gateway.policy.position import path_at, place_of, position_after
from gateway.policy.redact import redact
from gateway.policy.resolver import Match, Piece, Stop
from gateway.policy.rule import Rule
from gateway.policy.schema import RowSpec
from gateway.policy.table import PolicyBundle, Table
from gateway.policy.types import Check
from gateway.policy.verdict import Allow, Deny, DenyKind, Position, Rights, Site, Verdict

OwnReason = Literal["preparation", "pager", "interrupt", "answer"]


def decide(bundle: PolicyBundle, site: Site, position: Position, line: str, rights: Rights, now: datetime) -> Verdict:
    """The verdict on `line`, typed at `position`."""
    case = _Case(bundle, site, position, line, rights)
    if rights.ended is not None:
        return case.deny(
            "ended", "session.control", "rights.ended", f"This access has ended: {rights.ended.rstrip('.')}."
        )
    if now >= rights.deadline:
        return case.deny("ended", "session.control", "rights.deadline", "The time the subscriber allowed is over.")
    table = bundle.tables.get(position.platform)
    place = None if table is None else place_of(table, position)
    if table is None or place is None:
        sentence = f"There are no rules for {position.platform} in mode {position.mode}, so nothing can be sent."
        return case.deny("unknown", "unknown.command", f"{position.platform}.position", sentence)
    if position.platform == PLATFORM:
        # The table only says which words there are; without the rows of parameters nothing goes.
        if bundle.cwmp is None or place.endswith("/?"):
            return _lost(case, table)
        return _of_cwmp(case, bundle.cwmp)
    table.trim()
    try:
        lexed = table.lex(line)
    except LineRefused as refused:
        return case.deny("invalid", "parse.invalid", f"{table.platform}.lexer", str(refused))
    if not lexed.commands:
        return case.blank(table, lexed)
    return _whole_line(case, table, place, lexed)


@dataclass(frozen=True, slots=True)
class _Case:
    """What is being decided."""

    bundle: PolicyBundle
    site: Site
    position: Position
    line: str
    rights: Rights

    def deny(
        self,
        kind: DenyKind,
        capability: str,
        rule_id: str,
        reason: str,
        *,
        typed: str | None = None,
        askable: str | None = None,
        hint: str | None = None,
        help: bool = False,  # noqa: A002 - the field's name
    ) -> Deny:
        """A refusal. Unless `typed` is given, the line is shown with all that may be secret taken out."""
        return Deny(
            kind=kind,
            capability=capability,
            rule_id=rule_id,
            reason=reason,
            typed_shown=redact(self.line) if typed is None else typed,
            policy_digest=self.bundle.digest,
            askable=askable,
            hint=hint,
            help=help,
        )

    def blank(self, table: Table, lexed: Line) -> Allow:
        """Enter alone, or `?` alone."""
        return Allow(
            canonical="",
            shown="",
            typed_shown="?" if lexed.help else "",
            capability="session.control",
            capabilities=("session.control",),
            rule_id=f"{table.platform}.blank",
            policy_digest=self.bundle.digest,
            confirm=False,
            help=lexed.help,
            mint=KEY,
        )


def _of_cwmp(case: _Case, policy: CwmpPolicy) -> Verdict:
    """A line of a router without a command line: its paths and values are judged, not its words."""
    judged = judge(policy, case.site, case.position, case.line, case.rights)
    if isinstance(judged, Refused):
        return case.deny(
            judged.kind,
            judged.capability,
            judged.rule,
            judged.reason,
            typed=judged.typed_shown,
            askable=judged.askable,
            hint=judged.hint,
        )
    return Allow(
        canonical=judged.canonical,
        shown=judged.shown,
        typed_shown=judged.typed_shown,
        capability=judged.capability,
        capabilities=judged.capabilities,
        rule_id=judged.rule,
        policy_digest=case.bundle.digest,
        confirm=judged.confirm,
        leaves=judged.leaves,
        help=judged.help,
        mint=KEY,
    )


def _whole_line(case: _Case, table: Table, place: str, lexed: Line) -> Verdict:
    parts: list[_Part] = []
    denied: list[Deny] = []
    typed: list[Piece] = []
    path = path_at(table, case.position)
    for typed_command in lexed.commands:
        command = rooted(table, place, path, typed_command)
        if command is None:
            denied.append(_lost(case, table))
            continue
        found = resolve(table, root_of(table, place), command, lexed.text)
        if isinstance(found, Stop):
            if not (lexed.help and _only_begun(found, command)):
                denied.append(_stopped(case, table, place, found, command, typed_command, lexed.text))
            continue
        part = max((_judged(case, table, place, path, match) for match in found), key=_strictness)
        typed += part.match.typed
        denied += [part.denied] if part.denied is not None else []
        parts.append(part)
        moved_from = place
        if part.enters is not None:
            place, path = place_of(table, part.enters) or place, path_at(table, part.enters)
        if _uncertain(table, part, moved_from):
            place = f"{place.partition('/')[0]}/?"
    if denied:
        worst = max(denied, key=_severity)
        # Only of a line that the subscriber may still allow are all secrets known to be marked.
        shown = _edited(case.line, typed)
        return replace(worst, typed_shown=shown if worst.kind == "scope" else redact(shown), help=lexed.help)
    return _allowed(case, table, parts, lexed, _edited(case.line, typed))


@dataclass(frozen=True, slots=True)
class _Part:
    """A command of the line that fits a rule; `denied` if it must not go all the same."""

    match: Match
    capability: str
    enters: Position | None
    denied: Deny | None


def _uncertain(table: Table, part: _Part, before: str) -> bool:
    """Whether only the router's next prompt says where the session stands after `part`, typed at `before`.

    How far `up` goes is not known. Where there are edit levels, a move may fail and leave the session where it was:
    `exit` while changes are not committed, `edit` of what does not exist. The same words mean other things there.
    """
    row, spec = part.match.rule.row, table.spec.path
    if row is not None and row.enter == "up":
        return True
    edits = spec is not None and spec.kind == "edit" and before.partition("/")[0] == spec.mode
    return edits and part.enters is not None


def _strictness(part: _Part) -> tuple[int, int]:
    return (
        4 if part.denied is not None and part.denied.kind != "scope" else weight(part.capability),
        -part.match.rule.order,
    )


def _severity(deny: Deny) -> int:
    return {"never": 3, "scope": 1}.get(deny.kind, 2)


def _only_begun(stop: Stop, command: Command) -> bool:
    """Whether help was asked for words that are only missing their continuation."""
    return stop.kind == "incomplete" or (stop.kind == "ambiguous" and stop.at == len(command.words) - 1)


def _edited(line: str, pieces: Iterable[Piece]) -> str:
    """The typed line with its secrets replaced; everything else as it was typed, with blanks for tabs."""
    line = line.replace("\t", " ")
    for piece in sorted((p for p in pieces if p.text != p.shown), key=lambda p: p.start, reverse=True):
        line = line[: piece.start] + piece.shown + line[piece.end :]
    return line


# --- one command ------------------------------------------------------------------------------------------------------


def _stopped(case: _Case, table: Table, place: str, stop: Stop, command: Command, typed: Command, text: str) -> Deny:
    """The refusal of a command that fits no rule, with what can be typed instead."""
    deny = _why_stopped(case, table, place, stop, len(command.words))
    if deny.kind != "unknown" or stop.rule is not None or place.endswith("/?"):
        return deny
    return replace(deny, hint=nearest(table, place, command, typed, stop, text, case.rights))


def _why_stopped(case: _Case, table: Table, place: str, stop: Stop, length: int) -> Deny:
    if stop.rule is not None and stop.kind != "ambiguous":
        return _refused(case, stop.rule.capability, stop.rule.id, stop.rule.row)
    if place.endswith("/?"):
        return _lost(case, table)
    said = f"“{stop.understood}”"
    if stop.kind == "ambiguous":
        options = ", ".join(stop.options[:8])
        sentence = f"Word {stop.at + 1} may mean several commands ({options}); write more of it."
        return case.deny("ambiguous", "unknown.command", f"{table.platform}.ambiguous", sentence)
    if stop.kind == "incomplete":
        sentence = f"{said} is not complete, or not all of it is offered here; type ? to see what can follow."
        return case.deny("unknown", "unknown.command", f"{table.platform}.incomplete", sentence)
    if stop.kind == "filter":
        sentence = "This output filter is not offered for this command."
        return case.deny("unknown", "unknown.command", f"{table.platform}.filter", sentence)
    if stop.at == 0 or not stop.understood:
        sentence = "This command is not offered here, so it was not sent."
    elif stop.at >= length:
        sentence = f"{said} is not offered here, so it was not sent."
    else:
        sentence = f"After {said}, word {stop.at + 1} is not offered here, so nothing was sent."
    return case.deny("unknown", "unknown.command", f"{table.platform}.default", sentence)


def _lost(case: _Case, table: Table) -> Deny:
    menus = table.spec.path is not None and table.spec.path.kind == "menu"
    way = "begin the line with /" if menus else "leave with end or exit first"
    sentence = f"It is not certain where the session stands on the router; {way}."
    return case.deny("unknown", "unknown.command", f"{table.platform}.position", sentence)


def _refused(case: _Case, capability: str, rule_id: str, row: RowSpec | None, say: str = "") -> Deny:
    sentence = say or (row.say if row is not None and row.say else CAPABILITIES[capability].refusal)
    # What a table or a site only does not offer is no attempt at anything, and no strike.
    kind: DenyKind = "unknown" if capability == "unknown.command" else "never"
    return case.deny(kind, capability, rule_id, sentence, hint=None if row is None else row.hint)


def _judged(case: _Case, table: Table, place: str, path: Path, match: Match) -> _Part:
    rule = match.rule
    if rule.never:
        return _Part(match, rule.capability, None, _refused(case, rule.capability, rule.id, rule.row))
    capability = rule.capability
    for value in match.values:
        for text in value.text.split(value.slot.type.by) if value.slot.type.by else (value.text,):
            told = _checked(case, rule, capability, value.slot.type.check, text)
            if not isinstance(told, str):
                return _Part(match, told[0], None, _refused(case, told[0], rule.id, None, told[1]))
            capability = told
    enters = position_after(table, match, place, path)
    sent = as_sent(table, place, path, match)
    if sent is None:
        sentence = "This cannot be sent from an edit level; go to the top first."
        denied = case.deny("unknown", "unknown.command", f"{table.platform}.position", sentence)
        return _Part(match, "unknown.command", None, denied)
    return _Part(sent, capability, enters, _out_of_scope(case, capability, rule.id))


def _checked(case: _Case, rule: Rule, capability: str, check: Check, text: str) -> str | tuple[str, str]:
    """The capability that a value calls for; or the never capability that it is, and the sentence to say."""
    if check == "host":
        where = hosts.where(text, case.site)
        lan = None if rule.row is None else rule.row.lan
        if where is None or (where == "home" and lan is None):
            return "pivot.scan", "This address is in the subscriber's home; it cannot be used here."
        return lan if where == "home" and lan is not None and weight(lan) >= weight(capability) else capability
    if check == "dns" and text not in case.site.approved_dns:
        return "lan.hijack", "Only the provider's approved name servers can be set."
    if check == "fwurl" and hosts.url_host(text) not in case.site.approved_firmware_hosts:
        return "device.firmware_untrusted", "Software comes only from the provider's approved hosts."
    return capability


def _out_of_scope(case: _Case, capability: str, rule_id: str) -> Deny | None:
    if granted(capability, case.rights):
        return None
    sentence = f"The subscriber has not agreed to this ({capability}): {CAPABILITIES[capability].en}"
    hint = "Ask the subscriber to extend the consent."
    return case.deny("scope", capability, rule_id, sentence, askable=capability, hint=hint)


# --- all of them ------------------------------------------------------------------------------------------------------


def _allowed(case: _Case, table: Table, parts: list[_Part], lexed: Line, typed_shown: str) -> Verdict:
    canonical = _joined([part.match.canonical for part in parts], lexed.joins, table)
    if len(canonical.encode()) > table.lexer.max_line:
        sentence = f"The command is longer than the router takes ({table.lexer.max_line} bytes)."
        return case.deny("invalid", "parse.invalid", f"{table.platform}.lexer", sentence, typed=typed_shown)
    heaviest = max(parts, key=lambda part: weight(part.capability), default=None)
    names = tuple(dict.fromkeys(part.capability for part in parts)) or ("session.control",)
    # Nothing happens on a help request, so nothing of what the command would do is promised.
    rows = [part.match.rule.row for part in parts if part.match.rule.row is not None and not lexed.help]
    asks = any(CAPABILITIES[name].kind == "ask" or CAPABILITIES[name].confirm for name in names)
    enters = next((part.enters for part in reversed(parts) if part.enters is not None), None)
    return Allow(
        canonical="" if lexed.help else canonical,
        shown=_joined([part.match.shown for part in parts], lexed.joins, table),
        typed_shown=typed_shown,
        capability="session.control" if heaviest is None else heaviest.capability,
        capabilities=names,
        rule_id=f"{table.platform}.incomplete" if heaviest is None else heaviest.match.rule.id,
        policy_digest=case.bundle.digest,
        confirm=asks and not lexed.help,
        enters=None if lexed.help else enters,
        answers=tuple(dict.fromkeys(answer for row in rows for answer in row.prompts.items())),
        leaves=any(row.leaves for row in rows),
        help=lexed.help,
        mint=KEY,
    )


def _joined(texts: list[str], joins: tuple[str, ...], table: Table) -> str:
    """The commands with their separators as we write them: `a && b; c`; router command lines want blanks: `a ; b`."""
    line = texts[0] if texts else ""
    for text, join in zip(texts[1:], joins, strict=False):
        line += f"{join} {text}" if join == ";" and table.lexer.kind != "words" else f" {join} {text}"
    return line


# --- the gateway's own ------------------------------------------------------------------------------------------------

_PAGER = frozenset({" ", "q", "\r", "\n", "Q"})
_INTERRUPT = "\x03"
_PLAIN_ANSWERS = frozenset({"", "y", "n", "yes", "no", "\r", "\n"})


def own_line(bundle: PolicyBundle, text: str, reason: OwnReason) -> Allow:
    """Permission for a line of the gateway's own: never for anything a rep typed.

    `preparation`: a line of the platform's definition (paging off). `pager`: the key that continues or ends paging.
    `interrupt`: Ctrl-C. `answer`: a fixed or stored answer to a sub-prompt; shown only if it is a plain yes or no.
    Raises `PolicyError` for anything else.
    """
    fits = {
        "preparation": text.isascii() and text.isprintable() and 0 < len(text) <= 253,
        "pager": text in _PAGER,
        "interrupt": text == _INTERRUPT,
        "answer": text in _PLAIN_ANSWERS or (text.isprintable() and len(text) <= 128),
    }[reason]
    if not fits:
        raise PolicyError(f"This is no {reason} the gateway may send; correct the platform's definition.")
    shown = {"pager": "<next page>", "interrupt": "^C"}.get(reason, text.strip())
    if reason == "pager" and text in {"q", "Q"}:
        shown = "<end of paging>"
    if reason == "answer" and text not in _PLAIN_ANSWERS:
        shown = "<redacted>"
    return Allow(
        canonical=text,
        shown=shown,
        typed_shown="",
        capability="session.control",
        capabilities=("session.control",),
        rule_id=f"own.{reason}",
        policy_digest=bundle.digest,
        confirm=False,
        mint=KEY,
    )
