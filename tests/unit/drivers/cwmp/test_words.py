"""What `drivers/cwmp/words.py` and its table promise."""

from pathlib import Path

import pytest

from drivers.cwmp.paths import ROOTS, canonical
from drivers.cwmp.words import BadWord, band_of, read_words, words
from drivers.errors import DriverError

TR181, TR098 = "Device.", "InternetGatewayDevice."


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("topic", words().topics)
def test_every_topic_reads_paths_of_its_own_model(topic, root):
    for path in words().show(topic, root):
        assert path.startswith(root)
        assert canonical(path.replace("{i}", "1")).text == path.replace("{i}", "1")
    assert words().show(topic, root) or topic == "events"


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(("topic", "word", "takes"), words().settable())
def test_every_setting_writes_paths_of_its_own_model(topic, word, takes, root):
    assert takes
    try:
        setting = words().setting(topic, word, root)
    except BadWord as error:
        assert "no common way" in str(error)
        return
    assert setting.patterns
    assert all(path.startswith(root) for path in setting.patterns)
    if setting.pick is not None:
        assert all(path.startswith(setting.pick.each) for path in setting.patterns)


def test_a_channel_turns_the_automatic_choice_off():
    setting = words().setting("wifi", "channel", TR181)
    assert setting.writes("11") == (
        ("Device.WiFi.Radio.{i}.AutoChannelEnable", "false"),
        ("Device.WiFi.Radio.{i}.Channel", "11"),
    )
    assert setting.writes("AUTO") == (("Device.WiFi.Radio.{i}.AutoChannelEnable", "true"),)
    assert (setting.band_meant("11"), setting.band_meant("36"), setting.band_meant("auto")) == ("2.4", "5", None)
    assert words().setting("wifi-5ghz", "channel", TR181).band_meant("auto") == "5"


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("channel", "0"),
        ("channel", "234"),
        ("channel", "eleven"),
        ("channel", "-1"),
        ("channel", "\u0663"),
        ("power", "101"),
        ("radio", "maybe"),
        ("name", ""),
        ("name", "x" * 33),
        ("name", "a\x00b"),
        ("password", "secret7"),
        ("password", "s" * 64),
    ],
)
def test_values_out_of_bounds_are_refused_without_being_repeated(word, value):
    with pytest.raises(BadWord) as caught:
        words().setting("wifi", word, TR181).writes(value)
    assert not value or value not in str(caught.value)


def test_only_a_password_is_secret():
    assert {word for _, word, _ in words().settable() if _secret(word)} == {"password"}


def _secret(word):
    return any(t == "wifi" and w == word and words().setting("wifi", w, TR181).secret for t, w, _ in words().settable())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wifi channel 11", ("wifi", "channel", "11", None)),
        ("wifi 5ghz channel 36", ("wifi-5ghz", "channel", "36", None)),
        ("wifi 2.4GHz power 80", ("wifi-2.4ghz", "power", "80", None)),
        ("wifi 2 name Blue", ("wifi", "name", "Blue", 2)),
        ("wifi on", ("wifi", "radio", "on", None)),
        ("wifi 5ghz off", ("wifi-5ghz", "radio", "off", None)),
        ("wifi 2 off", ("wifi", "radio", "off", 2)),
        ("wan reconnect", ("wan", "reconnect", "now", None)),
        ("inform interval 600", ("inform", "interval", "600", None)),
    ],
)
def test_what_people_type(typed, meant):
    assert words().typed(tuple(typed.split())) == meant


@pytest.mark.parametrize("typed", ["", "wifi", "wifi channel", "wifi channel 1 2", "moon phase full", "Device.X 1"])
def test_what_people_mistype_is_answered_with_what_there_is(typed):
    with pytest.raises(BadWord, match="set "):
        words().typed(tuple(typed.split()))


@pytest.mark.parametrize(
    ("topic", "word"), [("wifi", "colour"), ("moon", "phase"), ("wifi-7ghz", "channel"), ("wan-5ghz", "reconnect")]
)
def test_unknown_words_are_named(topic, word):
    with pytest.raises(BadWord, match="There is no set"):
        words().setting(topic, word, TR181)


def test_unknown_topics_tests_and_models_are_named():
    with pytest.raises(BadWord, match="wifi"):
        words().show("moon", TR181)
    with pytest.raises(BadWord, match="ping"):
        words().test("moon", TR181)
    with pytest.raises(BadWord, match="no data model"):
        words().show("wifi", "Moon.")
    with pytest.raises(BadWord, match="tr098"):
        words().test("wifi", TR098)


@pytest.mark.parametrize("root", ROOTS)
def test_tests_write_and_read_below_their_object(root):
    for kind in set(words().kinds) - {"wifi"}:
        test = words().test(kind, root)
        assert test.written[-1] == test.state == f"{test.at}DiagnosticsState"
        assert all(path.startswith(test.at) for path in (*test.written, *test.read))
        assert words().seconds(kind) > 0


@pytest.mark.parametrize(
    ("text", "band"),
    [("2.4GHz", "2.4"), ("5 GHz", "5"), ("6GHz", "6"), ("11", "2.4"), ("36", "5"), ("0", None), ("x", None)],
)
def test_bands(text, band):
    assert band_of(text) == band


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("show: [", "not valid YAML"),
        ("show: {}\nset: {}\npicks: {}", "tests"),
        ("show: {x: {title: t, tr181: [{title: a, each: Foo., columns: []}], tr098: []}}", "no path"),
        ("set: {w: {c: {takes: t, tr181: {pick: nope, writes: {a: {Device.X: a}}}}}}", "no pick"),
        ("set: {w: {c: {takes: t, tr181: {writes: {number: {Device.X: a}}}}}}", "bounds"),
    ],
)
def test_a_table_with_a_fault_says_where(text, where):
    if "tests" not in where and "YAML" not in where:
        have = dict.fromkeys(("show", "set", "picks", "tests"), "{}")
        text += "\n" + "\n".join(f"{key}: {empty}" for key, empty in have.items() if not text.startswith(key))
    with pytest.raises(DriverError, match=where):
        read_words(text)


def test_the_reference_lists_every_word():
    page = (Path(__file__).parents[4] / "docs/reference/cwmp-commands.md").read_text(encoding="utf-8")
    for topic in words().topics:
        assert f"| `{topic}` |" in page
    for topic, word, _ in words().settable():
        assert f"| `set {topic} {word}` |" in page
    for kind in words().kinds:
        assert f"`diagnose {kind}" in page
