"""Finds prompts, pagers and questions at the end of a router's output. Pure; counterpart: `drivers.transcript`.

This is the only way by which what a router prints changes what the gateway does. A prompt is believed only at the very
end of the output, as its whole last line, with the host text that was learnt at login. Input is text that
`audit.recording.terminal.Cleaner` has cleaned. Memory is bounded, time is linear in the output.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from drivers.definition import PlatformDefinition

TAIL_LIMIT: Final = 4096
"""Characters of an unfinished line that are kept before it is cut."""

LOOK_LIMIT: Final = 512
"""Characters of an unfinished line that patterns are tried on, and that stay when it is cut."""

_HOSTLESS: Final = "/~#$"
"""What prompts begin with that name no host."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_ERASE: Final = re.compile(r"\x1b\[[0-2]?K")


@dataclass(frozen=True, slots=True)
class PromptSeen:
    """The router waits for a command. `text` is the prompt as it is shown, blanks at its end included."""

    text: str
    host: str
    mode: str
    tag: str
    """Sub-mode as the prompt shows it; empty where it shows none."""
    certain: bool
    """The whole last line, with the host and the ending that were learnt. Otherwise wait until the router is quiet."""


@dataclass(frozen=True, slots=True)
class PagerSeen:
    """A pager waits for a key; `answer` makes it go on."""

    answer: str


@dataclass(frozen=True, slots=True)
class QuestionSeen:
    """The running command waits. `answer` are the exact characters to send, or none if the question is not known.

    `secret` names a secret to send instead; `cancel` says that no answer is ever allowed. What is not `certain` waits
    until the router is quiet.
    """

    text: str
    answer: str | None = None
    secret: str | None = None
    certain: bool = True
    cancel: bool = False


Sight: TypeAlias = PromptSeen | PagerSeen | QuestionSeen


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is fixed at login: the host text of the prompt, and the blanks that follow a prompt.

    It is not `firm` before a prompt came in answer to a line: the first one could be part of a banner.
    """

    host: str
    blanks: str
    firm: bool


class PromptDetector:
    """Watches one terminal. Feed it all output; it hands back text that is settled and keeps the unfinished line."""

    def __init__(self, definition: PlatformDefinition) -> None:
        self._definition = definition
        self._modes = [(spec.mode, re.compile(rf"(?:{spec.prompt})\Z")) for spec in definition.modes]
        self._pagers = [(re.compile(spec.pattern), spec.answer) for spec in definition.pagers]
        self._questions = [re.compile(pattern) for pattern in definition.questions]
        self._tail = ""
        self._released = 0
        self._cut = False
        self._sight: tuple[PromptSeen | None] | None = None
        """What `prompt` found, until something changes; sessions that do nothing are asked several times a second."""
        self.learnt: Learnt | None = None

    @property
    def tail(self) -> str:
        """The unfinished last line, or the end of it."""
        return self._tail

    @property
    def held(self) -> str:
        """The part of the unfinished line that was not handed back yet."""
        return self._tail[self._released :]

    def feed(self, text: str) -> str:
        """Take output; give back what is settled: whole lines, and lines too long to be a prompt."""
        if not text:
            return ""
        self._sight = None
        end = text.rfind("\n") + 1
        settled = ""
        if end:
            settled = self.take() + text[:end]
            text = text[end:]
        self._tail += text
        return settled + self._cut_overlong() if len(self._tail) > TAIL_LIMIT else settled

    def release(self) -> str:
        """The unfinished line as far as it can be shown already: nothing while it may become a prompt.

        CRs at its end stay: they may belong to a line end.
        """
        if self._may_become_prompt():
            return ""
        text = self.held.rstrip("\r")
        self._released += len(text)
        return text

    def take(self) -> str:
        """The rest of the unfinished line; it is forgotten then."""
        text = self.held
        self._tail, self._released, self._cut, self._sight = "", 0, False, None
        return text

    def hand_over(self, prompt: PromptSeen | None = None) -> str:
        """What was not handed back yet, without the text of `prompt`, which the line ends in. The line is kept."""
        start = len(self._tail)
        if prompt is not None:
            start = self._tail.rfind(prompt.host) if prompt.host else 0
        text = self._tail[self._released : max(start, self._released)]
        self._released = len(self._tail)
        return text if visible(text) else ""

    def learn(self, prompt: PromptSeen, *, firm: bool) -> None:
        """Fix the host text and the ending from a prompt that is believed. `firm`: it came in answer to a line."""
        firm = firm or (self.learnt is not None and self.learnt.firm)
        if self.learnt is None or not prompt.tag:  # a sub-mode's prompt may show only the beginning of the host
            self.learnt = Learnt(prompt.host, prompt.text[len(prompt.text.rstrip()) :], firm)
        else:
            self.learnt = replace(self.learnt, firm=firm)
        self._sight = None

    def prompt(self) -> PromptSeen | None:
        """The prompt that the output ends in, if it does."""
        if self._sight is None:
            self._sight = (self._find_prompt(),)
        return self._sight[0]

    def _find_prompt(self) -> PromptSeen | None:
        line = self._line()
        if line is None:
            return self._after_text()
        bare = line.rstrip(" ")
        for mode, pattern in self._modes:
            match = pattern.match(bare)
            if match is not None and self._is_learnt_host(match["host"], "tag" in pattern.groupindex):
                return self._seen(line, match, mode)
        return self._after_text()

    def question(self, answers: Iterable[tuple[str, str]], canonical: str) -> PagerSeen | QuestionSeen | None:
        """What the running command `canonical` waits for, if its unfinished line looks as if it did.

        `answers` are the command's own (regular expression, characters to send); `@enable` stands for the secret.
        """
        line = self._line()
        if line is None:
            return None
        for pattern, answer in self._pagers:
            if pattern.search(line):
                return PagerSeen(answer)
        for expression, answer in answers:
            if re.search(expression, line):
                secret = answer.removeprefix("@") if answer.startswith("@") else None
                return QuestionSeen(line, None if secret else answer, secret, certain=secret is None)
        return self._known_question(line, canonical) or self._unknown_question(line)

    def _known_question(self, line: str, canonical: str) -> QuestionSeen | None:
        for spec in self._definition.subprompts:
            if re.search(spec.pattern, line) is None:
                continue
            if spec.after is not None and re.match(spec.after, canonical) is None:
                continue
            return QuestionSeen(line, spec.answer or None, spec.secret, spec.secret is None, spec.cancel)
        return None

    def _unknown_question(self, line: str) -> QuestionSeen | None:
        if any(pattern.search(line) for pattern in self._questions):
            return QuestionSeen(line, certain=False)
        return None

    def _seen(self, line: str, match: re.Match[str], mode: str) -> PromptSeen:
        tag = match["tag"] if "tag" in match.re.groupindex else ""
        blanks = line[match.end() :]
        learnt = self.learnt
        certain = learnt is None or (blanks == learnt.blanks and (bool(tag) or match["host"] == learnt.host))
        return PromptSeen(line, match["host"], mode, tag, certain)

    def _line(self) -> str | None:
        """What the terminal shows of the unfinished line, if that is a whole line and short enough to look at."""
        if not self._tail or self._cut or len(self._tail) > 4 * LOOK_LIMIT:
            return None
        line = visible(self._tail)
        return line if line and len(line) <= LOOK_LIMIT else None

    def _after_text(self) -> PromptSeen | None:
        """A prompt behind output that does not end in a line end (`printf x`). Never certain."""
        if self.learnt is None or not self.learnt.host or self.learnt.host not in self._tail:
            return None
        line = visible(self._tail[-LOOK_LIMIT:])
        start = line.rfind(self.learnt.host)
        if start < 0:
            return None
        bare = line[start:].rstrip(" ")
        for mode, pattern in self._modes:
            match = pattern.match(bare)
            if match is not None and match["host"] == self.learnt.host:
                tag = match["tag"] if "tag" in pattern.groupindex else ""
                return PromptSeen(line[start:], match["host"], mode, tag, certain=False)
        return None

    def _is_learnt_host(self, host: str, cut: bool) -> bool:
        """Whether `host` is the learnt one; a sub-mode prompt may show only its beginning."""
        if self.learnt is None or host == self.learnt.host or not self.learnt.firm:
            return True
        limit = self._definition.host_cut
        return cut and limit is not None and len(host) >= limit and self.learnt.host.startswith(host)

    def _may_become_prompt(self) -> bool:
        if self.learnt is None:
            return True
        line = visible(self._tail)
        if self._cut or not line:
            return False
        start = self.learnt.host[: self._definition.host_cut]
        return line.startswith(start) or start.startswith(line) if start else line[0] in _HOSTLESS

    def _cut_overlong(self) -> str:
        keep = min(len(self.held), LOOK_LIMIT)
        text = self._tail[self._released : len(self._tail) - keep]
        self._tail, self._released, self._cut = self._tail[-LOOK_LIMIT:], LOOK_LIMIT - keep, True
        return text


def visible(line: str) -> str:
    """What a terminal shows of one unfinished line: colours dropped; CR, BS and erase in line performed. Linear.

    What CR returns over counts as overwritten.
    """
    if "\x1b" in line:
        line = _ERASE.sub("\0", _COLOUR.sub("", line))
    if "\r" in line:
        line = line.rstrip("\r")
        line = line[line.rfind("\r") + 1 :]
    if "\b" not in line:
        return line.replace("\0", "")
    cells: list[str] = []
    column = 0
    for char in line:
        if char == "\b":
            column = max(0, column - 1)
        elif char == "\0":
            del cells[column:]
        else:
            cells[column : column + 1] = [char]
            column += 1
    return "".join(cells)
