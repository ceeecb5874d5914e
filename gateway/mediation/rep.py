"""What the rep of a terminal session is shown, and everything else that is to be done, in order. Pure."""

from collections.abc import Iterable

from gateway.mediation.display import TwinLineEnds
from gateway.mediation.events import Close, Effect, Show
from gateway.mediation.setup import Setup


class Rep:
    """Collects the effects of one event. Texts of the router get the client's line ends on the way."""

    def __init__(self, setup: Setup) -> None:
        self._newline = setup.newline or "\n"
        self._line_ends = TwinLineEnds(self._newline)
        self._effects: list[Effect] = []
        self.sees_prompts = setup.show_prompts
        self.closing = False
        """`Close` was given out, so nothing may follow."""

    def begin(self) -> None:
        """A new event."""
        self._effects = []

    def taken(self) -> list[Effect]:
        """The effects of this event."""
        return self._effects

    def do(self, effects: Iterable[Effect]) -> None:
        """Have these done next."""
        self._effects += effects

    def show(self, text: str, recorded: str | None = None) -> str:
        """Show output, or what a terminal would echo. Gives back what is really put on record now."""
        if not text and not recorded:
            return ""
        return self._put(*self._line_ends.feed(text, recorded))

    def show_end(self) -> str:
        """The stream has ended: show what waits for a line end."""
        return self._put(*self._line_ends.flush())

    def _put(self, text: str, recorded: str | None) -> str:
        effect = Show(text, recorded=recorded)
        if effect.text or effect.kept:
            self._effects.append(effect)
        return effect.kept

    def echo(self, text: str) -> None:
        """Show text that only a terminal sees: a prompt, a typed line."""
        if self.sees_prompts and text and not self.closing:
            self.show(text)

    def say(self, text: str) -> None:
        """The gateway's own words."""
        self._effects.append(Show(text.replace("\n", self._newline), own=True))

    def close(self, reason: str, message: str = "", exit_status: int = 0) -> None:
        """End the session."""
        self.closing = True
        self._effects.append(Close(reason, message, exit_status))
