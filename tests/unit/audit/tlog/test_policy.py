"""Trust policies: the specification's example, every rule of the file form, and what is judged to be enough."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import leaf_hash
from audit.tlog.note import Signature, SigningKey, VerifierKey, sign_note
from audit.tlog.policy import AHEAD_SECONDS, Group, KnownLog, Policy, Witness

LOG = SigningKey("logs.example/1", bytes(range(32)))
LOG_PQ = CosigningKey("logs.example/1", bytes(range(1, 33)), 0x06)
CHECKPOINT = Checkpoint("logs.example/1", 7, leaf_hash(b"root"))
NAMES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
KEYS = {
    name: CosigningKey(f"witness.example/{name}", bytes([number]) * 32, 0x04 + 2 * (number % 2))
    for number, name in enumerate(NAMES)
}
V = {name: str(key.verifier) for name, key in KEYS.items()}
EXAMPLE = f"""
log {LOG.verifier}

witness X1 {V["X1"]}
witness X2 {V["X2"]}
witness X3 {V["X3"]}
group X-witnesses 2 X1 X2 X3

witness Y1 {V["Y1"]}
witness Y2 {V["Y2"]}
witness Y3 {V["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def signed(*cosigned, log=LOG, times=None):
    times = times or {}
    note = sign_note(CHECKPOINT.text(), log)
    more = [KEYS[name].cosign(CHECKPOINT.text(), times.get(name, 1000)) for name in cosigned]
    return note.with_signatures(*more).encode()


# --- judging --------------------------------------------------------------------------------------------------------


def test_the_example_of_the_specification_with_every_set_of_witnesses():
    policy = Policy.parse(EXAMPLE)
    for count in range(7):
        for cosigned in combinations(NAMES, count):
            enough = len({"X1", "X2", "X3"} & set(cosigned)) >= 2 and bool({"Y1", "Y2", "Y3"} & set(cosigned))
            assert policy.satisfied_by(set(cosigned).__contains__) == enough
    assert policy.judge(signed("X1", "X3", "Y2")).quorum
    assert not policy.judge(signed("X1", "Y1", "Y2", "Y3")).quorum


def test_who_signed_and_when_and_how_old_the_quorum_is():
    policy = Policy.parse(EXAMPLE)
    times = {"X1": 100, "X2": 400, "X3": 300, "Y1": 200, "Y3": 50}
    found = policy.judge(signed(*times, times=times))
    assert found.log_key == LOG.verifier
    assert found.checkpoint == CHECKPOINT
    assert found.cosigned == (("X1", 100), ("X2", 400), ("X3", 300), ("Y1", 200), ("Y3", 50))
    assert found.quorum
    assert found.quorum_time == 200  # X2, X3 and Y1 cosigned at 200 or later; nobody of the Ys did after it
    assert policy.judge(signed("X1", "X2", times=times)).quorum_time is None


def test_the_newest_cosignature_of_a_witness_counts():
    policy = Policy.parse(f"log {LOG.verifier}\nwitness X1 {V['X1']}\nquorum X1\n")
    text = CHECKPOINT.text()
    note = sign_note(text, LOG).with_signatures(*(KEYS["X1"].cosign(text, time) for time in (5, 9, 7)))
    assert policy.judge(note.encode()).cosigned == (("X1", 9),)


def test_a_cosignature_from_the_future_does_not_count_where_the_time_is_known():
    policy = Policy.parse(f"log {LOG.verifier}\nwitness X1 {V['X1']}\nquorum X1\n")
    note = signed("X1", times={"X1": 10_000})
    assert policy.judge(note).quorum
    assert policy.judge(note, 10_000 - AHEAD_SECONDS).quorum
    late = policy.judge(note, 10_000 - AHEAD_SECONDS - 1)
    assert not late.quorum
    assert late.cosigned == ()


def test_without_a_quorum_no_witness_is_needed_and_there_is_no_age():
    policy = Policy.parse(f"log {LOG.verifier}\nwitness X1 {V['X1']}\nquorum none\n")
    found = policy.judge(signed())
    assert found.quorum
    assert found.quorum_time is None
    assert policy.judge(signed("X1")).cosigned == (("X1", 1000),)
    assert policy.judge(signed("X1")).quorum_time is None


def test_any_listed_log_will_do_and_its_key_may_be_of_either_kind():
    policy = Policy.parse(f"log {LOG_PQ.verifier}\nquorum none\n")
    with pytest.raises(BadEntry, match="not signed by a log"):
        policy.judge(signed())
    note = sign_note(CHECKPOINT.text(), LOG).with_signatures(LOG_PQ.cosign(CHECKPOINT.text(), 1))
    assert policy.judge(note.encode()).log_key == LOG_PQ.verifier
    both = Policy.parse(f"log {LOG.verifier}\nlog {LOG_PQ.verifier}\nquorum none\n")
    assert both.judge(signed()).log_key == LOG.verifier


def test_a_log_known_from_elsewhere():
    policy = Policy.parse("quorum none\n")
    with pytest.raises(BadEntry, match="not signed by a log"):
        policy.judge(signed())
    assert policy.judge(signed(), logs=[LOG.verifier]).log_key == LOG.verifier


def test_a_log_speaks_for_its_own_origin_only():
    other = SigningKey("logs.example/2", bytes(32))
    policy = Policy.parse(f"log {other.verifier}\nquorum none\n")
    with pytest.raises(BadEntry, match="not signed by a log"):
        policy.judge(signed(log=other))


def test_other_logs_may_have_extension_lines():
    note = sign_note(CHECKPOINT.text() + "an extension\n", LOG).encode()
    found = Policy.parse(f"log {LOG.verifier}\nquorum none\n").judge(note)
    assert found.checkpoint.extensions == ("an extension",)


def test_a_forgery_in_a_witness_s_name_is_an_error_and_not_a_missing_witness():
    policy = Policy.parse(EXAMPLE)
    key = KEYS["X1"].verifier
    forged = sign_note(CHECKPOINT.text(), LOG).with_signatures(Signature(key.name, key.key_id, bytes(72)))
    with pytest.raises(BadEntry, match="did not make"):
        policy.judge(forged.encode())


def test_a_note_that_is_no_checkpoint():
    with pytest.raises(BadEntry):
        Policy.parse(EXAMPLE).judge(sign_note("hello\n", LOG).encode())


@given(st.data())
def test_every_changed_byte_of_a_witnessed_checkpoint_is_refused_or_costs_the_quorum(data):
    policy, note = Policy.parse(EXAMPLE), NOTE
    at = data.draw(st.integers(0, len(note) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != note[at]))
    try:
        found = policy.judge(note[:at] + bytes([byte]) + note[at + 1 :])
    except BadEntry:
        return
    assert not found.quorum  # a changed name or key id makes a stranger of one of the three
    assert found.checkpoint == CHECKPOINT


NOTE = signed("X1", "X3", "Y2")


# --- the file form --------------------------------------------------------------------------------------------------


def test_urls_spaces_tabs_and_comments():
    policy = Policy.parse(
        f"#comment\n \t # also\n\n\t log\t{LOG.verifier}   https://logs.example/1/ \n"
        f"witness  a#b\t{V['X1']} https://w.example/\nwitness c {V['X2']}\n quorum\ta#b\t\n   "
        "\n"
    )
    assert policy.logs == (KnownLog(LOG.verifier, "https://logs.example/1/"),)
    assert policy.witnesses[1] == Witness("c", KEYS["X2"].verifier, None)
    assert policy.witness_urls() == {"a#b": "https://w.example/"}
    assert policy.quorum == "a#b"


def test_it_is_written_as_it_is_read():
    policy = Policy.parse(EXAMPLE)
    assert Policy.parse(str(policy)) == policy
    assert str(Policy.parse(str(policy))) == str(policy)
    assert policy.groups[0] == Group("X-witnesses", 2, ("X1", "X2", "X3"))
    assert "group X-and-Y 2 X-witnesses Y-witnesses\n" in str(policy)


def test_names_are_octets():
    """A Kelvin sign is not a K, and bytes that are no UTF-8 are names too."""
    kelvin = f"witness K {V['X1']}\nwitness \u212a {V['X2']}\nquorum \u212a\n"
    assert Policy.parse(kelvin).quorum == "\u212a"
    raw = b"witness \xff\xfe %b http://\xff/\nquorum \xff\xfe\n" % V["X1"].encode()
    policy = Policy.parse(raw)
    assert Policy.parse(str(policy)) == policy
    assert Policy.parse(str(policy).encode("utf-8", "surrogateescape")) == policy


def test_as_many_of_each_as_the_specification_asks_for_and_more():
    witnesses = [CosigningKey(f"w{number}", number.to_bytes(32, "big")).verifier for number in range(256)]
    lines = [f"log {SigningKey(f'l{number}', number.to_bytes(32, 'big')).verifier}" for number in range(256)]
    lines += [f"witness w{number} {key}" for number, key in enumerate(witnesses)]
    lines += ["group g0 any w0"] + [f"group g{number} any g{number - 1} w{number}" for number in range(1, 256)]
    policy = Policy.parse("\n".join([*lines, "quorum g255", ""]))
    assert policy.satisfied_by("w0".__eq__)
    with pytest.raises(BadEntry, match="too many"):
        Policy.parse("\n".join([*lines, "group more any g255", "quorum none", ""]))


W1, W2 = f"witness A {V['X1']}\n", f"witness B {V['X2']}\n"
OTHER_NAME = VerifierKey("another.example", KEYS["X1"].verifier.public, KEYS["X1"].verifier.algorithm)
AS_LOG = SigningKey("l", bytes(range(32))).verifier


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "newline"),
        ("\n", "no quorum line"),
        ("# quorum none\n", "no quorum line"),
        ("quorum none", "newline"),
        ("quorum none\nquorum none\n", "second quorum"),
        (f"{W1}quorum A\nquorum none\n", "second quorum"),
        ("quorum A\n", "not defined"),
        (f"quorum A\n{W1}", "not defined"),
        ("quorum\n", "none of"),
        ("quorum none none\n", "none of"),
        ("Quorum none\n", "none of"),
        ("trust me\nquorum none\n", "Line 1"),
        (f"{W1}{W2}log\nquorum none\n", "Line 3"),
        (f"log {LOG.verifier} https://a https://b\nquorum none\n", "none of"),
        (f"log name {LOG.verifier}\nquorum none\n", "verifier key"),
        (f"log {LOG.verifier}\nlog {LOG.verifier}\nquorum none\n", "a log twice"),
        (f"log {LOG.verifier}\nlog {AS_LOG}\nquorum none\n", "a log twice"),
        (f"log {V['X1']}\nquorum none\n", "not of type 0x01"),
        (f"witness A {LOG.verifier}\nquorum none\n", "not of type 0x04"),
        (f"witness A {V['X1']}x\nquorum none\n", "Line 1"),
        (f"witness A {V['X1']} u v\nquorum none\n", "none of"),
        (f"witness {V['X1']}\nquorum none\n", "none of"),
        (f"{W1}witness A {V['X2']}\nquorum none\n", "a name twice"),
        (f"{W1}witness B {V['X1']}\nquorum none\n", "a witness twice"),
        (f"{W1}witness B {OTHER_NAME}\nquorum none\n", "a witness twice"),
        (f"witness none {V['X1']}\nquorum none\n", "name none"),
        (f"{W1}group none any A\nquorum none\n", "name none"),
        (f"{W1}group A any A\nquorum none\n", "a name twice"),
        (f"{W1}group G any\nquorum G\n", "none of"),
        ("group G any none\nquorum G\n", "not defined"),
        (f"group G any A\n{W1}quorum G\n", "not defined"),
        (f"{W1}group G any G\nquorum G\n", "not defined"),
        (f"{W1}group G any A A\nquorum G\n", "as a member twice"),
        (f"{W1}{W2}group G any A B\ngroup H any A\nquorum G\n", "as a member twice"),
        (f"{W1}group G 0 A\nquorum G\n", "between 1"),
        (f"{W1}group G 2 A\nquorum G\n", "between 1"),
        (f"{W1}group G 01 A\nquorum G\n", "between 1"),
        (f"{W1}group G -1 A\nquorum G\n", "any, all or a number"),
        (f"{W1}group G +1 A\nquorum G\n", "any, all or a number"),
        (f"{W1}group G 1.0 A\nquorum G\n", "any, all or a number"),
        (f"{W1}group G ANY A\nquorum G\n", "any, all or a number"),
        (f"{W1}group G ١ A\nquorum G\n", "any, all or a number"),
        (f"{W1}group G {'1' * 5000} A\nquorum G\n", "any, all or a number"),
        ("quorum none\r\n", "control"),
        ("quorum\x0bnone\n", "control"),
        ("# \x00\nquorum none\n", "control"),
        ("# \x7f\nquorum none\n", "control"),
        ("quorum\u00a0none\n", "none of"),
        ("#" * 1_000_001 + "\n", "megabyte"),
        ("# \ud800\nquorum none\n", "not text"),
    ],
)
def test_policies_that_are_refused(text, why):
    with pytest.raises(BadEntry, match=why):
        Policy.parse(text)


def test_a_policy_made_by_a_program_is_held_to_the_same_rules():
    witness = Witness("A", KEYS["X1"].verifier)
    good = Policy((KnownLog(LOG.verifier),), (witness,), (Group("G", 1, ("A",)),), "G")
    assert Policy.parse(str(good)) == good
    for groups, quorum in (
        ((Group("G", 2, ("A",)),), "G"),
        ((Group("G", 0, ("A",)),), "G"),
        ((Group("G", 1, ()),), "G"),
        ((Group("G", 1, ("B",)),), "G"),
        ((), "G"),
        ((Group("G", 1, ("H",)), Group("H", 1, ("A",))), "G"),
        ((Group("G\n", 1, ("A",)),), "none"),
        ((Group("", 1, ("A",)),), "none"),
    ):
        with pytest.raises(BadEntry):
            Policy((), (witness,), groups, quorum)
    for url in ("", "a b", "a\nquorum none"):
        with pytest.raises(BadEntry, match="URL"):
            Policy((KnownLog(LOG.verifier, url),), (), (), "none")


@given(st.data())
def test_a_changed_policy_is_refused_or_another_policy(data):
    raw = EXAMPLE.encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.integers(0, 255))
    for changed in (raw[:at] + bytes([byte]) + raw[at + 1 :], raw[:at] + raw[at + 1 :], raw[:at]):
        try:
            policy = Policy.parse(changed)
        except BadEntry:
            continue
        assert Policy.parse(str(policy)) == policy


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_arbitrary_text_raises_one_kind_of_error(text):
    try:
        policy = Policy.parse(text)
    except BadEntry:
        return
    assert Policy.parse(str(policy)) == policy
