"""Control commands of `ssh vestibule@gateway`: what a person types."""

from types import SimpleNamespace

import pytest

from gateway.ssh.control import run

CONSENT = "01M8514Y77P96M9EF9CJYP9Z1J"


class Codes:
    """The consents of a service that notes the code and then refuses it."""

    def __init__(self):
        self.entered = []

    async def enter_code(self, _auth, consent, code):
        self.entered.append((consent, code))
        raise LookupError


@pytest.mark.parametrize("typed", ["5187-0602", "51870602", "5187 0602", "'5187 0602'", "5187 - 0602"])
async def test_a_code_is_entered_as_it_was_read(typed):
    consents = Codes()
    with pytest.raises(LookupError):
        await run(SimpleNamespace(consents=consents), None, f"code {CONSENT} {typed}")
    ((consent, code),) = consents.entered
    assert consent == CONSENT
    assert code.replace("-", "").replace(" ", "") == "51870602"
