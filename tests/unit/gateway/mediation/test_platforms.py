"""What the shipped platform definitions and the shipped policy tables say about each other."""

import pytest

from drivers.definition import load_definition, platforms
from drivers.prompt import UNKNOWN, PromptDetector
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


SUBMODE_PROMPTS = {
    "ios": ("R1#", "R1({tag})#"),
    "frr": ("R1#", "R1({tag})#"),
    "iosxr": ("RP/0/RP0/CPU0:R1#", "RP/0/RP0/CPU0:R1({tag})#"),
    "nxos": ("R1#", "R1({tag})#"),
    "huawei_vrp": ("<R1-a>", "[R1-a-{tag}]"),
    "sros": ("A:R1# ", "*A:R1>{tag}# "),
}
"""A prompt at the top, and how a sub-mode shows; the platforms with a path have no contexts."""


@pytest.mark.parametrize("platform", SUBMODE_PROMPTS)
def test_every_context_of_the_table_has_a_prompt_that_is_seen(platform: str, shipped: PolicyBundle) -> None:
    table = shipped.tables[platform]
    top, below = SUBMODE_PROMPTS[platform]
    tags = [
        (name, context.mode, tag.replace("*", "-x" if "(" in below else "0/0/1"))
        for name, context in table.spec.contexts.items()
        for tag in context.prompts
    ]
    assert tags or platform == "sros"
    for name, mode, tag in tags:
        detector = PromptDetector(load_definition(platform))
        detector.feed(top)
        found = detector.prompt()
        assert found is not None
        detector.learn(found, firm=True)
        detector.take()
        detector.feed(below.format(tag=tag))
        seen = detector.prompt()
        assert seen is not None, f"the prompt of {name} is not known: {tag}"
        assert (seen.mode, seen.tag) == (mode, tag)
        assert agrees(table, Position(platform, mode, name), Position(platform, seen.mode, seen.tag))


@pytest.mark.parametrize("platform", ["junos", "vyos", "edgeos", "routeros"])
def test_a_path_in_the_prompt_is_a_place_of_the_table(platform: str, shipped: PolicyBundle) -> None:
    table = shipped.tables[platform]
    mode, path = ("exec", "/ip/address") if platform == "routeros" else ("config", "interfaces")
    expected = Position(platform, mode, path)
    assert agrees(table, expected, Position(platform, mode, path))
    assert not agrees(table, expected, Position(platform, mode))
    assert not agrees(table, expected, Position(platform, mode, UNKNOWN))


def test_answers_of_the_tables_can_be_sent(shipped: PolicyBundle) -> None:
    for platform, table in shipped.tables.items():
        for row in table.spec.commands:
            for answer in row.prompts.values():
                if answer.startswith("@"):
                    assert answer == "@enable", platform
                else:
                    own_line(shipped, answer.rstrip("\r\n"), "answer")
