"""One-time links into the web pages."""

import pytest

from config.clock import FakeClock
from gateway.errors import NotAllowed, Unavailable
from gateway.session.web_links import WebLinks
from tests.stage import stage


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def links(clock):
    return WebLinks(clock, "https://review.example")


def secret(link):
    return link.removeprefix("https://review.example/l/")


async def test_a_link_opens_once(links):
    amy = await stage().person("amy", "auditor")
    made = secret(links.make(amy))
    assert links.find(made) == links.find(made) == amy
    assert links.open(made) == amy
    assert links.open(made) is links.find(made) is None


async def test_for_five_minutes(links, clock):
    made = secret(links.make(await stage().person("amy", "auditor")))
    clock.advance(300)
    assert links.open(made) is None


@pytest.mark.parametrize("role", ["rep", "automation", "operator"])
async def test_not_for_everybody(links, role):
    with pytest.raises(NotAllowed):
        links.make(await stage().person("ada", role))


async def test_not_without_pages(clock):
    with pytest.raises(Unavailable):
        WebLinks(clock).make(await stage().person("amy", "auditor"))


@pytest.mark.parametrize("text", ["", "x", "\ud83d", "a" * 10_000])
def test_what_is_no_link(links, text):
    assert links.open(text) is None
