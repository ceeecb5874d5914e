"""`vestibule policy`."""

import pytest

from gateway import exits
from gateway.cli.policy import typed_lines

HEAD = 'meta: {assumptions: {lan: ["192.168.1.0/24"]}}\nrows:\n'
ROW = "- {{id: {id}, platform: ios, mode: privileged, line: {line}, expect: {expect}, capability: {cap}}}\n"


def test_explain(vestibule):
    words = ("policy", "explain", "--platform", "ios", "--mode", "privileged", "sh ver")
    shown = vestibule(*words)
    assert shown.status == 0
    assert ["verdict", "allow"] in [line.split() for line in shown.out.splitlines()]
    assert "sends       show version" in shown.out
    found = vestibule(*words, "--json").json
    assert (found["verdict"], found["canonical"], found["capability"]) == ("allow", "show version", "diagnose.read")


def test_explain_in_a_context(vestibule):
    words = ("policy", "explain", "-p", "ios", "-m", "config", "-c", "interface Dialer2", "ip mtu 1492", "--json")
    assert vestibule(*words).json["verdict"] == "confirm"


def test_explain_a_refusal(vestibule):
    shown = vestibule("policy", "explain", "-p", "openwrt", "ssh 192.168.1.20")
    assert (shown.status, shown.out.split()[1]) == (0, "deny")
    assert "sends       nothing" in shown.out


def test_the_home_is_that_of_the_settings(vestibule, tmp_path):
    file = tmp_path / "v.toml"
    file.write_text('data_dir = "x"\n[policy]\napproved_dns = ["203.0.113.53"]\n')
    words = ("policy", "explain", "-p", "ios", "-m", "config", "ip name-server 203.0.113.53", "--json")
    with_settings, without = vestibule(*words, "--config", file).json, vestibule(*words).json
    assert (with_settings["verdict"], without["verdict"]) == ("sensitive", "deny")


def test_a_hostile_line_is_spelled_out(vestibule):
    shown = vestibule("policy", "explain", "-p", "ios", "show \x1b]0;x\x07")
    assert "\x1b" not in shown.out


@pytest.mark.parametrize(("option", "value"), [("--platform", "nonsense"), ("--mode", "nonsense")])
def test_what_there_is_instead(vestibule, option, value):
    given = {"--platform": "ios", "--mode": "exec", option: value}
    shown = vestibule("policy", "explain", *(part for pair in given.items() for part in pair), "x")
    assert shown.status == exits.USAGE
    assert "nonsense" in shown.err


def test_list(vestibule):
    found = vestibule("policy", "list", "--json").json
    assert {"openwrt", "ios", "frr"} <= {one["platform"] for one in found["platforms"]}
    assert found["digest"] in vestibule("policy", "list").out


def corpus(tmp_path, *rows):
    file = tmp_path / "corpus.yaml"
    file.write_text(
        HEAD + "".join(ROW.format(id=f"row-{n}", line=a, expect=b, cap=c) for n, (a, b, c) in enumerate(rows))
    )
    return file


def test_a_score_without_critical_errors(vestibule, tmp_path):
    file = corpus(tmp_path, ("show version", "allow", "diagnose.read"), ("telnet x", "allow", "x"))
    shown = vestibule("policy", "score", file)
    assert shown.status == 0
    assert shown.out.splitlines()[1].split()[:5] == ["ios", "2", "0", "1", "0"]
    assert "50.0%" in shown.out
    [platform] = vestibule("policy", "score", file, "--json").json["platforms"]
    assert platform["false_denial_share"] == 0.5


def test_one_critical_error_fails(vestibule, tmp_path):
    file = corpus(tmp_path, ("show version", "deny", "x"))
    shown = vestibule("policy", "score", file, "--details")
    assert shown.status == exits.FAILED
    assert "critical  ios row-0  show version  deny      allow" in shown.out


def test_one_platform_of_many(vestibule, tmp_path):
    file = corpus(tmp_path, ("show version", "deny", "x"))
    assert vestibule("policy", "score", file, "-p", "ios").status == exits.FAILED
    assert vestibule("policy", "score", file, "-p", "frr").status == exits.USAGE


def test_files_that_cannot_be_scored(vestibule, tmp_path):
    (tmp_path / "x.yaml").write_text("rows: [{id: 1")
    assert vestibule("policy", "score", tmp_path / "none.yaml").status == exits.USAGE
    shown = vestibule("policy", "score", tmp_path / "x.yaml")
    assert shown.status != 0
    assert "x.yaml" in shown.err


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("show version\r", ["show version"]),
        ("show versoi\x7f\x7fion\r", ["show version"]),
        ("a\rb\nc\r\n", ["a", "b", "c"]),
        ("show\x15telnet x\r", ["telnet x"]),
    ],
)
def test_lines_as_the_editor_submits_them(typed, lines):
    assert typed_lines(typed) == lines
