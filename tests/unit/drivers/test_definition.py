"""What `drivers/definition.py` promises."""

import re

import pytest
from netmiko.ssh_dispatcher import CLASS_MAPPER

from drivers.definition import load_definition, login_name, platforms, read_definition
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
    assert definition.line_end == ("\r" if platform == "routeros" else "\n")


def test_the_platforms_ship() -> None:
    assert set(platforms()) == {
        *(
            "bcm_cpe",
            "cwmp",
            "edgeos",
            "frr",
            "huawei_vrp",
            "ios",
            "iosxr",
            "junos",
            "linux",
            "nxos",
            "openwrt",
            "routeros",
        ),
        *("sros", "vyos"),
    }


@pytest.mark.parametrize("platform", platforms())
def test_netmiko_knows_the_device_type(platform: str) -> None:
    assert load_definition(platform).netmiko in CLASS_MAPPER


@pytest.mark.parametrize("platform", platforms())
def test_scripts_of_diagnostics_are_short(platform: str) -> None:
    count = len(load_definition(platform).diagnostics)
    assert platform == "linux" or 6 <= count <= 8


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
        ("junos", "admin@edge-1>", "exec", "admin@edge-1", None),
        ("junos", "admin@edge-1-re0#", "config", "admin@edge-1-re0", None),
        ("routeros", "[admin@MikroTik] >", "exec", "admin@MikroTik", None),
        ("routeros", "[admin@My home-1] /ip/address>", "exec", "admin@My home-1", "/ip/address"),
        ("routeros", "[admin@MikroTik] /ip address>", "exec", "admin@MikroTik", "/ip address"),
        ("routeros", "[admin@MikroTik] <SAFE>", "exec", "admin@MikroTik", None),
        ("routeros", "[admin@MikroTik] <SAFE> >", "exec", "admin@MikroTik", None),
        ("routeros", "[admin@MikroTik] /ip/address<SAFE>", "exec", "admin@MikroTik", "/ip/address"),
        ("vyos", "vyos@vyos:~$", "exec", "vyos@vyos", None),
        ("vyos", "vyos@vyos>", "exec", "vyos@vyos", None),
        ("vyos", "vyos@vyos#", "config", "vyos@vyos", None),
        ("edgeos", "ubnt@edge-1:~$", "exec", "ubnt@edge-1", None),
        ("huawei_vrp", "<core-1>", "exec", "core-1", None),
        ("huawei_vrp", "HRP_M<core>", "exec", "core", None),
        ("huawei_vrp", "[core]", "config", "core", None),
        ("huawei_vrp", "[~core-GigabitEthernet0/0/1.100]", "config", "core", "GigabitEthernet0/0/1.100"),
        ("huawei_vrp", "[*core-aaa]", "config", "core", "aaa"),
        ("cwmp", "home-1(tr181)>", "exec", "home-1", "tr181"),
        ("cwmp", "home-1(tr098)>", "exec", "home-1", "tr098"),
        ("bcm_cpe", " >", "exec", "", None),
        ("bcm_cpe", "HG8245>", "exec", "HG8245", None),
        ("sros", "A:pe-1#", "exec", "pe-1", None),
        ("sros", "*B:pe-1>show>router#", "exec", "pe-1", "show>router"),
        ("sros", "*A:pe-1>config>service>vprn$", "config", "pe-1", "config>service>vprn"),
        ("sros", "A:admin@pe-1#", "config", "admin@pe-1", None),
        ("iosxr", "RP/0/RSP0/CPU0:edge-1#", "privileged", "RP/0/RSP0/CPU0:edge-1", None),
        ("iosxr", "RP/0/RP0/CPU0:edge-1(config-if)#", "config", "RP/0/RP0/CPU0:edge-1", "config-if"),
        ("nxos", "edge-1#", "privileged", "edge-1", None),
        ("nxos", "edge-1(config-if-range)#", "config", "edge-1", "config-if-range"),
    ],
)
def test_prompts(platform: str, line: str, mode: str, host: str, tag: str | None) -> None:
    for spec in load_definition(platform).modes:
        match = re.fullmatch(spec.prompt, line)
        if match is not None:
            assert (spec.mode, match["host"], match.groupdict().get("tag")) == (mode, host, tag)
            return  # the first one that fits counts, but for those that a line before tells apart
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
        ("bcm_cpe", "#"),
        ("bcm_cpe", "~ #"),
        ("junos", "root@edge-1:RE:0%"),
        ("vyos", "root@vyos:~#"),
        ("routeros", "[admin@MikroTik] /ip> print>"),
        ("routeros", "new password>"),
        ("huawei_vrp", "core>"),
        ("iosxr", "edge-1#"),
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
        ('login_suffix: "+c\\n"', "control character"),
    ],
)
def test_faults_are_named(addition: str, message: str) -> None:
    with pytest.raises(DriverError, match=message):
        read_definition("thing.yaml", MINIMAL + addition)


def test_a_prompt_needs_a_host() -> None:
    with pytest.raises(DriverError, match="no group named host"):
        read_definition("thing.yaml", MINIMAL.replace("(?P<host>[a-z]+)", "[a-z]+"))


def test_one_line_of_a_prompt_names_the_place() -> None:
    two = MINIMAL.replace("[a-z]+)>'", r"[a-z]+)(?P<tag>x)>', banner: '\[(?P<tag>.*)\]'")
    with pytest.raises(DriverError, match="both have a group named tag"):
        read_definition("thing.yaml", two)
    with pytest.raises(DriverError, match="not a regular expression"):
        read_definition("thing.yaml", MINIMAL.replace(">'}", ">', banner: '['}"))


@pytest.mark.parametrize(
    ("platform", "user", "name"),
    [
        ("routeros", "admin", "admin+ct511w4098h"),
        ("routeros", "admin+c", "admin+c"),
        ("ios", "admin", "admin"),
        ("", "admin", "admin"),
    ],
)
def test_login_names(platform: str, user: str, name: str) -> None:
    assert login_name(platform, user) == name


def test_file_and_platform_have_one_name() -> None:
    assert read_definition("thing.yaml", MINIMAL).title == "A thing"
    with pytest.raises(DriverError, match="its own name"):
        read_definition("other.yaml", MINIMAL)


def test_a_definition_does_not_change() -> None:
    definition = load_definition("ios")
    with pytest.raises(ValueError, match="frozen"):
        definition.line_end = "\r"  # type: ignore[misc]
