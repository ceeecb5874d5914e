"""Where published logs are found, and reading ahead."""

import threading

import httpx
import pytest

from audit.errors import LogMissing, PublishFailed
from audit.publish.source import HttpTiles, ReadAhead, open_source
from audit.stores.tiles_memory import MemoryTileStore


@pytest.mark.parametrize("below", [".", "log", "evidence/log"])
def test_a_directory_of_tiles_of_evidence_or_of_all_data(tmp_path, below):
    place = tmp_path / below
    place.mkdir(parents=True, exist_ok=True)
    (place / "checkpoint").write_bytes(b"note")
    assert open_source(str(tmp_path)).get("checkpoint") == b"note"
    assert open_source(place.as_uri()).get("checkpoint") == b"note"


def test_the_published_checkpoint_counts_not_the_one_beside_it(tmp_path):
    for place, note in ((tmp_path, b"beside"), (tmp_path / "log", b"published")):
        place.mkdir(exist_ok=True)
        (place / "checkpoint").write_bytes(note)
    assert open_source(str(tmp_path)).get("checkpoint") == b"published"


def test_a_directory_without_a_log(tmp_path):
    with pytest.raises(LogMissing, match="no published log"):
        open_source(str(tmp_path))


def site(handler):
    return HttpTiles("http://log/base/", httpx.Client(transport=httpx.MockTransport(handler)))


def test_answers_of_a_site():
    answers = {"/base/checkpoint": 200, "/base/tile/0/000": 404, "/base/tile/0/001": 410, "/base/tile/0/002": 500}
    tiles = site(lambda request: httpx.Response(answers[request.url.path], content=b"x"))
    assert tiles.get("checkpoint") == b"x"
    assert tiles.get("tile/0/000") is tiles.get("tile/0/001") is None
    with pytest.raises(PublishFailed, match="status 500"):
        tiles.get("tile/0/002")
    with pytest.raises(ValueError):
        tiles.get("../x")


def test_redirects_are_not_followed():
    tiles = site(lambda request: httpx.Response(302, headers={"location": "http://elsewhere/"}))
    with pytest.raises(PublishFailed, match="status 302"):
        tiles.get("checkpoint")


def test_an_answer_without_end_is_not_read_on():
    def endless():
        while True:
            yield bytes(1 << 20)

    tiles = site(lambda request: httpx.Response(200, content=endless()))
    with pytest.raises(PublishFailed, match="more than there can be"):
        tiles.get("tile/0/000")


def test_the_next_ones_are_asked_for_before_they_are_wanted():
    store, asked, lock = MemoryTileStore(), [], threading.Lock()
    for number in range(30):
        store.put_new(f"tile/entries/{number:03}", b"%d" % number)

    class Counting:
        def get(self, path):
            with lock:
                asked.append(path)
            return store.get(path)

    ahead = ReadAhead(Counting(), ahead=4)
    assert [ahead.get(f"tile/entries/{number:03}") for number in range(30)] == [b"%d" % number for number in range(30)]
    assert ahead.get("checkpoint") is None
    assert ahead.get("tile/entries/500") is None
    ahead.close()
    assert all(asked.count(f"tile/entries/{number:03}") == 1 for number in range(30))
