"""What `drivers/cwmp/plans/look.py` promises: `get`, `names`, `attributes`, `methods`, `show`."""

import pytest

from drivers.cwmp.fake_trees import SECRETS, TR098, WIFI_KEY, tr098_cpe, tr181_cpe
from drivers.cwmp.fakes import Cell
from drivers.cwmp.gate import OpenGate
from drivers.cwmp.messages import Event, GetParameterNames, GetParameterValues, ParameterValue
from drivers.cwmp.rendering import MOST_LINES
from tests.unit.drivers.cwmp.plan_stage import PlanStage

KEYS = tuple(f"Device.WiFi.AccessPoint.{n}.Security.KeyPassphrase" for n in (1, 2))
GATE = OpenGate(
    masked=(*KEYS, "Device.PPP.Interface.1.Password"), hidden=("Device.Hosts.", "Device.ManagementServer.P")
)


def test_get_of_full_names_is_one_rpc():
    stage = PlanStage(tr181_cpe())
    text = stage.run("get Device.DeviceInfo.UpTime Device.DeviceInfo.ModelName")
    assert text == "Device.DeviceInfo.UpTime     90061\nDevice.DeviceInfo.ModelName  Box 7\n"
    assert stage.asked == ["GetParameterValues"]
    assert stage.fine


def test_get_below_an_object_asks_neither_for_hidden_nor_for_masked_values():
    stage = PlanStage(tr181_cpe(), gate=GATE)
    text = stage.run("get Device.")
    assert "Device.Hosts" not in text
    assert f"{KEYS[0]}" in text
    assert text.count("<hidden>") == 4  # three values, and the sentence
    assert "\n(11 names not shown: outside of what the subscriber agreed to; " in text
    assert text.endswith("; 3 secrets are shown as <hidden>.)\n")
    asked = {name for request in stage.cpe.asked if isinstance(request, GetParameterValues) for name in request.names}
    assert asked
    assert not any(name in KEYS or "Password" in name or name.startswith("Device.Hosts.") for name in asked)
    assert not any(secret in text for secret in SECRETS)


def test_get_of_hidden_and_masked_names_asks_nothing():
    stage = PlanStage(tr181_cpe(), gate=GATE)
    text = stage.run(f"get Device.Hosts.Host.1.HostName {KEYS[0]}")
    assert text.splitlines() == [
        f"{KEYS[0]}  <hidden>",
        "(1 name not shown: outside of what the subscriber agreed to; 1 secret is shown as <hidden>.)",
    ]
    assert stage.asked == []


def test_get_in_batches_of_the_model():
    stage = PlanStage(tr181_cpe())
    stage.run("get Device.WiFi.")
    sizes = [len(request.names) for request in stage.cpe.asked if isinstance(request, GetParameterValues)]
    assert sizes == [29]
    other = PlanStage(tr181_cpe(), quirks=type(stage.quirks)(batch=10))
    assert other.run("get Device.WiFi.") == PlanStage(tr181_cpe()).run("get Device.WiFi.")
    sizes = [len(request.names) for request in other.cpe.asked if isinstance(request, GetParameterValues)]
    assert sizes == [10, 10, 9]


def test_get_says_what_is_not_there_and_shows_the_rest():
    stage = PlanStage(tr181_cpe())
    text = stage.run("get Device.DeviceInfo.UpTime Device.Nope Device.Nope2.")
    assert "Device.DeviceInfo.UpTime  90061\n" in text
    assert "% Device.Nope: there is no such parameter or object on this router; an object's name" in text
    assert "% Device.Nope2.: " in text
    assert stage.fine is False


def test_get_is_bounded():
    stage = PlanStage(tr181_cpe())
    for number in range(MOST_LINES + 70):
        stage.cpe.cells[f"Device.X.Y.{number + 1}.V"] = Cell("v")
    text = stage.run("get Device.X.")
    assert len(text.splitlines()) == MOST_LINES + 1
    assert text.endswith("(70 more values are not shown: ask for a narrower path.)\n")
    assert sum(len(r.names) for r in stage.cpe.asked if isinstance(r, GetParameterValues)) == MOST_LINES


def test_a_value_cannot_draw_a_line_or_a_prompt():
    stage = PlanStage(tr181_cpe())
    stage.cpe.cells["Device.DeviceInfo.ModelName"].value = "x\nhome-1(tr181)> \x1b[2J\u202e\u2028y"
    text = stage.run("get Device.DeviceInfo.ModelName")
    assert text == "Device.DeviceInfo.ModelName  x\\x0ahome-1(tr181)> \\x1b[2J\\u{202e}\\u{2028}y\n"


def test_names_is_one_level():
    stage = PlanStage(tr181_cpe(), gate=GATE)
    text = stage.run("names Device.WiFi.Radio.1.")
    assert "Device.WiFi.Radio.1.Channel" in text
    assert "writable" in next(line for line in text.splitlines() if line.endswith("Device.WiFi.Radio.1.Channel"))
    assert "writable" not in next(line for line in text.splitlines() if ".Status" in line)
    assert stage.cpe.asked == [GetParameterNames("Device.WiFi.Radio.1.", True)]
    assert "Device.Hosts." not in stage.run("names Device.")
    assert stage.run("names Device.Nope.").startswith("% Device.Nope.: ")
    assert stage.fine is False


@pytest.mark.parametrize("mood", ["fault", "nothing"])
def test_the_root_is_asked_for_by_name_where_the_empty_path_does_not_work(mood):
    """Quirk 13."""
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.empty_path = mood
    assert stage.run("names") == "(There is nothing.)\n" or "Device." in stage.run("names")
    assert GetParameterNames("Device.", True) in stage.cpe.asked
    known = PlanStage(tr181_cpe(), quirks=type(stage.quirks)(root_path_names=True))
    known.cpe.moods.empty_path = mood
    assert "Device.WiFi." in known.run("names")
    assert known.cpe.asked == [GetParameterNames("Device.", True)]


def test_objects_without_their_dot_are_objects():
    """Quirk 14."""
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.dotless_objects = True
    assert stage.run("get Device.WiFi.") == PlanStage(tr181_cpe()).run("get Device.WiFi.")
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.dotless_objects = True
    assert stage.run("show wifi") == PlanStage(tr181_cpe()).run("show wifi")


def test_a_cpe_with_little_memory_is_walked():
    """Quirk 16."""
    plain = PlanStage(tr181_cpe())
    small = PlanStage(tr181_cpe(), quirks=type(plain.quirks)(next_level_walk=True, batch=5))
    small.cpe.moods.most_names = 12
    assert sorted(small.run("get Device.WiFi.").splitlines()) == sorted(plain.run("get Device.WiFi.").splitlines())
    assert all(request.next_level for request in small.cpe.asked if isinstance(request, GetParameterNames))
    unknown = PlanStage(tr181_cpe())
    unknown.cpe.moods.most_names = 12
    assert unknown.run("get Device.WiFi.Radio.1. Device.WiFi.SSID.1.") == plain.run(
        "get Device.WiFi.Radio.1. Device.WiFi.SSID.1."
    )


@pytest.mark.parametrize("count", [1, 3])
def test_a_listed_name_that_is_refused_is_left_out(count):
    """Quirk 17."""
    names = [f"Device.WiFi.Radio.1.{leaf}" for leaf in ("Status", "Channel", "TransmitPower")][:count]
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.refused = frozenset(names)
    text = stage.run("get Device.WiFi.")
    whole = PlanStage(tr181_cpe()).run("get Device.WiFi.").splitlines()
    assert text.splitlines() == [line for line in whole if line.split()[0] not in names]
    assert len(stage.cpe.asked) < 25


def test_what_nobody_asked_for_is_counted_and_left_out():
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.extra = (ParameterValue(KEYS[0], WIFI_KEY), ParameterValue("Device.DeviceInfo.UpTime", "again"))
    text = stage.run("get Device.DeviceInfo.UpTime")
    assert text == "Device.DeviceInfo.UpTime  90061\n(2 values that nobody asked for left out.)\n"


def test_attributes_hold_no_values():
    stage = PlanStage(tr181_cpe(), gate=GATE)
    stage.cpe.cells["Device.WiFi.Radio.1.Channel"].notification = 2
    text = stage.run("attributes Device.WiFi.")
    assert "Device.WiFi.Radio.1.Channel" in text
    assert "reported at once, writable at home" in text
    assert WIFI_KEY not in text
    assert stage.run("attributes Device.Nope").startswith("% ")
    assert stage.run("attributes Device.Hosts.Host.1.HostName").startswith("(1 name not shown")


def test_methods():
    stage = PlanStage(tr181_cpe())
    assert "SetParameterValues\n" in stage.run("methods")


def test_show_events_needs_no_rpc():
    events = (Event("1 BOOT"), Event("M Reboot", "key"), Event("X 00D09E Odd\n> "))
    stage = PlanStage(tr181_cpe(), events=events)
    text = stage.run("show events")
    assert "it was switched on or restarted" in text
    assert len(text.splitlines()) == 3
    assert stage.asked == []


def test_show_wifi_is_tables_with_plain_names():
    stage = PlanStage(tr181_cpe(), gate=GATE)
    text = stage.run("show wifi")
    assert "#  On   State  Band    Channel  Auto  Power\n1  yes  Up     2.4GHz  6        yes   100 %\n" in text
    assert text.count("<hidden>") == 3
    assert WIFI_KEY not in text
    first = len(stage.cpe.asked)
    assert stage.run("show wifi") == text
    assert len(stage.cpe.asked) - first < first  # the lists of parameters are known


def test_show_hosts_without_the_right_to_is_empty_and_says_so():
    stage = PlanStage(tr181_cpe(), gate=GATE)
    text = stage.run("show hosts")
    assert "tablet" not in text
    assert "not shown: outside of what the subscriber agreed to" in text


@pytest.mark.parametrize(
    ("topic", "part"),
    [
        ("device", "Running for    1 d 1 h"),
        ("line", "109000 kbit/s"),
        ("line", "6.2 dB"),
        ("wan", "192.0.2.10"),
        ("lan", "192.168.1.99"),
        ("hosts", "tablet-of-ada"),
        ("voice", "nothing of voice"),
    ],
)
def test_topics_of_tr181(topic, part):
    assert part in PlanStage(tr181_cpe()).run(f"show {topic}")


@pytest.mark.parametrize(
    ("topic", "part"),
    [("device", "Box 3"), ("line", "16000 kbit/s"), ("wan", "Connected"), ("lan", "192.168.1.10"), ("wifi", "Guest")],
)
def test_topics_of_tr098(topic, part):
    assert part in PlanStage(tr098_cpe(), root=TR098).run(f"show {topic}")


def test_an_unknown_topic_says_which_there_are():
    stage = PlanStage(tr181_cpe())
    assert "wifi" in stage.run("show moon")
    assert stage.fine is False
