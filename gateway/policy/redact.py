"""Secrets out of a refused line, without having understood it. `resolver` knows those of other lines exactly.

Rather too much than too little: what follows a word that announces a secret is replaced up to the end of the value, or
of the line when there is no telling where the value ends.
"""

import re
from typing import Final

REDACTED: Final = "<redacted>"

_ANNOUNCER: Final = (
    r"(?:pass(?:w(?:o(?:rds?)?|d)?)?|passphrase|psk|pre-?shared-?key|keys?|secrets?|cred(?:ential)?s?|token|community)"
)
# A word of which a part (between - _ . : and digits) announces a secret; abbreviations as routers take them.
_ANNOUNCED: Final = re.compile(
    rf"(?<![A-Za-z/])(?:[\w.:@\[\]/-]*[-_.:\]])?(?:{_ANNOUNCER}|pas|secr|secre|wpa-p\w*|wpakey|ppsk|sae|radius|md5|sha\d*)"
    r"\d*(?:[-_][\w-]*)?\s*(?P<sign>=|\s)\s*",
    re.IGNORECASE | re.ASCII,
)
_VALUE: Final = re.compile(r"(?:'[^']*'|\"[^\"]*\"|[^\s'\"&;|])+")
_IN_URL: Final = re.compile(r"(?<=://)[^\s/@]*@")
_SETS_PASSWORD: Final = re.compile(r"\|\s*(?:\S*/)?(?:ch)?passw[od]", re.IGNORECASE)


_LONGEST: Final = 1000


def redact(line: str) -> str:
    """`line` fit to be recorded: what may be secret replaced, unprintable characters written out, overlong text cut."""
    if len(line) > _LONGEST:
        return redact(line[:_LONGEST]) + f" … ({len(line)} characters)"
    if not line.isprintable():
        line = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)
    return _without_secrets(line)


def _without_secrets(line: str) -> str:
    line = _IN_URL.sub(REDACTED + "@", line)
    piped = _SETS_PASSWORD.search(line)
    if piped is not None:
        word = line.lstrip().split(" ", 1)[0]
        line = f"{word} {REDACTED} {line[piped.start() :]}"
    found = _ANNOUNCED.search(line)
    if found is None:
        return line
    if found["sign"] != "=":
        return line[: found.end()].rstrip() + " " + REDACTED if found.end() < len(line) else line
    value = _VALUE.match(line, found.end())
    if value is None or line.count("'", found.end()) % 2 or line.count('"', found.end()) % 2:
        return line[: found.end()] + REDACTED
    return line[: found.end()] + REDACTED + _without_secrets(line[value.end() :])
