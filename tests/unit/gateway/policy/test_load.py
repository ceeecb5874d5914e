"""What `gateway/policy/load.py` promises."""

from pathlib import Path
from types import MappingProxyType

import pytest

from gateway.policy.decide import decide
from gateway.policy.errors import PolicyError
from gateway.policy.load import compile_bundle, load_bundle, parse_yaml, read_files
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE, failures
from gateway.policy.verdict import Allow, Position

Texts = MappingProxyType[str, bytes]


def test_a_directory_of_tables_becomes_a_bundle(tmp_path: Path, texts: Texts) -> None:
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_bytes(text)
    (tmp_path / "notes.txt").write_text("not a table")
    bundle = load_bundle(tmp_path)
    assert list(bundle.tables) == ["ios", "openwrt"]
    assert bundle.digest == compile_bundle({f"{n}.yaml": t for n, t in texts.items()}).digest
    assert len(bundle.digest) == 64


def test_every_byte_counts_for_the_digest(texts: Texts) -> None:
    one = compile_bundle({"ios.yaml": texts["ios"]})
    other = compile_bundle({"ios.yaml": texts["ios"] + b"# more\n"})
    assert one.digest != other.digest


def test_an_empty_or_missing_directory_is_no_policy(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(PolicyError, match=r"no policy table|does not exist"):
            load_bundle(directory)


def test_an_unreadable_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "ios.yaml").mkdir()
    with pytest.raises(PolicyError, match="cannot be read"):
        load_bundle(tmp_path)


def test_the_file_is_named_after_the_platform(texts: Texts) -> None:
    with pytest.raises(PolicyError, match=r"name the file ios\.yaml"):
        compile_bundle({"cisco.yaml": texts["ios"]})


def test_a_key_written_twice_is_a_mistake() -> None:
    with pytest.raises(PolicyError, match=r"x\.yaml: line 1 a key is written twice"):
        parse_yaml("x.yaml", b"a: 1\na: 2\n")


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"!!python/object/apply:os.system [id]"])
def test_what_is_not_plain_yaml_is_refused(content: bytes) -> None:
    with pytest.raises(PolicyError, match=r"x\.yaml:.*correct the YAML"):
        parse_yaml("x.yaml", content)


def test_words_of_routers_stay_words() -> None:
    assert parse_yaml("x", b"[on, off, yes, No, Null, null, true, 5]") == [
        "on",
        "off",
        "yes",
        "No",
        "Null",
        "null",
        True,
        5,
    ]


def test_the_table_of_cwmp_brings_its_rows_words_and_machine_profile(tmp_path: Path) -> None:
    files = read_files()
    beside = {"cwmp-params.yaml", "cwmp-words.yaml", "cwmp-machine.yaml"}
    assert beside <= set(files)
    own = {name: files[name] for name in (*beside, "cwmp.yaml")}
    whole = compile_bundle(own)
    assert list(whole.tables) == ["cwmp"]
    for name in beside:
        assert compile_bundle(own | {name: own[name] + b"\n# changed\n"}).digest != whole.digest
        with pytest.raises(PolicyError, match=f"{name} is missing"):
            compile_bundle({other: text for other, text in own.items() if other != name})
    (tmp_path / "ios.yaml").write_bytes(files["ios.yaml"])
    assert set(read_files(tmp_path)) == {"ios.yaml"}


@pytest.mark.parametrize("name", ["cwmp-params.yaml", "cwmp-words.yaml", "cwmp-machine.yaml"])
def test_wrong_files_of_cwmp_are_named(name: str) -> None:
    files = {file: text for file, text in read_files().items() if file.startswith("cwmp")}
    for content in (b"[", b"rows: 3", b"\xff"):
        with pytest.raises(PolicyError, match=name):
            compile_bundle(files | {name: content})


def test_a_site_switches_commands_of_cwmp_off() -> None:
    files = {file: text for file, text in read_files().items() if file.startswith("cwmp")}
    overlay = b"""
overlay: cwmp
refuse:
- {cmd: [reboot, set wifi password, diagnose upload], say: "Second line only."}
tests:
- {line: reboot, deny: unknown}
- {line: "set wifi 5ghz password 'blue horse 9'", in: exec, context: tr181, deny: unknown}
"""
    bundle = compile_bundle(files | {"cwmp+tier1.yaml": overlay})
    assert failures(bundle) == []
    for line, goes in {
        "reboot": False,
        "REBOOT": False,
        "diagnose upload http://speed.isp.example/": False,
        "set wifi channel 6": True,
        "diagnose ping 9.9.9.9": True,
    }.items():
        verdict = decide(bundle, TEST_SITE, Position("cwmp", "exec", "tr181"), line, EVERYTHING, NOW)
        assert isinstance(verdict, Allow) == goes, line
    for wrong in (b"overlay: cwmp\nadd:\n- {cmd: [x], cap: diagnose.read}\n",
                  b"overlay: cwmp\nrefuse:\n- {cmd: [get Device.WiFi.]}\n"):  # fmt: skip
        with pytest.raises(PolicyError, match=r"cwmp\+tier1\.yaml"):
            compile_bundle(files | {"cwmp+tier1.yaml": wrong})


def test_a_bundle_that_keeps_no_table_judges_as_one_that_does(texts: Texts) -> None:
    files = {f"{name}.yaml": text for name, text in texts.items()}
    kept, lean = compile_bundle(files), compile_bundle(files, keep=False)
    assert (kept.tables.at_hand, lean.tables.at_hand) == (frozenset(texts), frozenset())
    assert lean.digest == kept.digest
    assert list(lean.tables) == list(kept.tables)
    assert (len(lean.tables), "ios" in lean.tables, "junos" in lean.tables) == (len(kept.tables), True, False)
    assert lean.tables.get("junos") is None
    assert lean.tables.at_hand == frozenset()
    position = Position("ios", "exec")
    for line in ("show version", "sh ver", "configure replace x", "nonsense"):
        judged = [decide(bundle, TEST_SITE, position, line, EVERYTHING, NOW) for bundle in (kept, lean)]
        assert judged[0] == judged[1], line
    assert lean.tables.at_hand == {"ios"}
    assert lean.tables["ios"] is lean.tables["ios"]
    kept.tables.put_away(but={"ios"})
    assert kept.tables.at_hand == {"ios"}


def test_a_wrong_table_is_refused_whether_it_is_kept_or_not(texts: Texts) -> None:
    wrong = {"ios.yaml": texts["ios"].replace(b"platform: ios", b"platform: ios\nnonsense: 1")}
    for keep in (True, False):
        with pytest.raises(PolicyError, match=r"ios\.yaml"):
            compile_bundle(wrong, keep=keep)
