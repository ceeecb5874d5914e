"""Secrets out of a refused line, without having understood it. `resolver` knows those of other lines exactly.

Rather too much than too little: what follows a word that announces a secret is replaced up to the end of the value, or
of the line when there is no telling where the value ends. Linear in the length of the line.
"""

import re
from typing import Final

REDACTED: Final = "<redacted>"

_LONGEST: Final = 1000

# Parts of words that announce a secret, with the abbreviations that routers take for them.
_TELLING = """
pas pass passw passwo passwor password passwords passwd passphrase pw psk ppsk sae pin pmk wpakey presharedkey
key keys cip ciph ciphe cipher secr secre secret secrets cred creds credential credentials token community radius md5
sha hmac auth
"""
_ANNOUNCERS: Final = frozenset(_TELLING.split())
_WORD: Final = re.compile(r"[^\s=:;|&'\"{},]+")
_PART: Final = re.compile(r"[A-Za-z]+(?:5(?![0-9]))?")
_VALUE: Final = re.compile(r"\s*=\s*((?:'[^']*'|\"[^\"]*\"|[^\s'\"&;|])+)")
_IN_URL: Final = re.compile(r"(?<=://)[^\s/@]*@")
_SETS_PASSWORD: Final = re.compile(r"\|\s*(?:\S*/)?(?:ch)?passw[od]", re.IGNORECASE)


def redact(line: str) -> str:
    """`line` fit to be recorded: what may be secret replaced, unprintable characters written out, overlong text cut."""
    if len(line) > _LONGEST:
        return redact(line[:_LONGEST]) + f" … ({len(line)} characters)"
    if not line.isprintable():
        line = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)
    line = _IN_URL.sub(f"{REDACTED}@", line)
    piped = _SETS_PASSWORD.search(line)
    if piped is not None:
        first = line.lstrip().split(" ", 1)[0]
        line = f"{first} {REDACTED} {line[piped.start() :]}"
    return _without_values(line)


def _without_values(line: str) -> str:
    shown: list[str] = []
    done = 0
    for word in _WORD.finditer(line):
        if word.start() < done or not _announces(word[0]):
            continue
        value = _VALUE.match(line, word.end())
        balanced = not line.count("'", word.end()) % 2 and not line.count('"', word.end()) % 2
        if value is not None and balanced:
            shown += [line[done : value.start(1)], REDACTED]
            done = value.end()
        elif line[word.end() :].strip(" '\""):
            return "".join([*shown, line[done : word.end()], line[word.end() : word.end() + 1], REDACTED])
    return "".join([*shown, line[done:]])


def _announces(word: str) -> bool:
    """Whether a part of `word` is a telling one. Paths are not (`/etc/passwd`), the `wpa-p…` of Cisco is."""
    low = word.lower()
    return not low.startswith("/") and (low.startswith("wpa-p") or not _ANNOUNCERS.isdisjoint(_PART.findall(low)))
