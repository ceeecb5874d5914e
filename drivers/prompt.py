"""Finds prompts, pagers and questions at the end of a router's output. Pure; counterpart: `drivers.transcript`.

This is the only way by which what a router prints changes what the gateway does. A prompt is believed only at the very
end of the output, as its whole last line, with the host text that was learnt at login. Some platforms' prompts take two
lines (`[edit interfaces ge-0/0/0]`, then `admin@edge1# `); the upper one counts only as the whole line right before
such a prompt, and is kept back from the output until it is clear whether it is one. Input is text that
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

UNKNOWN: Final = "?"
"""The tag of a prompt that should say where the session stands, and does not."""

_HOSTLESS: Final = "/~#$ >"
"""What prompts begin with that name no host."""

_LEAD: Final = re.compile(r"(?:HRP_[MS])?[\[<*~]{0,2}(?:[A-Z]:)?")
"""What may stand before the host in a prompt: `[admin@R]`, `<R>`, `[~R-aaa]`, `*A:R#`."""

_LONGEST_LEAD: Final = 3
"""Characters of it that are looked at behind other text."""

_BANNER_STARTS: Final = "[{(*!"
"""What the upper line of a prompt begins with."""

_ANY_HOST: Final = "x"
"""Stands in for the learnt host where a pattern cannot tell by itself where the host ends."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_ERASE: Final = re.compile(r"\x1b\[[0-2]?K")


@dataclass(frozen=True, slots=True)
class PromptSeen:
    """The router waits for a command. `text` is the prompt as it is shown: its upper line, if it has one, with LF, and
    blanks at its end included."""

    text: str
    host: str
    mode: str
    tag: str
    """Sub-mode as the prompt shows it; empty where it shows none, `?` where it should and does not."""
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


@dataclass(frozen=True, slots=True)
class _Form:
    """One way in which the platform prompts."""

    mode: str
    prompt: re.Pattern[str]
    banner: re.Pattern[str] | None

    @property
    def shows_tag(self) -> bool:
        return "tag" in self.prompt.groupindex

    @property
    def needs_banner(self) -> bool:
        return self.banner is not None and "tag" in self.banner.groupindex


@dataclass(frozen=True, slots=True)
class _Match:
    """What the lower line of a prompt says."""

    host: str
    tag: str


@dataclass(frozen=True, slots=True)
class _Upper:
    """The upper line of a prompt, LF included, and what it says."""

    text: str
    tag: str


class PromptDetector:
    """Watches one terminal. Feed it all output; it hands back text that is settled and keeps the unfinished line."""

    def __init__(self, definition: PlatformDefinition) -> None:
        self._definition = definition
        self._forms = [
            _Form(spec.mode, _whole(spec.prompt), None if spec.banner is None else _whole(spec.banner))
            for spec in definition.modes
        ]
        self._banners = [form.banner for form in self._forms if form.banner is not None]
        self._pagers = [(re.compile(spec.pattern), spec.answer) for spec in definition.pagers]
        self._questions = [re.compile(pattern) for pattern in definition.questions]
        self._above = ""
        """The whole line before the unfinished one, if it may be the upper line of a prompt."""
        self._above_held = ""
        """What of it was not handed back yet."""
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
        """What was not handed back yet: of the unfinished line, and a line before it that may belong to a prompt."""
        return self._above_held + self._tail[self._released :]

    def feed(self, text: str) -> str:
        """Take output; give back what is settled: whole lines, and lines too long to be a prompt."""
        if not text:
            return ""
        self._sight = None
        end = text.rfind("\n") + 1
        settled = ""
        if end:
            settled = self._settle(text[:end])
            text = text[end:]
        self._tail += text
        return settled + self._cut_overlong() if len(self._tail) > TAIL_LIMIT else settled

    def _settle(self, text: str) -> str:
        """The unfinished line goes on with `text`, which ends in a line end. Keeps back what may belong to a prompt."""
        start = text.rfind("\n", 0, -1) + 1
        last, released, cut = text[start:], 0, False
        if not start:
            last, released, cut = self._tail + text, self._released, self._cut
        settled = self.take() + text
        if self._banners and not cut and self._is_banner(last):
            self._above, self._above_held = last, last[released:]
            settled = settled[: len(settled) - len(self._above_held)]
        return settled

    def _is_banner(self, line: str) -> bool:
        shown = visible(line.rstrip("\r\n")).rstrip(" ") if len(line) <= LOOK_LIMIT else ""
        return shown[:1] in _BANNER_STARTS and any(banner.match(shown) for banner in self._banners)

    def release(self) -> str:
        """The unfinished line as far as it can be shown already: nothing while it may become a prompt.

        CRs at its end stay: they may belong to a line end.
        """
        if self._may_become_prompt():
            return ""
        text = self._tail[self._released :].rstrip("\r")
        if text:
            self._released += len(text)
            text = self._take_above() + text
        return text

    def take(self) -> str:
        """What was not handed back yet; it is forgotten then."""
        text = self.held
        self._above = self._above_held = ""
        self._tail, self._released, self._cut, self._sight = "", 0, False, None
        return text

    def _take_above(self) -> str:
        """The line before, if it waits. It may still be part of a prompt."""
        text, self._above_held = self._above_held, ""
        return text

    def hand_over(self, prompt: PromptSeen | None = None) -> str:
        """What was not handed back yet, without the text of `prompt`, which the line ends in. The line is kept."""
        start = len(self._tail)
        above = self._take_above()
        if prompt is not None:
            start = self._start_of(prompt)
            above = "" if "\n" in prompt.text else above
        text = self._tail[self._released : max(start, self._released)]
        self._released = len(self._tail)
        shown = visible(text)
        if prompt is not None and text.endswith("\r") and shown.strip() == prompt.text.strip():
            shown = ""  # the same prompt, drawn once more over itself
        return above + (text if shown else "")

    def _start_of(self, prompt: PromptSeen) -> int:
        """Where in the unfinished line `prompt` begins."""
        if not prompt.host:
            return 0
        line = prompt.text.rpartition("\n")[2]
        start = self._tail.rfind(line)
        return start if start >= 0 else max(0, self._tail.rfind(prompt.host) - line.find(prompt.host))

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
        unplaced = None
        for form in self._forms:
            match = self._match(form, line.rstrip(" "))
            if match is None:
                continue
            above = self._upper(form)
            if above is not None or not form.needs_banner:
                return self._seen(line, match, form, above)
            unplaced = unplaced or self._seen(line, match, form, None)
        return unplaced or self._after_text()

    def _match(self, form: _Form, bare: str) -> _Match | None:
        """How `form` reads the line, if it does."""
        match = form.prompt.match(bare)
        if match is None:
            return None
        tag = match.groupdict().get("tag") or ""
        if self._is_learnt_host(match["host"], form.shows_tag):
            return _Match(match["host"], tag)
        # Where the host may hold what stands between it and the tag, only the learnt host tells them apart.
        host, start = self.learnt.host if self.learnt is not None else "", match.start("host")
        if not form.shows_tag or not host or not bare.startswith(host, start):
            return None
        again = form.prompt.match(bare[:start] + _ANY_HOST + bare[start + len(host) :])
        if again is None or again["host"] != _ANY_HOST:
            return None
        return _Match(host, again["tag"] or "")

    def _upper(self, form: _Form) -> _Upper | None:
        """The upper line of a prompt of this form, if it stands there."""
        if form.banner is None or not self._above:
            return None
        shown = visible(self._above.rstrip("\r\n"))
        match = form.banner.match(shown.rstrip(" "))
        return None if match is None else _Upper(f"{shown}\n", match.groupdict().get("tag") or "")

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

    def _seen(self, line: str, match: _Match, form: _Form, above: _Upper | None) -> PromptSeen:
        learnt = self.learnt
        blanks = line[len(line.rstrip(" ")) :]
        certain = learnt is None or (blanks == learnt.blanks and (bool(match.tag) or match.host == learnt.host))
        tag = match.tag
        if form.needs_banner:
            tag = UNKNOWN if above is None else above.tag.strip()
        return PromptSeen(f"{above.text if above else ''}{line}", match.host, form.mode, tag, certain)

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
        for begin in range(max(0, start - _LONGEST_LEAD), start + 1):
            bare = line[begin:].rstrip(" ")
            for form in self._forms:
                match = form.prompt.match(bare)
                if match is not None and match["host"] == self.learnt.host:
                    tag = UNKNOWN if form.needs_banner else match.groupdict().get("tag") or ""
                    return PromptSeen(line[begin:], match["host"], form.mode, tag, certain=False)
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
        if self._banners and line[0] in _BANNER_STARTS:
            return True
        start = self.learnt.host[: self._definition.host_cut]
        if not start:
            return line[0] in _HOSTLESS
        lead = _LEAD.match(line)
        rest = line[lead.end() if lead else 0 :]
        return line.startswith(start) or rest.startswith(start) or start.startswith(rest)

    def _cut_overlong(self) -> str:
        keep = min(len(self._tail) - self._released, LOOK_LIMIT)
        text = self._take_above() + self._tail[self._released : len(self._tail) - keep]
        self._tail, self._released, self._cut = self._tail[-LOOK_LIMIT:], LOOK_LIMIT - keep, True
        return text


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})\Z")


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
