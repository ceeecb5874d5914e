"""Whether routers call this worker, and what reps hear where they do not."""

import pytest

from drivers.errors import RouterUnreachable
from gateway.cwmp.links import ELSEWHERE, OFF, Alone, Links


class Hub:
    async def attach(self, router_id, *, wanted=frozenset(), seconds=60.0, wake=True):
        return router_id, wanted, seconds, wake


async def test_until_somebody_listens_a_sentence_says_why_no_router_comes():
    links = Links(Hub())
    with pytest.raises(RouterUnreachable) as told:
        await links.attach("r1")
    assert str(told.value) == OFF
    links.closed = ELSEWHERE
    with pytest.raises(RouterUnreachable, match="another worker"):
        await links.attach("r1")
    links.closed = ""
    assert await links.attach("r1", wanted=frozenset({"1 BOOT"}), seconds=5, wake=False) == (
        "r1", frozenset({"1 BOOT"}), 5, False,
    )  # fmt: skip


def test_one_of_all_is_called(tmp_path):
    first, second = Alone(tmp_path / "lock"), Alone(tmp_path / "lock")
    assert first.take()
    assert not second.take()
    first.release()
    first.release()
    assert second.take()
    second.release()
    assert oct((tmp_path / "lock").stat().st_mode)[-3:] == "600"
