"""What `drivers/definition.py` promises."""

import re

import pytest

from drivers.definition import load_definition, platforms, read_definition
from drivers.errors import DriverError

MINIMAL = """
platform: thing
title: A thing
netmiko: thing
modes:
- {mode: exec, prompt: '(?P<host>[a-z]+)>'}
"""


@pytest.mark.parametrize("platform", platforms())
def test_every_shipped_definition_loads(platform: str) -> None:
    definition = load_definition(platform)
    assert definition.platform == platform
    assert definition.line_end == "\n"


def test_the_four_platforms_ship() -> None:
    assert {"frr", "ios", "linux", "openwrt"} <= set(platforms())


@pytest.mark.parametrize(
    ("platform", "line", "mode", "host", "tag"),
    [
        ("frr", "edge1#", "privileged", "edge1", None),
        ("frr", "edge1>", "exec", "edge1", None),
        ("frr", "edge1(config)#", "config", "edge1", "config"),
        ("frr", "edge1(config-if)#", "config", "edge1", "config-if"),
        ("frr", "edge1(config-route-map)#", "config", "edge1", "config-route-map"),
        ("ios", "R-1.lab(config-subif)#", "config", "R-1.lab", "config-subif"),
        ("ios", "R1>", "exec", "R1", None),
        ("openwrt", "root@OpenWrt:/#", "shell", "root@OpenWrt", None),
        ("openwrt", "root@OpenWrt:~#", "shell", "root@OpenWrt", None),
        ("openwrt", "/ #", "shell", "", None),
        ("openwrt", "~ #", "shell", "", None),
        ("openwrt", "/tmp #", "shell", "", None),
        ("linux", "user@host:~/a b$", "shell", "user@host", None),
        ("linux", "[user@host dir]$", "shell", "user@host", None),
        ("linux", "#", "shell", "", None),
    ],
)
def test_prompts(platform: str, line: str, mode: str, host: str, tag: str | None) -> None:
    for spec in load_definition(platform).modes:
        match = re.fullmatch(spec.prompt, line)
        if match is not None:
            assert (spec.mode, match["host"], match.groupdict().get("tag")) == (mode, host, tag)
            return
    pytest.fail("no mode matches")


@pytest.mark.parametrize(
    ("platform", "line"),
    [
        ("ios", "R1 #"),
        ("ios", "R1(config"),
        ("ios", "% Invalid input>"),
        ("frr", "edge1(config)# show"),
        ("openwrt", "root@OpenWrt"),
        ("openwrt", "total 12 #"),
        ("openwrt", "root@OpenWrt:/# ls /#"),
    ],
)
def test_no_prompts(platform: str, line: str) -> None:
    assert all(re.fullmatch(spec.prompt, line) is None for spec in load_definition(platform).modes)


def test_secrets_are_given_only_after_named_commands() -> None:
    for platform in platforms():
        for spec in load_definition(platform).subprompts:
            assert spec.secret is None or spec.after == "enable"


@pytest.mark.parametrize("name", ["junos9", "../ios", "", "ios\n", "IOS"])
def test_unknown_platform(name: str) -> None:
    with pytest.raises(DriverError, match="no platform named"):
        load_definition(name)


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("color: blue", "thing.yaml: color"),
        ("pagers: [{pattern: '(', answer: q}]", "not a regular expression"),
        ("pagers: [{pattern: 'x', answer: ''}]", "answer"),
        ("subprompts: [{pattern: 'x'}]", "one of answer, secret and cancel"),
        ("subprompts: [{pattern: 'x', answer: y, cancel: true}]", "one of answer, secret and cancel"),
        ("subprompts: [{pattern: 'x', secret: enable}]", "add after"),
        ('prepare: ["show clock\\nreload"]', "control character"),
        ('diagnostics: ["show version\\n"]', "control character"),
        ("diagnostics: [show version, 5]", "diagnostics.1"),
        (f"diagnostics: [{', '.join(['show version'] * 33)}]", "at most 32"),
        ("prepare: [", "not valid YAML"),
    ],
)
def test_faults_are_named(addition: str, message: str) -> None:
    with pytest.raises(DriverError, match=message):
        read_definition("thing.yaml", MINIMAL + addition)


def test_a_prompt_needs_a_host() -> None:
    with pytest.raises(DriverError, match="no group named host"):
        read_definition("thing.yaml", MINIMAL.replace("(?P<host>[a-z]+)", "[a-z]+"))


def test_file_and_platform_have_one_name() -> None:
    assert read_definition("thing.yaml", MINIMAL).title == "A thing"
    with pytest.raises(DriverError, match="its own name"):
        read_definition("other.yaml", MINIMAL)


def test_a_definition_does_not_change() -> None:
    definition = load_definition("ios")
    with pytest.raises(ValueError, match="frozen"):
        definition.line_end = "\r"  # type: ignore[misc]
