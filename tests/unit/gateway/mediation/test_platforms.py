"""What the shipped platform definitions and the shipped policy tables say about each other."""

import pytest

from drivers.definition import load_definition, platforms
from drivers.prompt import PromptDetector
from gateway.policy.decide import own_line
from gateway.policy.load import load_bundle
from gateway.policy.position import agrees
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Position


@pytest.fixture(scope="module")
def shipped() -> PolicyBundle:
    return load_bundle()


@pytest.mark.parametrize("platform", platforms())
def test_own_lines_are_ones_the_policy_lets_the_gateway_send(platform: str, shipped: PolicyBundle) -> None:
    definition = load_definition(platform)
    for line in definition.prepare:
        assert own_line(shipped, line, "preparation").canonical == line
    for pager in definition.pagers:
        own_line(shipped, pager.answer, "pager")
    for question in definition.subprompts:
        if question.answer:
            own_line(shipped, question.answer.rstrip("\r\n"), "answer")
    own_line(shipped, "\x03", "interrupt")


def test_modes_are_those_of_the_tables(shipped: PolicyBundle) -> None:
    for platform, table in shipped.tables.items():
        definition = load_definition(platform)
        assert {spec.mode for spec in definition.modes} == set(table.spec.modes)
        assert definition.exec.mode in table.spec.modes


@pytest.mark.parametrize("platform", ["ios", "frr"])
def test_every_context_of_the_table_has_a_prompt_that_is_seen(platform: str, shipped: PolicyBundle) -> None:
    table = shipped.tables[platform]
    tags = [(name, context.mode, tag) for name, context in table.spec.contexts.items() for tag in context.prompts]
    assert tags
    for name, mode, tag in tags:
        detector = PromptDetector(load_definition(platform))
        detector.feed(f"R1({tag})#")
        seen = detector.prompt()
        assert seen is not None, f"the prompt of {name} is not known: {tag}"
        assert (seen.mode, seen.tag) == (mode, tag)
        assert agrees(table, Position(platform, mode, name), Position(platform, seen.mode, seen.tag))


def test_answers_of_the_tables_can_be_sent(shipped: PolicyBundle) -> None:
    for platform, table in shipped.tables.items():
        for row in table.spec.commands:
            for answer in row.prompts.values():
                if answer.startswith("@"):
                    assert answer == "@enable", platform
                else:
                    own_line(shipped, answer.rstrip("\r\n"), "answer")
