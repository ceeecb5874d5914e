"""Where a session stands on the router: from what was sent and the prompt that came back. Pure.

If the two disagree, the session is *unsure*: its context is one that no policy table knows, so that only lines which
lead back (`end`, `exit`) are allowed. Outside of configuration a prompt without sub-mode leaves nothing to be unsure
of, so it is believed; this happens when a router ends its configuration mode by itself.

Where a platform's prompt shows the whole context (`whole_context` of its definition), a prompt of the mode that was
expected, or of the one before, is believed: an edit level or menu is what the prompt says.
"""

from drivers.prompt import PromptSeen
from gateway.mediation.setup import Setup
from gateway.policy.verdict import Position

UNSURE = "?"
"""Context of an unsure session."""


class Whereabouts:
    """Position, and the prompt as it was last shown. The prompts it is given are believed already."""

    def __init__(self, setup: Setup) -> None:
        definition = setup.definition
        self._platform = definition.platform
        self._agrees = setup.agrees
        self._prompt_tells = definition.whole_context
        self.position = Position(self._platform, definition.exec.mode or definition.modes[-1].mode)
        self.prompt = ""

    @property
    def unsure(self) -> bool:
        """Whether the last prompt was not the one that was expected."""
        return self.position.context == UNSURE

    def start(self, prompt: PromptSeen) -> None:
        """The first prompt after login."""
        self.position = self._seen(prompt)
        self.prompt = prompt.text

    def shows(self, prompt: PromptSeen, position: Position) -> bool:
        """Whether `prompt` is what the router shows at `position`."""
        seen = self._seen(prompt)
        return UNSURE not in (position.context, seen.context) and self._agrees(position, seen)

    def arrive(self, prompt: PromptSeen, expected: Position) -> bool:
        """A command ended with `prompt`. False if neither the expected position nor the one before shows it."""
        self.prompt = prompt.text
        if self.shows(prompt, expected):
            self.position = expected
            return True
        if self.shows(prompt, self.position):  # the router refused to move
            return True
        seen = self._seen(prompt)
        if self._prompt_tells and seen.context != UNSURE and seen.mode in (expected.mode, self.position.mode):
            self.position = seen
            return True
        believed = not seen.context and seen.mode != "config"
        self.position = seen if believed else Position(self._platform, prompt.mode, UNSURE)
        return False

    def _seen(self, prompt: PromptSeen) -> Position:
        return Position(self._platform, prompt.mode, "" if prompt.tag == prompt.mode else prompt.tag)
