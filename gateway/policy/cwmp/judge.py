"""Lines of a CWMP router, judged. Total and pure. Counterpart: `gateway.policy.decide`, which makes the verdict of it.

A line is read into a command (`drivers.cwmp.line`), every path and value in it is judged by the rows, the worst one
decides, and what is sent is the command spelled anew. Words that people know are judged as the paths that they mean.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from drivers.cwmp.line import (
    LONGEST_LINE,
    PLAIN,
    Add,
    Attributes,
    BadLine,
    Command,
    Delete,
    Diagnose,
    Firmware,
    Get,
    Names,
    Plain,
    Set,
    SetWord,
    Show,
    Word,
    is_topic,
    read,
    spell,
    words_of,
)
from drivers.cwmp.paths import INSTANCE, ROOTS, BadPath, canonical, model_of, root_of_model
from drivers.cwmp.words import BadWord, Setting, Test
from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.cwmp.policy import CwmpPolicy
from gateway.policy.cwmp.reading import Part, Reader, Refusal, heaviest, lightest, missing, refused
from gateway.policy.cwmp.typed import HEADS, meant, nearest, shown_line, typed_line
from gateway.policy.redact import REDACTED
from gateway.policy.verdict import DenyKind, Position, Rights, Site

MOST_PATHS = 64
"""Paths in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """The line may go; the fields are those of `Allow`."""

    canonical: str = field(repr=False)
    shown: str
    typed_shown: str
    capability: str
    capabilities: tuple[str, ...]
    rule: str
    confirm: bool = False
    leaves: bool = False
    help: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The line stays here; the fields are those of `Deny`."""

    kind: DenyKind
    capability: str
    rule: str
    reason: str
    typed_shown: str
    askable: str | None = None
    hint: str | None = None


Judged: TypeAlias = Permit | Refused


class _Stop(Exception):
    """A refusal on the way to the command."""

    def __init__(self, refusal: Refusal, hint: str | None = None) -> None:
        super().__init__(refusal.reason)
        self.refusal, self.hint = refusal, hint


def judge(policy: CwmpPolicy, site: Site, position: Position, line: str, rights: Rights) -> Judged:
    """What becomes of `line`, typed at `position` by somebody whose rights have not ended."""
    case = _Case(policy, site, position, rights)
    try:
        words = words_of(line)
    except BadLine as wrong:
        return _refused(Refusal("invalid", "parse.invalid", "cwmp.lexer", str(wrong)), shown_line(line))
    if not words or _asks_help(words):
        return _own("", help_asked=bool(words), typed=shown_line(line))
    try:
        command = case.command(words)
        case.heed_site(command)
        parts = case.parts(command)
    except _Stop as stop:
        return _refused(stop.refusal, shown_line(line), stop.hint)
    worst = heaviest(parts)
    secret = case.secrets(command)
    typed = typed_line(line, words, command, secret)
    if worst.refused is not None:
        return _refused(worst.refused, typed)
    return case.permit(command, parts, worst, typed, secret)


def _asks_help(words: tuple[Word, ...]) -> bool:
    first, last = words[0], words[-1]
    return (not first.quoted and first.text.lower() == "help") or (not last.quoted and last.text.endswith("?"))


def _own(canonical_text: str, *, help_asked: bool, typed: str) -> Permit:
    return Permit(
        canonical=canonical_text,
        shown=canonical_text,
        typed_shown=typed,
        capability="session.control",
        capabilities=("session.control",),
        rule="cwmp.blank",
        help=help_asked,
    )


def _refused(refusal: Refusal, typed: str, hint: str | None = None) -> Refused:
    if refusal.askable and hint is None:
        hint = "Ask the subscriber to extend the consent."
    return Refused(
        kind=refusal.kind,
        capability=refusal.capability,
        rule=refusal.rule,
        reason=refusal.reason,
        typed_shown=typed,
        askable=refusal.capability if refusal.askable else None,
        hint=hint,
    )


def _stop(kind: DenyKind, rule: str, reason: str, hint: str | None = None) -> _Stop:
    capability = "parse.invalid" if kind == "invalid" else "unknown.command"
    return _Stop(Refusal(kind, capability, f"cwmp.{rule}", reason), hint)


class _Case:
    """What is being decided."""

    def __init__(self, policy: CwmpPolicy, site: Site, position: Position, rights: Rights) -> None:
        self._policy, self._site, self._rights = policy, site, rights
        self._reader = Reader(policy.rows, site, rights)
        known = root_of_model(position.context)
        if position.context and known is None:
            raise ValueError("the table knows the contexts of a position")
        self._roots = (known,) if known is not None else tuple(ROOTS)

    # --- from words to a command --------------------------------------------------------------------------------------

    def command(self, words: tuple[Word, ...]) -> Command:
        """The command of a typed line, in its one spelling but for its reading rights. Raises `_Stop`."""
        if len(words) > 2 and words[-2].text.lower() == "with" and not words[-2].quoted and "." in words[-1].text:
            raise _stop("invalid", "words", "Reading rights are added by the gateway; leave out `with` and after.")
        head = meant(words[0])
        if head not in HEADS:
            raise _stop("unknown", "default", "This command is not offered here, so it was not sent.", nearest(words))
        try:
            if head == "set" and len(words) > 1 and is_topic(words[1]):
                return self._set_word(words[1:])
            lowered = (replace(words[0], text=head), *words[1:])
            small = 2 if head in {"show", "diagnose"} else 1
            plain = tuple(
                replace(word, text=word.text.lower()) if at < small and not word.quoted else word
                for at, word in enumerate(lowered)
            )
            command = read(plain)
        except BadPath as wrong:
            raise _stop("invalid", "path", str(wrong)) from wrong
        except (BadLine, BadWord) as wrong:
            raise _stop("unknown", "words", str(wrong), self._hint(head, words)) from wrong
        if isinstance(command, Names) and command.path and not command.path.endswith("."):
            command = replace(command, path=f"{command.path}.")  # only objects have names below them
        return self._checked(command)

    def _hint(self, head: str, words: tuple[Word, ...]) -> str | None:
        """What to write instead, where that is plain."""
        if head == "show":
            return f"There are: {', '.join(self._policy.words.topics)}."
        if head in {"set", "add"} and any("=" in word.text and not word.quoted for word in words[1:3]):
            return "A blank stands between a name and its value, and no equals sign."
        return nearest(words)

    def _set_word(self, words: tuple[Word, ...]) -> SetWord:
        first, *rest = (word.text for word in words)
        topic, dash, band = first.partition("-")
        said = (topic, *([band] if dash else []), *rest)
        topic, word, value, instance = self._policy.words.typed(said)
        return SetWord(topic, word, value, instance)

    def heed_site(self, command: Command) -> None:
        """What the site has switched off is refused. Raises `_Stop`."""
        for refusal in self._policy.refusals:
            if refusal.means(command):
                raise _Stop(refused(refusal.capability, refusal.rule, refusal.say), refusal.hint)

    def _checked(self, command: Command) -> Command:
        paths = _paths(command)
        if len(paths) > MOST_PATHS:
            raise _stop("invalid", "path", f"A line has at most {MOST_PATHS} paths.")
        for path in paths:
            root = canonical(path, empty=True).root
            if root and root not in self._roots:
                model = model_of(self._roots[0])
                reason = f"The data model of this router is {model}: its paths begin with {self._roots[0]}"
                raise _stop("unknown", "path", reason)
        if isinstance(command, Set):
            return self._checked_set(command)
        if isinstance(command, Add | Delete):
            _check_object(command)
        if isinstance(command, Firmware):
            self._check_listed(command)
        return command

    def _check_listed(self, command: Firmware) -> None:
        """Only what the provider approved goes. A name that is not listed is misspelt; an address is meant as one."""
        if command.file in self._site.firmware_files:
            return
        listed = sorted(self._site.firmware_files)
        hint = f"The list has: {', '.join(listed[:8]) or 'none'}{', …' if listed[8:] else ''}."
        if "/" in command.file:
            reason = "Only software of the provider's list can be installed."
            raise _Stop(refused("device.firmware_untrusted", "cwmp.rpc-firmware", reason), hint)
        raise _stop("unknown", "rpc-firmware", "No software of that name is on the provider's list.", hint)

    def _checked_set(self, command: Set) -> Set:
        _check_names([path for path, _ in command.pairs])
        return command

    # --- from a command to what it calls for --------------------------------------------------------------------------

    def parts(self, command: Command) -> list[Part]:
        """What each path of it calls for; one at least. Raises `_Stop`."""
        reader = self._reader
        match command:
            case Get(paths=paths) | Attributes(paths=paths):
                return [reader.read(path) for path in paths]
            case Names(path=path):
                return [reader.read(path)]
            case Set(pairs=pairs):
                return [reader.write(path, value) for path, value in pairs]
            case Add(path=path, pairs=pairs):
                return [reader.change(path), *(reader.write(f"{path}{INSTANCE}.{name}", v) for name, v in pairs)]
            case Delete(path=path):
                return [reader.change(path)]
            case Show(topic=topic):
                return [self._shown(topic)]
            case SetWord():
                return self._word(command)
            case Diagnose():
                return self._test(command)
            case Firmware():
                return [self._rpc("device.firmware", "rpc-firmware")]
            case Plain():
                return [self._plain(command)]

    def _plain(self, command: Plain) -> Part:
        match command.word:
            case "reboot":
                return self._rpc("device.reboot", "rpc-reboot")
            case "factory-reset":
                return self._rpc("device.factory_reset", "rpc-factory-reset")
            case "undo":
                return replace(self._rpc("iface.write", "undo"), caps=self._reader.all_rights())
            case "methods":
                return self._rpc("diagnose.read", "rpc-methods")
            case "exit":
                return self._rpc("session.control", "exit")

    def _rpc(self, capability: str, rule: str) -> Part:
        name, found = f"cwmp.{rule}", CAPABILITIES[capability]
        lacks = found.kind == "scope" and not self._rights.covers(capability)
        confirm = found.kind == "ask" or found.confirm
        return Part(capability, name, confirm=confirm, refused=missing(capability, name) if lacks else None)

    def _shown(self, topic: str) -> Part:
        """A topic goes if anything of it may be shown; what may not is left out."""
        try:
            patterns = [path for root in self._roots for path in self._policy.words.show(topic, root)]
        except BadWord as wrong:
            raise _stop("unknown", "words", str(wrong)) from wrong
        parts = [self._reader.read(path) for path in patterns] or [Part("diagnose.read", "cwmp.show")]
        usable = [part for part in parts if part.refused is None and not part.confirm]
        if not usable:
            return heaviest(parts)
        caps = frozenset().union(*(part.caps for part in usable))
        return replace(lightest(usable), caps=caps)

    def _word(self, command: SetWord) -> list[Part]:
        found: list[Part] = []
        wrong: BadWord | None = None
        for root in self._roots:
            try:
                writes = self._policy.words.setting(command.topic, command.word, root).writes(command.value)
            except BadWord as error:
                wrong = error
                continue
            found += [self._reader.write(path, value) for path, value in writes]
        if wrong is not None and (not found or len(self._roots) == 1):
            raise _stop("unknown", "words", str(wrong)) from wrong
        return found

    def _test(self, command: Diagnose) -> list[Part]:
        found: list[Part] = []
        wrong: BadWord | None = None
        for root in self._roots:
            try:
                test = self._policy.words.test(command.kind, root)
            except BadWord as error:
                wrong = error
                continue
            found += [self._reader.write(path, value) for path, value in _inputs(command, test)]
            found += [self._reader.read(path) for path in test.read]
        if not found:
            raise _stop("unknown", "words", str(wrong)) from wrong
        return found

    # --- the permit ---------------------------------------------------------------------------------------------------

    def secrets(self, command: Command) -> frozenset[int]:
        """Numbers of the values in it that must not be seen."""
        secret = self._policy.gate.secret_write
        if isinstance(command, Set):
            return frozenset(at for at, (path, _) in enumerate(command.pairs) if secret(path))
        if isinstance(command, Add):
            names = [f"{command.path}{INSTANCE}.{name}" for name, _ in command.pairs]
            return frozenset(at for at, path in enumerate(names) if secret(path))
        if isinstance(command, SetWord) and any(setting.secret for setting in self._settings(command)):
            return frozenset({0})
        return frozenset()

    def _settings(self, command: SetWord) -> Iterator[Setting]:
        for root in self._roots:
            try:
                yield self._policy.words.setting(command.topic, command.word, root)
            except BadWord:
                continue

    def permit(self, command: Command, parts: list[Part], worst: Part, typed: str, secret: frozenset[int]) -> Judged:
        """The line as it goes."""
        caps = tuple(sorted(frozenset().union(*(part.caps for part in parts))))
        sent = replace(_with_values(command, parts), caps=caps)
        canonical_text = spell(sent)
        if len(canonical_text.encode("utf-8", "surrogatepass")) > LONGEST_LINE:
            reason = f"The line is longer than {LONGEST_LINE} bytes."
            return _refused(Refusal("invalid", "parse.invalid", "cwmp.lexer", reason), typed)
        return Permit(
            canonical=canonical_text,
            shown=spell(sent, hide=secret, hidden=REDACTED),
            typed_shown=typed,
            capability=worst.capability,
            capabilities=tuple(dict.fromkeys(part.capability for part in parts)),
            rule=worst.rule,
            confirm=any(part.confirm for part in parts),
            leaves=isinstance(command, Plain) and command.word in {"reboot", "factory-reset", "exit"},
        )


def _inputs(command: Diagnose, test: Test) -> Iterator[tuple[str, str]]:
    """What starting a test writes."""
    given = {"target": command.target, "server": command.server, "count": command.count, "size": command.size}
    yield from ((test.at + name, value) for name, value in test.fixed.items())
    yield from ((test.at + name, str(given[key])) for key, name in test.inputs.items() if given[key] not in ("", None))
    yield test.state, "Requested"


def _with_values(command: Command, parts: Iterable[Part]) -> Command:
    """The command with its values in their one spelling."""
    if isinstance(command, Set):
        pairs = zip(command.pairs, parts, strict=True)
        return replace(command, pairs=tuple((path, part.value) for (path, _), part in pairs))
    if isinstance(command, Add):
        added = zip(command.pairs, list(parts)[1:], strict=True)
        return replace(command, pairs=tuple((name, part.value) for (name, _), part in added))
    if isinstance(command, Diagnose):
        return replace(command, target=command.target.lower() if "/" not in command.target else command.target)
    return command


def _paths(command: Command) -> tuple[str, ...]:
    match command:
        case Get(paths=paths) | Attributes(paths=paths):
            return paths
        case Set(pairs=pairs):
            return tuple(path for path, _ in pairs)
        case Add(path=path, pairs=pairs):
            return (path, *(f"{path}{name}" for name, _ in pairs))
        case Names(path=path) | Delete(path=path):
            return (path,)
    return ()


def _check_object(command: Add | Delete) -> None:
    if not command.path.endswith("."):
        raise _stop("invalid", "path", "The path of an object ends in a dot.")
    numbered = command.path.rstrip(".").rpartition(".")[2].isdigit()
    if isinstance(command, Add):
        if numbered:
            reason = "add takes the object that holds the instances, without a number at its end."
            raise _stop("invalid", "path", reason)
        names = [name for name, _ in command.pairs]
        if any(name.lower().startswith(root.lower()) for name in names for root in ROOTS):
            raise _stop("invalid", "path", "Behind the object stand names below the new instance, such as Enable.")
        _check_names(names)
    if isinstance(command, Delete) and not numbered:
        raise _stop("invalid", "path", "delete takes one instance: a number and a dot stand at its end.")


def _check_names(names: list[str]) -> None:
    if any(name.endswith(".") for name in names):
        raise _stop("invalid", "path", "A value is written to a parameter; a name that ends in a dot is an object.")
    if len({name.lower() for name in names}) < len(names):
        raise _stop("invalid", "path", "A parameter is named twice; write each once.")


__all__ = ["PLAIN", "Judged", "Permit", "Refused", "judge"]
