"""What a rep typed: which command is meant, and the line as it may be shown. Counterpart: `judge`.

Lines that were understood have exactly their secret values replaced; of others rather too much is than too little.
"""

from typing import Final

from drivers.cwmp.line import PLAIN, Add, Command, Set, SetWord, Word
from drivers.cwmp.words import BANDS, words
from gateway.policy.nearest import distance
from gateway.policy.redact import REDACTED, redact

HEADS: Final = ("get", "set", "names", "add", "delete", "show", "diagnose", "firmware", "attributes", *PLAIN)
"""Commands by their first word."""

_TOPICS: Final = {
    topic: frozenset(word for of, word, _ in words().settable() if of == topic) for topic, _, _ in words().settable()
}
"""Words behind `set` and behind those."""

_ALIASES: Final = {"quit": "exit", "logout": "exit"}


_ELSEWHERE: Final = {
    "ping": "diagnose ping",
    "traceroute": "diagnose trace",
    "tracert": "diagnose trace",
    "nslookup": "diagnose dns",
    "dig": "diagnose dns",
    "speedtest": "diagnose download",
    "wifi": "show wifi",
    "ls": "names",
    "dir": "names",
    "restart": "reboot",
    "put": "set",
    "write": "set",
    "read": "get",
}
"""What the same is called on other machines."""


def meant(word: Word) -> str:
    """The command that a first word names, in small letters."""
    text = "" if word.quoted else word.text.lower()
    return _ALIASES.get(text, text)


def nearest(words: tuple[Word, ...]) -> str | None:
    """A sentence about the command that was perhaps meant."""
    typed = words[0].text.lower()
    if typed in _ELSEWHERE:
        return f"Did you mean `{_ELSEWHERE[typed]}`?"
    if typed in HEADS or not typed.isascii() or not 2 < len(typed) <= 16:
        return None
    near = sorted((distance(typed, head), head) for head in HEADS)
    return f"Did you mean `{near[0][1]}`?" if near[0][0] <= (1 if len(typed) <= 4 else 2) else None


def typed_line(line: str, words: tuple[Word, ...], command: Command, secret: frozenset[int]) -> str:
    """A line that was understood, with its secret values replaced."""
    if isinstance(command, Set | Add):
        first = 2 if isinstance(command, Set) else 3
        hidden = [words[first + 2 * at] for at in secret]
    else:
        hidden = [words[-1]] if isinstance(command, SetWord) and secret else []
    for word in sorted(hidden, key=lambda word: word.start, reverse=True):
        line = line[: word.start] + REDACTED + line[word.end :]
    return line.replace("\t", " ")


def shown_line(line: str) -> str:
    """A line that was not understood: of one that may set something, only its beginning is shown."""
    words = line.split()
    if len(words) > 1 and words[0].lower() == "set" and words[1].lower() in _TOPICS:
        return _shown_words(words)
    writes = bool(words) and words[0].lower() in {"set", "add"}
    if not words or (words[0].lower() in HEADS and not writes):
        return redact(line)
    path = next((at for at, word in enumerate(words) if "." in word), 1 if writes else len(words))
    if path + 1 >= len(words):
        return redact(line)
    return redact(" ".join(words[: path + 1])) + f" {REDACTED}"


def _shown_words(words: list[str]) -> str:
    """Up to the setting; behind one that is no secret, also a number that is too short for one."""
    topic, at = words[1].lower(), 2
    if words[at : at + 1] and (words[at].lower() in BANDS or (words[at].isdigit() and words[at + 1 :])):
        at += 1
    setting = words[at].lower() if at < len(words) else ""
    if setting in _TOPICS[topic]:
        at += 1
        short = setting != "password" and all(word.isdigit() and len(word) <= 3 for word in words[at:])
        at = len(words) if short else at
    return redact(" ".join(words[:at])) + (f" {REDACTED}" if at < len(words) else "")
