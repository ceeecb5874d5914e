"""Heads: built and read back exactly; everything else is refused. Facts that could be personal or long are refused."""

import contextlib
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import Kind, token
from audit.errors import BadEntry
from audit.leaf import (
    COMPARTMENTS,
    MAX_FACTS,
    MAX_HEAD_BYTES,
    Head,
    build,
    check_facts,
    commit,
    format_time,
    parse,
    parse_time,
)
from config.ids import new_id

NOW = datetime(2026, 1, 1, 12, 0, 0, 5, tzinfo=UTC)
SESSION, CONSENT, KEYS = (f"01ARZ3NDEKTSV4RRFFQ69G5FA{end}" for end in "VWX")
FULL = Head(
    kind=Kind.CMD_INTENT,
    time=NOW,
    monotonic_ns=17,
    worker="main/3",
    session=SESSION,
    n=4,
    previous=bytes(range(32)),
    consent_ref=CONSENT,
    policy_digest="ab" * 32,
    generation=2,
    key_set=KEYS,
    commitments={"act": bytes(32)},
    facts={"verdict": "allow", "bytes": 13, "list": ["a", 1, True]},
)


def test_the_bytes_of_a_head():
    assert build(FULL) == (
        b'{"c":{"act":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"cr":"01ARZ3NDEKTSV4RRFFQ69G5FAW",'
        b'"d":{"bytes":13,"list":["a",1,true],"verdict":"allow"},"gen":2,"k":"cmd.intent",'
        b'"ks":"01ARZ3NDEKTSV4RRFFQ69G5FAX","n":4,"pol":"' + b"ab" * 32 + b'",'
        b'"prev":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","rc":"access","s":"01ARZ3NDEKTSV4RRFFQ69G5FAV",'
        b'"t":"2026-01-01T12:00:00.000005Z","tm":17,"v":1,"w":"main/3"}'
    )


def test_absent_fields_are_left_out():
    head = Head(kind=Kind.LOG_START, time=NOW, monotonic_ns=0, worker="main/0")
    assert set(json.loads(build(head))) == {"v", "k", "t", "tm", "w", "gen", "rc", "d"}
    assert parse(build(head)) == head


_tokens = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\'), max_size=128)
_scalars = st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | _tokens
_facts = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,15}", fullmatch=True),
    _scalars | st.lists(_scalars, max_size=4),
    max_size=MAX_FACTS,
)
_times = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def heads(draw):
    chained = draw(st.booleans())
    n = draw(st.integers(0, 2**40)) if chained else None
    commitments = draw(st.dictionaries(st.sampled_from(sorted(COMPARTMENTS)), st.binary(min_size=32, max_size=32)))
    return Head(
        kind=draw(st.sampled_from(Kind)),
        time=draw(_times),
        monotonic_ns=draw(st.integers(0, 2**50)),
        worker=f"main/{draw(st.integers(0, 10**6))}",
        session=new_id() if chained else None,
        n=n,
        previous=draw(st.binary(min_size=32, max_size=32)) if n else None,
        consent_ref=draw(st.none() | st.just(CONSENT)),
        policy_digest=draw(st.none() | st.just("ab" * 32)),
        generation=draw(st.integers(0, 2**40)),
        retention=draw(st.sampled_from(["access", "recording", "strike", "consent"])),
        key_set=KEYS if commitments else draw(st.none() | st.just(KEYS)),
        commitments=commitments,
        facts=draw(_facts),
    )


@given(heads())
def test_read_back_unchanged_and_canonical(head):
    try:
        data = build(head)
    except BadEntry:
        assert len(str(head.facts)) > 4000
        return
    assert parse(data) == head
    assert rfc8785.dumps(json.loads(data)) == data


@given(st.data())
def test_no_changed_byte_reads_as_the_same_head(data):
    raw = build(FULL)
    at = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != raw[at]))
    with contextlib.suppress(BadEntry):
        assert parse(raw[:at] + bytes([byte]) + raw[at + 1 :]) != FULL


@given(
    st.binary(max_size=200) | st.recursive(st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_arbitrary_bytes_raise_one_kind_of_error(data):
    with pytest.raises(BadEntry):
        parse(data)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"v": None},
        {"k": "cmd.other"},
        {"k": []},
        {"t": "2026-01-01T12:00:00Z"},
        {"t": "2026-01-01T12:00:00.000000+00:00"},
        {"t": "2026-02-30T12:00:00.000000Z"},
        {"t": 5},
        {"tm": -1},
        {"tm": True},
        {"w": "main"},
        {"w": "Main/1"},
        {"s": "not-a-ulid"},
        {"s": None},
        {"n": -1},
        {"n": "4"},
        {"n": 0},
        {"prev": None},
        {"prev": "AAAA"},
        {"prev": 5},
        {"cr": "anna"},
        {"ks": "x"},
        {"ks": None},
        {"pol": ""},
        {"pol": "two words"},
        {"gen": -1},
        {"gen": None},
        {"rc": "forever"},
        {"c": {}},
        {"c": {"name": "AAAA"}},
        {"c": {"act": "AAAA"}},
        {"c": []},
        {"d": None},
        {"d": []},
        {"d": {"x": {"nested": 1}}},
        {"d": {"x": None}},
        {"extra": 1},
    ],
    ids=str,
)
def test_a_head_with_a_wrong_field_is_refused(change):
    value = {**json.loads(build(FULL)), **change}
    with pytest.raises(BadEntry):
        parse(rfc8785.dumps(value))
    without = {name: item for name, item in value.items() if item is not None}
    if without != value:
        with pytest.raises(BadEntry):
            parse(rfc8785.dumps(without))


@pytest.mark.parametrize(
    "value",
    [
        "two words",
        "show version",
        "x" * 129,
        "naïve",
        'quo"te',
        "back\\slash",
        "tab\t",
        "line\n",
        1.5,
        2**53,
        {"a": 1},
        [["a"]],
        ["two words"],
        ["a"] * 65,
        b"bytes",
    ],
    ids=repr,
)
def test_facts_that_could_hide_something_are_refused_without_being_repeated(value):
    with pytest.raises(BadEntry) as caught:
        check_facts({"thing": value})
    assert "thing" in str(caught.value)
    assert "show version" not in str(caught.value)


@given(st.text(max_size=300))
def test_any_text_becomes_a_token(text):
    assert check_facts({"thing": token(text)})


def test_tokens_stay_what_they_are():
    assert token("auth-agent-req@openssh.com") == "auth-agent-req@openssh.com"
    assert token("a b\u202ec\n") == "a_b_c_"


@pytest.mark.parametrize("name", ["", "Name", "two words", "1st", "x" * 33, "näh"])
def test_fact_names_are_plain_words(name):
    with pytest.raises(BadEntry):
        check_facts({name: 1})


def test_facts_of_none_are_left_out_and_many_are_refused():
    assert check_facts({"a": None, "b": 0, "c": "", "d": False}) == {"b": 0, "c": "", "d": False}
    with pytest.raises(BadEntry):
        check_facts({f"f{number}": 1 for number in range(33)})


def test_a_head_over_8_kib_is_refused():
    facts = {f"f{number}": ["x" * 128] * 4 for number in range(32)}
    with pytest.raises(BadEntry, match=str(MAX_HEAD_BYTES)):
        build(Head(kind=Kind.LOG_START, time=NOW, monotonic_ns=0, worker="main/0", facts=facts))
    with pytest.raises(BadEntry):
        parse(b"1" * (MAX_HEAD_BYTES + 1))


def test_commitment_is_hmac_over_purpose_compartment_and_content():
    salt, content = b"s" * 32, b'{"typed":"reboot"}'
    expected = hmac.new(salt, b"vestibule/v1/act\x00" + content, hashlib.sha256).digest()
    assert commit("act", content, salt) == expected
    assert commit("out", content, salt) != expected


@given(_times)
def test_times_are_read_back(time):
    assert parse_time(format_time(time)) == time


def test_times_of_other_zones_become_utc_and_naive_ones_are_refused():
    there = timezone(timedelta(hours=-5))
    assert format_time(datetime(2026, 1, 1, 7, 0, tzinfo=there)) == "2026-01-01T12:00:00.000000Z"
    with pytest.raises(BadEntry):
        format_time(datetime(2026, 1, 1))  # noqa: DTZ001
    assert parse_time("2038-01-19T03:14:08.000000Z") == datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)
