"""Tab and `?` on a CWMP router: words of the command line, and names of parameters. Pure. Counterpart: `complete`.

Names come from what the session has seen of the router's tree, if the caller has that, else from the rows and words.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from drivers.cwmp.line import KINDS, BadLine, Word, is_topic, words_of
from drivers.cwmp.paths import INSTANCE, ROOTS, generic, root_of_model
from drivers.cwmp.words import BadWord
from gateway.policy.capabilities import granted
from gateway.policy.cwmp.policy import CwmpPolicy
from gateway.policy.cwmp.reading import Reader
from gateway.policy.cwmp.typed import meant
from gateway.policy.verdict import Position, Rights, Site

NamesOf: TypeAlias = Callable[[str], tuple[str, ...]]
"""From the beginning of a path to the names that the router is known to have and that begin so, in full."""

MOST: Final = 500
"""Names that are looked at for one completion."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A word that can stand where the cursor is. `needs`: a capability that the subscriber must grant first."""

    word: str
    text: str = ""
    needs: str | None = None
    open_end: bool = False
    """Only the beginning of a word: no blank after it."""
    slot: bool = False
    """It stands for what people choose themselves: shown by `?`, never filled in."""


def _slot(name: str, text: str) -> Offered:
    return Offered(f"<{name}>", text, slot=True)


_HEADS: Final = {
    "add": ("Add an instance of an object, with values if you like", None),
    "attributes": ("Read notification settings", None),
    "delete": ("Take an instance of an object away", None),
    "diagnose": ("Have the router run a test", None),
    "exit": ("End the session", None),
    "factory-reset": ("Reset the router", "device.factory_reset"),
    "firmware": ("Install approved software", "device.firmware"),
    "get": ("Read parameters or whole objects", None),
    "help": ("List what can be typed", None),
    "methods": ("List what the router can do", None),
    "names": ("List the names below an object", None),
    "reboot": ("Restart the router", "device.reboot"),
    "set": ("Write parameters, or words such as wifi channel 11", None),
    "show": ("See a topic in plain words", None),
    "undo": ("Take back what this session has written", None),
}
_TESTS: Final = {
    "ping": "Packets to a host",
    "trace": "The way to a host",
    "dns": "Look a name up",
    "download": "Speed, with a server of the provider",
    "upload": "Speed, with a server of the provider",
    "wifi": "Networks around",
}
_TARGETS: Final = {
    "ping": _slot("host", "A host name or an address"),
    "trace": _slot("host", "A host name or an address"),
    "dns": _slot("name", "The name to look up"),
    "download": _slot("url", "A file on a server of the provider"),
    "upload": _slot("url", "A place on a server of the provider"),
}
_NUMBER: Final = _slot("number", "A number")
_VALUE: Final = _slot("value", "The value; one with blanks in quotes")
_OPTIONS: Final = {"ping": ("count", "size"), "dns": ("server",), "upload": ("size",)}


@dataclass(frozen=True, slots=True)
class Offers:
    """What was typed of the word under the cursor, and what it can become."""

    partial: str = ""
    words: tuple[Offered, ...] = ()


def offers(policy: CwmpPolicy, position: Position, line: str, rights: Rights, names: NamesOf | None = None) -> Offers:
    """What can stand at the end of `line`."""
    try:
        words = words_of(line)
    except BadLine:
        return Offers()
    fresh = not line or line[-1] in " \t"
    before, partial = (words, "") if fresh else (words[:-1], words[-1].text)
    if not fresh and words[-1].quoted:
        return Offers()
    at = _Cursor(policy, position, rights, names)
    low = partial.lower()
    return Offers(partial, tuple(one for one in at.next(before, partial) if one.word.lower().startswith(low)))


class _Cursor:
    """Where the cursor is."""

    def __init__(self, policy: CwmpPolicy, position: Position, rights: Rights, names: NamesOf | None) -> None:
        self._policy, self._rights, self._names = policy, rights, names
        self._reader = Reader(policy.rows, Site(), rights)
        root = root_of_model(position.context)
        self._roots = tuple(ROOTS) if root is None else (root,)

    def next(self, before: tuple[Word, ...], partial: str) -> Iterable[Offered]:
        if not before:
            return (Offered(word, text, self._missing(needs)) for word, (text, needs) in _HEADS.items())
        head, given = meant(before[0]), before[1:]
        if head in {"get", "attributes"} or (head in {"names", "add", "delete"} and not given):
            return self._paths(partial, write=head in {"add", "delete"})
        if head == "set":
            return self._settings(given, partial)
        if head == "add" and len(given) % 2 == 1:
            return self._leaves(given[0].text, {word.text.lower() for word in given[1::2]})
        if head == "show" and not given:
            return self._topics()
        if head == "add":
            return (_VALUE,) if given else ()
        if head == "firmware" and not given:
            return (_slot("file", "A name of the provider's list"),)
        return self._tests(given) if head == "diagnose" else ()

    def _missing(self, capability: str | None) -> str | None:
        return None if capability is None or granted(capability, self._rights) else capability

    def _topics(self) -> Iterator[Offered]:
        for topic in self._policy.words.topics:
            patterns = [path for root in self._roots for path in self._policy.words.show(topic, root)]
            parts = [self._reader.read(path) for path in patterns]
            needs = next((part.capability for part in parts if part.refused is not None), None)
            usable = not parts or any(part.refused is None for part in parts)
            yield Offered(topic, self._policy.words.title(topic), None if usable else needs)

    def _tests(self, given: tuple[Word, ...]) -> Iterator[Offered]:
        if not given:
            yield from (Offered(kind, _TESTS[kind]) for kind in KINDS)
        elif len(given) == 1:
            yield from (target for kind, target in _TARGETS.items() if kind == given[0].text.lower())
        elif len(given) % 2:
            yield _slot("host", "A name server") if given[-1].text.lower() == "server" else _NUMBER
        else:
            said = {word.text for word in given[2::2]}
            options = _OPTIONS.get(given[0].text.lower(), ())
            yield from (Offered(option) for option in options if option not in said)

    def _settings(self, given: tuple[Word, ...], partial: str) -> Iterator[Offered]:
        settable = self._policy.words.settable()
        if not given:
            yield from (Offered(topic) for topic in dict.fromkeys(topic for topic, _, _ in settable))
            yield from self._paths(partial, write=True)
        elif is_topic(given[0]):
            yield from self._words_of(given)
        elif len(given) % 2 == 0:
            yield from self._paths(partial, write=True)
        else:
            yield _VALUE

    def _words_of(self, given: tuple[Word, ...]) -> Iterator[Offered]:
        topic = given[0].text.lower()
        plain = [word for word in given[1:] if not word.text.isdigit() and not word.text.lower().endswith("ghz")]
        for of, word, takes in self._policy.words.settable():
            if of != topic:
                continue
            if not plain:
                yield Offered(word, takes, self._needed(topic, word))
            elif len(plain) == 1 and plain[0].text.lower() == word:
                yield _slot("value", takes)
                yield from (Offered(choice) for choice in self._choices(topic, word))

    def _choices(self, topic: str, word: str) -> tuple[str, ...]:
        try:
            return self._policy.words.setting(topic, word, self._roots[0]).choices
        except BadWord:
            return ()

    def _needed(self, topic: str, word: str) -> str | None:
        try:
            patterns = self._policy.words.setting(topic, word, self._roots[0]).patterns
        except BadWord:
            return None
        return next((self._missing(self._policy.rows.classify(path).set) for path in patterns), None)

    # --- names --------------------------------------------------------------------------------------------------------

    def _paths(self, partial: str, *, write: bool) -> Iterator[Offered]:
        """The next part of names that begin with `partial`; none that may not be shown."""
        root = next((root for root in self._roots if partial.lower().startswith(root.lower())), None)
        if root is None:
            yield from (Offered(one, open_end=True) for one in self._roots)
            return
        known = self._names(partial) if self._names is not None else ()
        caps = self._reader.all_rights()
        seen: set[str] = set()
        for name in sorted(known or self._said())[: MOST if known else None]:
            if not name.lower().startswith(partial.lower()) or len(name) == len(partial):
                continue
            end = name.find(".", len(partial))
            word = name if end < 0 else name[: end + 1]
            if word not in seen and self._policy.gate.reading(word, caps) != "hide":
                seen.add(word)
                row = self._policy.rows.classify(word)
                if not write or word.endswith(".") or row.set is not None:
                    yield Offered(word, open_end=word.endswith("."))

    def _leaves(self, path: str, said: set[str]) -> Iterator[Offered]:
        """Parameters of an instance of `path` that can be written, but for those that the line names already."""
        start = f"{generic(path)}{INSTANCE}.".lower()
        known = self._names(path) if self._names is not None else ()
        named = sorted(known)[:MOST] + self._patterns()
        leaves = {one[len(start) :] for one in map(generic, named) if one.lower().startswith(start)}
        for key, leaf in sorted({leaf.lower(): leaf for leaf in leaves}.items()):
            row = self._policy.rows.classify(start + leaf)
            if leaf and INSTANCE not in leaf and "*" not in leaf and key not in said and row.set is not None:
                yield Offered(leaf, needs=self._missing(row.set))

    def _patterns(self) -> list[str]:
        patterns = [path for row in self._policy.rows.rows for path in row.paths]
        for topic in self._policy.words.topics:
            patterns += [path for root in self._roots for path in self._policy.words.show(topic, root)]
        return patterns

    def _said(self) -> Iterator[str]:
        """Objects and parameters that rows and words name, up to the first instance."""
        for path in self._patterns():
            fixed = path.partition("{i}")[0].partition("*")[0]
            yield fixed if fixed == path else fixed[: fixed.rfind(".") + 1]
