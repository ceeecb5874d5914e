"""What is compared of a terminal session: for each line typed, the prompt it was typed at and what came of it.

This is the one place that says what may differ between a session with a router and one through the gateway:

- before the first prompt: the router's banner on one side, the gateway's on the other;
- how a line in work is drawn: editors repeat and redraw it each in their own way;
- escape sequences (colours, questions about the cursor, bracketed paste), which the gateway takes out;
- CR LF, CR CR LF and LF as line ends;
- what is laid out for a terminal's width (`ls` in columns, not used here): the gateway asks routers for a wide one;
- what is true at one moment only (`steady`): times of day, ages, load, what a BGP neighbour that is not there is
  tried for, names of temporary files.

Everything else, prompts included, must be the same to the letter.
"""

import re
from dataclasses import dataclass

PROMPTS = {"frr": r"frr-1(?:\([a-z-]+\))?# ", "openwrt": r"root@OpenWrt:~# "}

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?>]*[ -/]*[@-~]|[()][A-Z0-9]|[=>])")
_LINE_END = re.compile(r"\r*\n")

_VARIABLE = (
    (re.compile(r"\b\d{2}:\d{2}:\d{2}\b"), "<time>"),
    (re.compile(r"\bup +(?:\d+ days?, +)?(?:\d+ min|\d+:\d{2})"), "up <time>"),
    (re.compile(r"load average: .*"), "load average: <load>"),
    (re.compile(r"(?<=seq=)(\d+) ttl=(\d+) time=[0-9.]+ ms"), r"\1 ttl=\2 time=<ms>"),
    (re.compile(r"(?<=min/avg/max = )[0-9./]+"), "<ms>"),
    (re.compile(r"^(\d{2})h(\d{2})m(\d{2})s", re.MULTILINE), "<age>"),
    (re.compile(r" +(?:Active|Connect|Idle)\b(?= )"), " <state>"),
    (re.compile(r"(?<=\.conf)\.\w{6}\b"), ".<temporary>"),
)


@dataclass(frozen=True)
class Exchange:
    """One line and its answer."""

    prompt: str
    line: str
    answer: str


def steady(text: str) -> str:
    """`text` without what is true at one moment only."""
    for pattern, word in _VARIABLE:
        text = pattern.sub(word, text)
    return text


def exchanges(screen: bytes | str, platform: str) -> list[Exchange]:
    """The session that a terminal showed, from its first prompt on. An empty line at a prompt is no exchange."""
    text = screen.decode() if isinstance(screen, bytes) else screen
    shown = "\n".join(_drawn(line) for line in _LINE_END.split(_ESCAPES.sub("", text)))
    prompt = re.compile(f"^({PROMPTS[platform]})(.*)$", re.MULTILINE)
    found = list(prompt.finditer(shown))
    ends = [match.start() for match in found[1:]] + [len(shown)]
    return [
        Exchange(match[1], match[2].strip(), steady(shown[match.end() : end]).strip("\n"))
        for match, end in zip(found, ends, strict=True)
        if match[2].strip()
    ]


def answers(screen: bytes | str, platform: str) -> str:
    """Only what the lines printed, one after another, as a program without a terminal gets it."""
    return "".join(f"{exchange.answer}\n" for exchange in exchanges(screen, platform) if exchange.answer)


def _drawn(line: str) -> str:
    """What a line shows in the end: CR goes back to its start, BS one back, and text overwrites."""
    cells: list[str] = []
    column = 0
    for char in line:
        if char == "\r":
            column = 0
        elif char == "\b":
            column = max(0, column - 1)
        elif char.isprintable() or char == "\t":
            cells[column : column + 1] = [char]
            column += 1
    return "".join(cells)
