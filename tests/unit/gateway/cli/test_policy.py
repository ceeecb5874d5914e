"""`vestibule policy`."""

import json
from pathlib import Path

import pytest

from gateway import exits
from gateway.cli.policy import typed_lines

REFERENCE = Path(__file__).parents[4] / "docs" / "reference"
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


OVERLAY = """overlay: frr
add: [{in: [privileged], cap: diagnose.read, cmd: ["show boardtype"]}]
refuse: [{in: [privileged], cmd: ["show version"]}]
tests: [{line: "show boardtype", cap: diagnose.read}, {line: "show version", deny: true}]
"""


@pytest.fixture
def overlays(tmp_path):
    folder = tmp_path / "overlays"
    folder.mkdir()
    (folder / "frr+tier1.yaml").write_text(OVERLAY)
    file = tmp_path / "v.toml"
    file.write_text(f'data_dir = "{tmp_path}/data"\n[policy]\noverlays = "{folder}"\n')
    return folder, file


def test_overlays_of_the_settings_count(vestibule, overlays):
    _, settings = overlays
    words = ("policy", "explain", "-p", "frr", "-m", "privileged", "--json")
    assert vestibule(*words, "show boardtype", "--config", settings).json["rule"] == "frr.+tier1.1.1"
    assert vestibule(*words, "show version", "--config", settings).json["verdict"] == "deny"
    assert vestibule(*words, "show version").json["verdict"] == "allow"


def test_lint_names_what_is_wrong_and_where(vestibule, overlays):
    folder, _ = overlays
    clean = vestibule("policy", "lint", folder, "-p", "frr")
    assert "tier1" not in clean.out
    (folder / "frr+tier1.yaml").write_text(OVERLAY.replace("deny: true", "cap: diagnose.read"))
    wrong = vestibule("policy", "lint", folder, "-p", "frr")
    assert wrong.status == exits.FAILED
    assert "frr+tier1.yaml, tests row 2" in wrong.out
    found = vestibule("policy", "lint", folder, "-p", "frr", "--json").json
    assert [one["where"] for one in found if one["kind"] == "test"] == ["frr+tier1.yaml, tests row 2"]


def test_lint_counts_a_corpus_as_tests(vestibule, tmp_path):
    def untested(*more):
        found = vestibule("policy", "lint", "-p", "frr", "--json", *more).json
        return [one for one in found if one["kind"] == "untested"]

    rows = tmp_path / "rows.yaml"
    rows.write_text("""rows:
- {id: a, platform: frr, mode: privileged, line: "show version", expect: allow}
""")
    assert len(untested()) >= len(untested("--corpus", rows)) > 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("lint", "-p", "amiga"), "no table for platform"),
        (("lint", "nowhere"), "does not exist"),
        (("lint", "--corpus", "nowhere.yaml"), "cannot be read"),
        (("show", "xyz"), "hexadecimal"),
    ],
)
def test_what_is_asked_for_in_vain(vestibule, overlays, words, sentence):
    shown = vestibule("policy", *words, "--config", overlays[1])
    assert shown.status != exits.OK
    assert sentence in shown.err


def test_a_kept_policy_is_shown(vestibule, overlays, tmp_path):
    _, settings = overlays
    kept = tmp_path / "data" / "evidence" / "policies" / ("ab12" * 16)
    kept.mkdir(parents=True)
    (kept / "ios.yaml").write_text("platform: ios\n")
    assert vestibule("policy", "show", "ab12ab12", "--config", settings).out.split() == [
        "policy",
        "ab12" * 16,
        "ios.yaml",
    ]
    assert vestibule("policy", "show", "ab12ab12", "--file", "ios.yaml", "--config", settings).out == "platform: ios\n"
    assert vestibule("policy", "show", "ab12ab12", "--file", "x.yaml", "--config", settings).status == exits.USAGE
    assert vestibule("policy", "show", "ffffffff", "--config", settings).status == exits.USAGE


def test_the_schemas_name_every_capability(vestibule):
    table = vestibule("policy", "schema").json
    overlay = vestibule("policy", "schema", "--overlay").json
    assert "diagnose.read" in table["$defs"]["RowSpec"]["properties"]["cap"]["enum"]
    assert set(overlay["properties"]) == {"overlay", "title", "types", "add", "refuse", "tests"}
    for kind, schema in (("table", table), ("overlay", overlay)):
        assert json.loads((REFERENCE / f"policy-{kind}.schema.json").read_text()) == schema, "run scripts/generate"
