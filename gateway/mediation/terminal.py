"""The router's terminal as a mediator reads it: cleaned, without echo, split into output and prompts. Pure."""

from audit.recording.terminal import Cleaner
from drivers.definition import PlatformDefinition
from drivers.prompt import PagerSeen, PromptDetector, PromptSeen, QuestionSeen
from drivers.transcript import Transcript


class Terminal:
    """One shell's output. What `feed` gives back can be shown; the unfinished line waits for what it becomes."""

    def __init__(self, definition: PlatformDefinition) -> None:
        self._cleaner = Cleaner()
        self._transcript = Transcript()
        self._detector = PromptDetector(definition)
        self._echoes = definition.echoes
        self._answering = False
        """A line was sent, and the prompt did not come back yet."""
        self._noisy = False
        self._quiet_since: float | None = None

    def feed(self, data: bytes) -> str:
        """Take output; give back what is settled."""
        self._noisy = True
        return self._detector.feed(self._transcript.feed(self._cleaner.feed(data)))

    def quiet(self, now: float) -> float:
        """For how long nothing came, in seconds, at most one timer interval too short."""
        if self._noisy or self._quiet_since is None:
            self._noisy, self._quiet_since = False, now
        return now - self._quiet_since

    def sent(self, line: str, prompt: str) -> str:
        """A line goes to the router at `prompt`: its echo is taken out, and the prompt is history.

        Gives back what was still waiting to be shown.
        """
        rest = self._detector.feed(self._transcript.flush()) + self._detector.take()
        self._transcript.sent(line if self._echoes else "", prompt)
        self._noisy = self._answering = True
        return rest if rest.strip() else ""

    def answered(self, *, pager: bool) -> None:
        """A pager or question was answered: its line is history."""
        self._detector.take()
        if pager:
            self._transcript.pager_answered()
        self._noisy = True

    def prompt(self) -> PromptSeen | None:
        """The prompt that the output ends in, if it does."""
        return self._detector.prompt()

    @property
    def echoed(self) -> bool:
        """Whether the echo of the last line was seen: a prompt before it belongs to an earlier line."""
        return self._transcript.echoed

    def question(self, answers: tuple[tuple[str, str], ...], canonical: str) -> PagerSeen | QuestionSeen | None:
        """What the running command waits for, if it does."""
        return self._detector.question(answers, canonical)

    def believe(self, prompt: PromptSeen) -> str:
        """The prompt is real. Gives back output that stands before it on its line."""
        text = self._detector.hand_over(prompt)
        self._detector.learn(prompt, firm=self._answering and self.echoed)
        self._answering = False
        return text

    def release(self) -> str:
        """The unfinished line as far as it can be shown already."""
        return self._detector.release()

    def hand_over(self) -> str:
        """All of the unfinished line that was not given back yet. It is still looked at."""
        return self._detector.hand_over()

    def give_up_echo(self) -> str:
        """The router is quiet, so what waited to become an echo is output."""
        return self._detector.feed(self._transcript.flush())

    def end(self) -> str:
        """The stream has ended: everything that is left."""
        rest = self._transcript.feed(self._cleaner.flush()) + self._transcript.flush()
        return self._detector.feed(rest) + self._detector.take()
