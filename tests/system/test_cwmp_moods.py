"""A rep's session on a CPE in each mood of the lab: what it does otherwise than TR-069 says is no obstacle."""

import json

import pytest

from drivers.lab.cpe import FAST, MOODS
from tests.cwmp_stage import stage

pytestmark = pytest.mark.system

NEEDS = {
    "booleans-1-0": {"boolean_form": "1"},
    "no-milliseconds": {"strip_milliseconds": True},
    "empty-path-fault": {"root_path_names": True},
    "empty-path-nothing": {"root_path_names": True},
    "small-memory": {"next_level_walk": True},
    "content-length-in-characters": {"short_content_length": True},
    "basic-knock": {"basic_connection_request": True},
    "no-transfer-complete": {"no_transfer_complete_minutes": 1},
    "no-bootstrap": {"no_bootstrap": True},
}
"""What the quirks file says of a model in such a mood."""
NEVER = {
    "charset-unknown": "nobody can read it",
}
"""Moods that no session is possible in."""
RADIO = "Device.WiFi.Radio.1."


@pytest.mark.parametrize("mood", [mood for mood in MOODS if mood not in NEVER])
async def test_a_session_in_a_mood(tmp_path, mood):
    quirks = tmp_path / "quirks.yaml"
    row = {"match": {"oui": "00D09E"}, "set": NEEDS.get(mood, {"batch": 32}), "why": "a router of the lab in a mood"}
    quirks.write_text(json.dumps({"quirks": [row]}))
    moods = frozenset({mood})
    async with stage(tmp_path, cwmp={"quirks": quirks}, moods=moods, pace=FAST) as place:
        await place.grant()
        async with place.rep() as rep:
            assert "1.4.2" in await rep.run("get Device.DeviceInfo.SoftwareVersion")
            assert "Radio" in await rep.run("names Device.WiFi.")
            await rep.run(f"set {RADIO}Enable true")
            assert "11" in await rep.run(f"set {RADIO}Channel 11")
        assert place.cpe.values[f"{RADIO}Channel"] == "11", place.cpe.failures
