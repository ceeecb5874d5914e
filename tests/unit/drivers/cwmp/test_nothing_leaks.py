"""Over random trees, gates and lines: what the gate hides or masks is nowhere in the output, nor in what is kept."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.cwmp import keeping
from drivers.cwmp.fakes import Cell, FakeCpe
from drivers.cwmp.gate import Reading
from drivers.cwmp.messages import ParameterValue
from drivers.cwmp.plans.steps import Call
from drivers.cwmp.quirks import Quirks
from tests.unit.drivers.cwmp.plan_stage import PlanStage

OBJECTS = ("DeviceInfo", "WiFi.Radio.1", "WiFi.Radio.2", "WiFi.SSID.1", "Hosts.Host.1", "ManagementServer", "X.Y.7")
LEAVES = ("Channel", "SSID", "Status", "UpTime", "HostName", "Password", "KeyPassphrase", "Enable")
NAMES = tuple(f"Device.{path}.{leaf}" for path in OBJECTS for leaf in LEAVES)


class DictGate:
    """Says of each name what it was told, in any letters."""

    def __init__(self, readings: dict[str, Reading]) -> None:
        self._readings = {name.lower(): reading for name, reading in readings.items()}

    def reading(self, path: str, caps: frozenset[str]) -> Reading:
        if path.endswith("."):
            below = {reading for name, reading in self._readings.items() if name.startswith(path.lower())}
            return "hide" if below == {"hide"} else "show"
        return self._readings.get(path.lower(), "hide")

    def secret_write(self, path: str) -> bool:
        return self._readings.get(path.lower(), "hide") != "show"

    def narrowed(self, path: str, caps: frozenset[str]) -> bool:
        return True


def secret_of(name: str) -> str:
    """A value that stands nowhere else."""
    return f"zq{name.replace('.', '').lower()}qz"


readings = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("show", "mask", "hide")), min_size=1, max_size=20)
LINES = (
    "get Device.",
    "get Device.WiFi. Device.Hosts.Host.1.HostName",
    "names Device.WiFi.",
    "attributes Device.",
    "show wifi",
    "show hosts",
    "show device",
    "set wifi channel 11",
    "set wifi 1 name Blue",
    "delete Device.WiFi.SSID.1.",
    "undo",
    "diagnose wifi",
)
NAMED = {
    "set wifi 1 name Blue": "Device.WiFi.SSID.1.SSID",
    "set wifi channel 11": "Device.WiFi.Radio.1.Channel Device.WiFi.Radio.2.Channel",
}
"""What a line writes whose words name it; the policy decides before whether it may."""

lines = st.lists(st.sampled_from((*LINES, *(f"get {name}" for name in NAMES), *(f"set {name} v" for name in NAMES))))


@settings(max_examples=150, deadline=None)
@given(
    readings=readings,
    lines=lines,
    extra=st.lists(st.sampled_from(NAMES), max_size=4),
    refused=st.frozensets(st.sampled_from(NAMES), max_size=3),
    talkative=st.booleans(),
    other_case=st.booleans(),
    dotless=st.booleans(),
    walk=st.booleans(),
    batch=st.integers(1, 9),
)
def test_no_value_behind_the_gate_is_shown_or_kept(
    readings, lines, extra, refused, talkative, other_case, dotless, walk, batch
):
    cpe = FakeCpe(cells={name: Cell(secret_of(name), writable=True) for name in readings})
    cpe.tables["Device.WiFi.SSID."] = {}
    cpe.moods.extra = tuple(ParameterValue(name.swapcase(), secret_of(name)) for name in extra)
    cpe.moods.refused, cpe.moods.talkative = refused, talkative
    cpe.moods.other_case, cpe.moods.dotless_objects = other_case, dotless
    gate = DictGate(readings)
    stage = PlanStage(cpe, gate=gate, quirks=Quirks(next_level_walk=walk, batch=batch))
    kept = Keeping(stage)
    said = "".join(stage.run(line) for line in lines[:6])
    secrets = [secret_of(name) for name in NAMES if readings.get(name) != "show"]
    assert not any(secret in said.lower() for secret in secrets)
    assert not any(secret in kept.text.lower() for secret in secrets)
    hidden = [name for name, reading in readings.items() if reading == "hide"]
    typed = " ".join((*lines, *(NAMED[line] for line in lines if line in NAMED))).lower()
    assert not any(name.lower() in said.lower() for name in hidden if name.lower() not in typed)


class Keeping:
    """Notes what would be kept of every RPC of a stage and of its answer."""

    def __init__(self, stage: PlanStage) -> None:
        self._stage = stage
        self._parts: list[object] = []
        perform = stage._perform
        stage._perform = lambda step, said: self._noted(perform, step, said)

    def _noted(self, perform, step, said):
        reply = perform(step, said)
        if isinstance(step, Call):
            caps = frozenset({"lan.hosts.read"})
            asked = keeping.of_request(step.request, self._stage.gate, caps)
            answered = keeping.of_answer(step.request, reply, self._stage.gate, caps)
            self._parts += [dict(part) for part in (asked.facts, asked.sealed, answered.facts, answered.sealed)]
        return reply

    @property
    def text(self) -> str:
        return json.dumps(self._parts)
