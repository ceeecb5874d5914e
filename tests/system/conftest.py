"""Fixtures of the system tests: a loop in a thread, a simulated router that lives in it, and real ones beside it."""

from collections.abc import Iterator

import pytest

from drivers.lab.home import HomeComputer
from drivers.lab.openwrt import OpenWrtRouter
from tests.real.fixtures import dropbear_box, frr_router, namespaces
from tests.running import LoopThread
from tests.system.both_ways import robots_gateway, ways

__all__ = ["dropbear_box", "frr_router", "namespaces", "robots_gateway", "ways"]


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    """An event loop beside the test."""
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture
def lab_router(loop_thread: LoopThread) -> Iterator[OpenWrtRouter]:
    """A simulated OpenWrt router with a home computer behind it."""
    home = HomeComputer()
    router = OpenWrtRouter(home=home)
    loop_thread.run(home.__aenter__())
    loop_thread.run(router.__aenter__())
    yield router
    loop_thread.run(router.__aexit__(None, None, None))
    loop_thread.run(home.__aexit__(None, None, None))
