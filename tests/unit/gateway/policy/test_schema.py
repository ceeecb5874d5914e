"""What `gateway/policy/schema.py` promises."""

from typing import Any

import pytest

from gateway.policy.errors import PolicyError
from gateway.policy.schema import read_table

GOOD: dict[str, Any] = {
    "platform": "x1",
    "lexer": {"kind": "words"},
    "modes": ["exec"],
    "commands": [{"cmd": ["show version"], "cap": "diagnose.read"}],
}


def with_row(**keys: Any) -> dict[str, Any]:
    return GOOD | {"commands": [GOOD["commands"][0], GOOD["commands"][0] | keys]}


def test_a_small_table_is_enough() -> None:
    table = read_table("x1.yaml", GOOD)
    assert table.lexer.abbreviates
    assert table.lexer.rest_of_line
    assert not table.lexer.chains


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (GOOD | {"platfrom": "x"}, "x1.yaml: platfrom: this key does not exist"),
        (with_row(leave=True), "x1.yaml: commands row 2, leave: this key does not exist"),
        (with_row(cap="diagnose.reed"), "commands row 2, cap: 'diagnose.reed' is not a capability"),
        (with_row(cap=None), "is not a capability"),
        (with_row(**{"in": ["cfg"]}), "'cfg' is not a position"),
        (with_row(**{"in": [None]}), "is not a position"),
        (with_row(cap="pivot.ssh", enter="exec"), "never allowed"),
        (with_row(say="no"), "say is for refusals"),
        (with_row(lan="diagnose.probe"), "comes with every consent"),
        (with_row(prompts={"(": "y"}), "not a regular expression"),
        (with_row(secret=["1"]), "is not a name"),
        (with_row(where={"p": [1.5]}), "in quotes"),
        (with_row(cmd=[]), "commands row 2, cmd"),
        (GOOD | {"tests": [{"line": "x"}]}, "tests row 1: say what is expected"),
        (GOOD | {"tests": [{"line": "x", "deny": True, "sends": "x"}]}, "say what is expected"),
        (GOOD | {"tests": [{"line": "x", "deny": True, "enters": "exec"}]}, "cannot both"),
        (GOOD | {"tests": [{"line": "x", "deny": "nosuch"}]}, "'nosuch' is none"),
        (GOOD | {"lexer": {"kind": "guess"}}, "lexer, kind"),
        ([], "the file"),
        (None, "the file"),
    ],
)
def test_mistakes_name_the_file_and_the_row(document: object, sentence: str) -> None:
    with pytest.raises(PolicyError) as error:
        read_table("x1.yaml", document)
    assert str(error.value).startswith("x1.yaml: ")
    assert sentence in str(error.value)


def test_numbers_are_taken_as_they_were_written() -> None:
    table = read_table("x1.yaml", with_row(cmd=["set <n>"], where={"n": [1, "auto"]}))
    assert table.commands[1].where == {"n": ("1", "auto")}
