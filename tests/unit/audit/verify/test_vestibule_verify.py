"""The single file: on its own, under every Python there is, on hostile input; and at one with the gateway's code."""

import ast
import asyncio
import http.server
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.encoding import decode, encode
from audit.entry import Compartment, Kind, NewEntry
from audit.erased import month_of
from audit.errors import BadEntry
from audit.leaf import build, commit, parse
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import Tree, leaf_hash
from audit.tlog.note import SigningKey, sign_note
from audit.tlog.policy import Policy
from audit.tlog.proof import TlogProof
from audit.verify import vestibule_verify as single
from audit.verify.chains import ChainCheck
from config.counting import counted, entries
from config.ids import new_id
from tests.bundles import Desk, court, record

FILE = Path(single.__file__)
NOW = "1800000000"


def run(*arguments, python=sys.executable, cwd=None, flags=("-I",)):
    """The file as a person runs it."""
    command = [python, *flags, str(FILE), *map(str, arguments)]
    with tempfile.TemporaryDirectory() as elsewhere:  # where counter-evidence goes, if a test does not look at it
        done = subprocess.run(
            command, cwd=cwd or elsewhere, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False
        )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in out + err
    return done.returncode, out, err


@pytest.fixture
def log(scene, witnessed):
    async def write():
        journal = scene.open()
        for _ in range(2):
            await scene.story(journal, commands=2)
        journal.close()

    asyncio.run(write())
    witnessed.cosign()
    return witnessed


@pytest.fixture
def bundle(scene, clock, tmp_path):
    async def make():
        journal = scene.open()
        made = await record(journal, clock, commands=14, output="\x1b]0;owned\x07")
        desk = Desk(journal, clock)
        return await desk.bundle(court([made.session], "act,out,rec")), desk.policy

    data, policy = asyncio.run(make())
    (tmp_path / "b.zip").write_bytes(data)
    (tmp_path / "p.txt").write_text(policy)
    return tmp_path


# --- where it runs ----------------------------------------------------------------------------------------------------


def test_it_imports_nothing_but_the_standard_library():
    tree = ast.parse(FILE.read_text(), feature_version=(3, 9))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add((node.module or "").partition(".")[0])
    assert found - sys.stdlib_module_names == {"cryptography"}  # ML-DSA-44, if it is there
    top = {name for node in tree.body if isinstance(node, ast.ImportFrom | ast.Import) for name in _names(node)}
    assert top <= sys.stdlib_module_names


def _names(node):
    modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return [module.partition(".")[0] for module in modules]


PYTHONS = sorted(Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python"))
OTHERS = [path for path in PYTHONS if int(path.parts[-3].split(".")[1]) >= 9] + [
    path for path in (Path("/usr/bin/python3"), Path("/usr/bin/pypy3")) if path.exists()
]


@pytest.mark.parametrize("python", [sys.executable, *map(str, OTHERS)])
def test_every_python_from_3_9_on_comes_to_the_same_result(log, python, tmp_path):
    status, out, err = run(log.log, "--policy", log.policy_file, "--now", NOW, python=python)
    assert (status, err) == (0, "")
    assert "4 commands in 2 sessions, 2 of them complete" in out.splitlines()[-1]
    assert "witnessed by 1" in out.splitlines()[-1]
    tile = max((log.log / "tile/0/000.p").iterdir(), key=lambda path: int(path.name))
    tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
    assert run(log.log, "--policy", log.policy_file, "--now", NOW, python=python, cwd=tmp_path)[0] == 1


@pytest.mark.parametrize("python", [sys.executable, *map(str, OTHERS)])
def test_every_python_verifies_a_bundle(bundle, python):
    status, out, err = run("b.zip", "--policy", "p.txt", python=python, cwd=bundle)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].startswith("verified: 14 commands in 1 session, 1 of them complete")
    data = bytearray((bundle / "b.zip").read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / "b.zip").write_bytes(data)
    assert run("b.zip", "--policy", "p.txt", python=python, cwd=bundle)[0] == 1


# --- command line -----------------------------------------------------------------------------------------------------


def test_it_says_what_it_saw(log, tmp_path):
    status, out, _ = run(log.log, "--policy", log.policy_file, "--now", NOW, cwd=tmp_path)
    assert status == 0
    for begin in ("input", "policy", "log", "checkpoint", "root", "signed by", "witnesses", "quorum", "entries", "gaps",
        "sessions", "commands", "clock", "erased", "not checked", "verified: "):  # fmt: skip
        assert any(line.startswith(begin) for line in out.splitlines()), begin
    assert "0 s ago" in out
    assert list(tmp_path.iterdir()) == []
    status, out, _ = run(log.log, "--policy", log.policy_file, "--now", NOW, "--json")
    found = json.loads(out)
    assert (found["result"], found["commands"], found["quorum_age"]) == ("verified", 4, 0)


@pytest.mark.parametrize("where", ["log", "evidence", "data"])
def test_places_of_a_log(log, where):
    place = {"log": log.log, "evidence": log.scene.directory, "data": log.scene.directory.parent}[where]
    assert run(place, "--policy", log.policy_file, "--now", NOW)[0] == 0


def test_age_key_and_since(log, tmp_path):
    options = (log.log, "--policy", log.policy_file)
    later = ("--now", int(NOW) + 7200)
    assert run(*options, *later, "--max-age", "3h")[0] == 0
    status, out, _ = run(*options, *later, "--max-age", "15m")
    assert status == 2
    assert "more than the 15 min allowed" in out
    assert run(*options, "--now", 1_000_000_000)[0] == 2  # a cosignature from the future is none
    assert run(log.log, "--key", log.scene.public_key)[0] == 0
    assert run(log.log, "--key", log.scene.public_key, "--max-age", "1d")[0] == 2
    assert run(*options, "--now", NOW, "--since", log.scene.directory / "checkpoint")[0] == 2  # that has no witness
    assert run(log.log, "--key", log.scene.public_key, "--since", log.log / "checkpoint")[0] == 0
    for wrong in (("--max-age", "soon"), ("--now", "x"), ("--since", tmp_path / "none"), ("--since", FILE), ("--odd",)):
        status, out, err = run(*options, *wrong)
        assert (status, out) == (3, ""), wrong
        assert err.startswith("vestibule-verify: "), wrong


def test_usage(log, bundle):
    for arguments in (
        (),
        (log.log,),
        (log.log, "--policy", log.policy_file, "--key", log.scene.public_key),
        (log.log, "--policy", bundle / "none"),
        (log.log, "--policy", FILE),
        (log.log, "--trust-own-policy"),
        (bundle / "none", "--policy", log.policy_file),
        (FILE, "--policy", log.policy_file),
        (FILE.parent, "--policy", log.policy_file),
        ("http://[bad", "--policy", bundle / "none"),
    ):
        assert run(*arguments)[0] == 3, arguments


def test_counter_evidence_names_both_statements(log, tmp_path):
    entries = max((log.log / "tile/entries/000.p").iterdir(), key=lambda path: int(path.name))
    data = entries.read_bytes()
    entries.write_bytes(data.replace(b'"minutes":30', b'"minutes":90', 1))
    options = (log.log, "--policy", log.policy_file, "--now", NOW)
    status, out, _ = run(*options, cwd=tmp_path)
    assert status == 1
    assert "CONTRADICTION" in out.splitlines()[-1]
    found = json.loads((tmp_path / "counter-evidence.json").read_text())
    assert len(found["statements"]) == 2
    assert "hashes" in found["contradiction"] or "differs" in found["contradiction"]
    assert found["by_hand"]
    assert run(*options, cwd=tmp_path)[0] == 1
    assert (tmp_path / "counter-evidence-2.json").exists()  # nothing is written over
    assert run(*options, "--counter-evidence", tmp_path / "named.json", cwd=tmp_path)[0] == 1
    assert json.loads((tmp_path / "named.json").read_text())["place"]


def test_own_policy_is_said_loudly(bundle):
    status, out, _ = run("b.zip", "--trust-own-policy", cwd=bundle)
    assert status == 0
    assert "THE EVIDENCE'S OWN" in out
    assert out.splitlines()[-1].endswith("BY ITS OWN POLICY")


def test_a_bundle_shows_its_commands_and_its_directory_is_the_same(bundle):
    status, out, _ = run("b.zip", "--policy", "p.txt", cwd=bundle)
    assert status == 0
    assert sum("  allow    show xyzzy-interface" in line for line in out.splitlines()) == 14
    shutil.unpack_archive(bundle / "b.zip", bundle / "b")
    again = run("b", "--policy", "p.txt", cwd=bundle)
    assert (again[0], again[1].splitlines()[-1]) == (0, out.splitlines()[-1])
    packed = shutil.make_archive(str(bundle / "packed"), "zip", bundle / "b")
    status, out, _ = run(packed, "--policy", "p.txt", cwd=bundle)
    assert status == 1
    assert "packed again" in out


def test_a_proof(log, tmp_path):
    heads = [entry.head_bytes for entry in log.scene.opened[0].reader().entries()]
    tree = Tree(map(leaf_hash, heads))
    note = (log.log / "checkpoint").read_bytes()
    proof = TlogProof(3, b"", tuple(tree.inclusion(3, len(heads))), note)
    (tmp_path / "3.tlog-proof").write_bytes(proof.encode())
    (tmp_path / "3.json").write_bytes(heads[3])
    (tmp_path / "4.json").write_bytes(heads[4])
    options = ("3.tlog-proof", "--policy", log.policy_file, "--now", NOW)
    status, out, _ = run(*options, "--entry", "3.json", cwd=tmp_path)
    assert status == 0
    assert "proved to stand in the log" in out
    assert run(*options, "--entry", "4.json", cwd=tmp_path)[0] == 1
    assert run(*options, cwd=tmp_path)[0] == 2
    carrying = TlogProof(3, heads[3], proof.path, note)
    (tmp_path / "3.tlog-proof").write_bytes(carrying.encode())
    assert run(*options, cwd=tmp_path)[0] == 0
    assert run(*options, "--entry", "4.json", cwd=tmp_path)[0] == 1


def test_a_log_over_http(log):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(log.log))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        options = ("--policy", log.policy_file, "--now", NOW)
        assert run(url, *options)[0] == 0
        tile = max((log.log / "tile/entries/000.p").iterdir(), key=lambda path: int(path.name))
        data = tile.read_bytes()
        tile.unlink()
        status, out, _ = run(url, *options)
        assert status == 2
        assert "entries 0 to" in out
        tile.write_bytes(data + bytes(20_000_000))
        assert run(url, *options)[0] == 1
        server.shutdown()
    assert run(url, *options)[0] == 2


# --- hostile input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 100,
        b"\n\n\n",
        b"x\n1\n" + b"A" * 43 + b"=\n\n",
        b"logs.isp/x\n99999999999999999999\n" + b"A" * 43 + b"=\n\n\xe2\x80\x94 logs.isp/x AAAAAAAA\n",
        b"\xe2\x80\x94 " * 100_000,
        b"a" * 2_000_000,
    ],
)
def test_checkpoints_that_are_none(log, data):
    (log.log / "checkpoint").write_bytes(data)
    assert run(log.log, "--policy", log.policy_file)[0] == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("manifest.json", b"[" * 1_000_000),
        ("manifest.json", b'{"files":' + b'{"a":' * 100_000),
        ("manifest.json", b"9" * 1_000_000),
        ("manifest.json", b"{}"),
        ("manifest.json", b'{"files":{"../../etc/passwd":"x"},"v":1}'),
        ("manifest.json", b'{"custody":7,"files":{},"left_out":[1],"origin":[],"sessions":{},"v":1}'),
        ("manifest.note", b"x"),
        ("custody.json", b'{"entry":999999999999999999999999}'),
        ("custody.json", b'{"entry":"1"}'),
        ("checkpoint", b"\0"),
        ("policy.txt", b"quorum none\n"),
    ],
)
def test_bundles_with_files_that_are_none(bundle, name, data):
    shutil.unpack_archive(bundle / "b.zip", bundle / "b")
    (bundle / "b" / name).write_bytes(data)
    status, out, _ = run("b", "--policy", "p.txt", cwd=bundle)
    assert status == 1, out
    assert "not foreseen" not in out


def test_random_files_never_end_in_a_traceback(bundle, run_single):
    """Every file of a bundle replaced by something of the right sort and the wrong sense."""
    shutil.unpack_archive(bundle / "b.zip", bundle / "b")
    randomness = random.Random(9)
    values = [None, True, -1, 2**53, "", "x" * 100, [], {}, [[]], {"content": 1, "salt": 2}, {"chunks": [{}]}, 1.5]
    paths = sorted((bundle / "b").rglob("*.json"))
    for path in paths:
        data = path.read_bytes()
        value = json.loads(data)
        for _ in range(30 if path.name in ("manifest.json", "custody.json") else 1):
            changed = json.loads(data)
            spot = randomness.choice(sorted(value)) if value else "x"
            changed[spot] = randomness.choice(values)
            path.write_bytes(json.dumps(changed, sort_keys=True, separators=(",", ":")).encode())
            if changed == value and type(changed.get(spot)) is type(value.get(spot)):
                continue
            status, out = run_single(bundle / "b", "--policy", bundle / "p.txt")
            assert status in {1, 2}, (path, changed)
            assert "not foreseen" not in out, (path, changed)
        path.write_bytes(data)


def test_links_and_odd_names_are_refused(bundle):
    shutil.unpack_archive(bundle / "b.zip", bundle / "b")
    (bundle / "b" / "link").symlink_to("/etc/passwd")
    assert run("b", "--policy", "p.txt", cwd=bundle)[0] == 1
    (bundle / "b" / "link").unlink()
    (bundle / "b" / "\x1b[2Jodd").write_bytes(b"")
    status, out, _ = run("b", "--policy", "p.txt", cwd=bundle)
    assert status == 1
    assert "\x1b" not in out


def test_disclosed_text_cannot_act_on_a_terminal():
    assert single.visible("\x1b]0;x\x07\u202eab\u200b\r\n\\") == "\\x1b]0;x\\x07\\u{202e}ab\\u{200b}\\x0d\\x0a\\\\"
    assert single.visible("grüße 世界") == "grüße 世界"
    assert len(single.visible("a" * 10_000)) < 400


# --- Ed25519 ----------------------------------------------------------------------------------------------------------


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_ed25519_accepts_what_was_signed(seed, message):
    key = SigningKey("x", seed)
    signature = key.sign(message)
    assert single.ed25519_verify(key.verifier.public, message, signature)
    for changed in (message + b"x", b"x" + message):
        assert not single.ed25519_verify(key.verifier.public, changed, signature)
    s = int.from_bytes(signature[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    assert not single.ed25519_verify(key.verifier.public, message, signature[:32] + s.to_bytes(32, "little"))
    assert not single.ed25519_verify(key.verifier.public, message, signature[:63])


def test_ed25519_refuses_keys_that_sign_everything():
    """Small order, and encodings that are not canonical."""
    torsion = [
        bytes([1]) + bytes(31),
        bytes(32),
        bytes(31) + b"\x80",
        bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes([1]) + bytes(30) + b"\x80",
    ]
    for key in torsion:
        for r in torsion:
            assert not single.ed25519_verify(key, b"anything", r + bytes(32))
        with pytest.raises(single.Broken):
            single.parse_key(str(single.Key("x", 1, key)))


def test_ed25519_vector_of_rfc_8032():
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert single.ed25519_verify(public, b"\xaf\x82", signature)
    assert not single.ed25519_verify(public, b"\xaf\x83", signature)


# --- at one with the gateway's code -----------------------------------------------------------------------------------


def test_the_same_vocabulary():
    assert {kind.value for kind in Kind} == single.KINDS
    assert set(single.COMPARTMENTS) == set(Compartment.__args__)


@given(st.text(max_size=30), st.binary(min_size=32, max_size=32))
def test_the_same_commitments_and_months(text, salt):
    content = encode({"typed": text.encode("utf-8", "replace").decode()})
    assert single.canonical_b64(single.commitment("act", content, salt), "x") == commit("act", content, salt)
    ulid = new_id()
    assert single.month_of(ulid) == month_of(ulid)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_it_counts_as_the_gateway_does(number):
    assert single.counted(number, "session") == counted(number, "session")
    assert single.counted(number, "entry", "entries") == entries(number)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(JSON)
def test_the_same_canonical_json(value):
    for data in (
        json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "replace"),
        json.dumps(value).encode(),
    ):
        try:
            wanted = decode(data)
        except BadEntry:
            with pytest.raises(single.Broken):
                single.canonical(data, "it")
        else:
            assert single.canonical(data, "it") == wanted


async def test_the_same_findings_in_sequences_no_journal_would_write(scene):
    """Heads shuffled, dropped, repeated and re-timed: both replays see a contradiction at the same entries."""
    journal = scene.in_memory()
    for closing in (Kind.SESSION_KILLED, None, Kind.SESSION_FROZEN):
        session, consent = await scene.story(journal, commands=2, close=False)
        if closing is not None:
            await journal.append(NewEntry(kind=closing, session=session))
        await scene.close(journal, session)
        await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent, retention="consent"))
    heads = [decode(entry.head_bytes) for entry in journal.reader().entries()]
    randomness = random.Random(3)
    for _ in range(400):
        values = [dict(value) for value in heads]
        for _ in range(randomness.randrange(1, 4)):
            _disturb(values, randomness)
        ours, theirs, found = ChainCheck(), single.Replay(True), []
        for index, value in enumerate(values):
            data = encode(value)
            mine = {severity for severity, _ in ours.feed(index, parse(data), leaf_hash(data))}
            other = {severity for severity, _ in theirs.feed(single.parse_head(index, data))}
            assert mine == other, (index, value)
            found += mine
        checks = ours.sessions()
        assert [(one.session, one.complete, one.commands) for one in checks] == [
            (one.id, one.complete, one.commands) for one in theirs.sessions.values()
        ]


def _disturb(values, randomness):
    at, other = randomness.randrange(len(values)), randomness.randrange(len(values))
    what = randomness.randrange(6)
    if what == 0:
        del values[at]
    elif what == 1:
        values[at], values[other] = values[other], values[at]
    elif what == 2:
        values.insert(at, dict(values[other]))
    elif what == 3:
        values[at]["gen"] = randomness.randrange(4)
    elif what == 4:
        values[at]["w"] = randomness.choice(["main/0", "main/1", "other/0"])
    else:
        values[at]["tm"] = randomness.randrange(10)


def test_the_same_judgement_of_policies():
    """Groups, quorums and times: random policies and cosigners."""
    randomness = random.Random(4)
    log = SigningKey("logs.x/1", bytes(32))
    text = f"logs.x/1\n1\n{'A' * 43}=\n"
    witnesses = [CosigningKey(f"w{n}", bytes([n + 1]) * 32) for n in range(5)]
    for _ in range(60):
        lines, open_names = [f"log {log.verifier}"], []
        for number, witness in enumerate(witnesses):
            lines.append(f"witness n{number} {witness.verifier}")
            open_names.append(f"n{number}")
        for number in range(randomness.randrange(3)):
            members = randomness.sample(open_names, randomness.randrange(1, len(open_names) + 1))
            need = randomness.choice(["any", "all", str(randomness.randrange(1, len(members) + 1))])
            lines.append(f"group g{number} {need} {' '.join(members)}")
            open_names = [name for name in open_names if name not in members] + [f"g{number}"]
        lines.append(f"quorum {randomness.choice([*open_names, 'none'])}")
        policy = "\n".join(lines) + "\n"
        note = sign_note(text, log).encode()
        for witness in witnesses:
            if randomness.random() < 0.6:
                note += witness.cosign(text, randomness.randrange(1, 2000)).line().encode()
        ours = Policy.parse(policy).judge(note, 1500.0)
        theirs = single.Policy.parse(policy.encode()).judge(note, 1500.0)
        assert (theirs.quorum, theirs.quorum_time) == (ours.quorum, ours.quorum_time), policy
        assert set(theirs.cosigned) == set(ours.cosigned)


async def test_the_same_heads(scene):
    journal = scene.in_memory()
    await scene.story(journal)
    for entry in journal.reader().entries():
        head = single.parse_head(entry.index, entry.head_bytes)
        assert (head.k, head.leaf, head.number) == (
            entry.kind.value,
            entry.leaf_hash,
            entry.index if entry.n is None else entry.n,
        )
        assert build(entry.head) == entry.head_bytes
