"""Feeds beside a running gateway: their start is on record, and what is recorded arrives."""

import asyncio
import json
from contextlib import closing

import pytest

from audit.entry import Kind
from config.errors import ConfigError
from config.settings import Settings
from gateway.assembly import House, initialise
from gateway.evidence import feeding


@pytest.fixture
def settings(tmp_path):
    feeds = tmp_path / "feeds"
    feeds.mkdir()
    (feeds / "archive.toml").write_text(f'form = "ocsf"\nto = "file://{tmp_path / "out.ndjson"}"\n')
    given = {"customer": {"port": 0}, "ssh": {"port": 0}, "api": {"port": None}, "review": {"port": None}}
    settings = Settings(data_dir=tmp_path / "data", feeds={"directory": feeds}, **given)
    initialise(settings)
    return settings


async def test_a_running_gateway_delivers(settings, tmp_path):
    house = await House.open(settings)
    await house.start()
    out = tmp_path / "out.ndjson"
    try:
        async with asyncio.timeout(20):
            while not out.exists() or "admin.change" not in out.read_text():
                await asyncio.sleep(0.05)
        reader = house.journal.reader()
        (entry,) = [
            one for one in reader.entries() if one.kind is Kind.ADMIN_CHANGE and one.facts.get("what") == "feed"
        ]
        reader.close()
        assert entry.facts == {"what": "feed", "feed": "archive", "form": "ocsf", "cleared": False}
        with pytest.raises(Exception, match="Another process"):
            feeding.open_feed(settings, feeding.described(settings)[0], house.clock)
    finally:
        await house.stop()
    codes = [json.loads(line)["metadata"]["event_code"] for line in out.read_text().splitlines()]
    assert codes[0] == "log.start"


def test_a_wrong_feed_is_named(settings):
    (settings.feeds.directory / "bad.toml").write_text("to = 1\n")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        feeding.usable(settings)


async def test_a_feed_without_its_secret_keeps_the_gateway_from_starting(settings, tmp_path):
    (settings.feeds.directory / "hook.toml").write_text(
        f'to = "https://siem.example/in"\nform = "ecs"\nsecret_file = "{tmp_path}/missing"\n'
    )
    house = await House.open(settings)
    try:
        with pytest.raises(ConfigError, match="missing"):
            await house.start()
        with closing(house.journal.reader()) as reader:
            told = [one for one in reader.entries() if one.facts.get("what") == "feed"]
        assert told == [], "no feed is said to read that does not"
    finally:
        await house.stop()
