"""Every line that the FRR table can send, given to a real vtysh: it must take each of them where the table sends it.

Counterpart: tests/real/test_tables_real.py, which does the same for the lines of the corpus over SSH.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.policy.decide import decide
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.verdict import Allow, Position
from tests.real.frr_lines import Vtysh, start_whole_frr
from tests.real.ground import Ground
from tests.real.table_lines import bundle, judged, lines

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def vtysh(namespaces: None, require_program: Callable[[str], Path]) -> Iterator[Vtysh]:
    """All daemons, alone in a namespace."""
    with Ground() as ground:
        yield start_whole_frr(ground, require_program)


def sent_in_place() -> Iterator[tuple[str, str, bool]]:
    """Place, text, and whether the line leads elsewhere. What `exec` may send, `privileged` may as well."""
    for sent in lines("frr"):
        yield sent.place, sent.text, sent.moves
        if sent.place == "exec":
            verdict = decide(bundle("frr"), TEST_SITE, Position("frr", "privileged"), sent.text, EVERYTHING, NOW)
            if isinstance(verdict, Allow):
                yield "privileged", verdict.canonical, verdict.enters is not None or verdict.leaves


def test_vtysh_takes_every_line_of_the_table(vtysh: Vtysh) -> None:
    staying = dict.fromkeys((place, text) for place, text, moves in sent_in_place() if not moves)
    assert len(staying) > 3000
    # Logs would come between the answers.
    asked = [line for line in staying if not line[1].startswith("terminal monitor")]
    assert vtysh.refused(asked) == []


def test_vtysh_takes_the_lines_that_lead_elsewhere(vtysh: Vtysh) -> None:
    asked = [(place, text) for place, text, moves in sent_in_place() if moves or text.startswith("terminal monitor")]
    assert {text.split()[0] for _, text in asked} >= {
        "configure",
        "disable",
        "enable",
        "exit",
        "quit",
        "end",
        "interface",
    }
    assert vtysh.refused_alone(list(dict.fromkeys(asked))) == []


def test_a_line_that_vtysh_does_not_know_is_noticed(vtysh: Vtysh) -> None:
    bad = [("privileged", "show nosuchthing"), ("exec", "list"), ("config/interface", "shutdownn")]
    assert vtysh.refused([*bad, ("privileged", "show version")]) == bad


def test_every_example_is_sent() -> None:
    assert judged("frr")[1] == ()
