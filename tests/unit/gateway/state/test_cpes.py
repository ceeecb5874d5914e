"""CPEs of the inventory: in memory for the listener, sealed in the state, never half registered."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.clock import FakeClock
from drivers.cwmp.known import MemoryCpeDirectory, Sighting
from drivers.session import Credential
from gateway.access.credentials import Vault
from gateway.errors import BadRequest, Unavailable
from gateway.state.cpes import StateCpes
from gateway.state.database import Database, sqlite_url
from gateway.state.directory import StateDirectory
from gateway.state.registry import NewRouter, Registry

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SEEDS = (b"ACS-PASSWORD-SEED", b"00D09E", b"WAKE-SEED", b"198.51.100.9", b"SOFT-SEED", b"PENDING-SEED")


@dataclass
class Rooms:
    path: Path
    database: Database
    vault: Vault
    registry: Registry

    def open(self) -> StateCpes:
        return StateCpes(self.database, self.vault)


@pytest.fixture
def rooms(tmp_path: Path, clock: FakeClock) -> Iterator[Rooms]:
    path = tmp_path / "state.db"
    database, vault = Database.open(sqlite_url(path)), Vault(bytes(32))
    yield Rooms(path, database, vault, Registry(database, vault, clock))
    database.close()


def cpe(name: str = "cpe-7", device: str = "00D09E-DSL-ABC123", **changes: object) -> NewRouter:
    wanted: dict[str, object] = {
        "name": name, "platform": "cwmp", "address": "", "port": 0, "host_key": "", "device": device,
        "credential": Credential(user="home-7", password="ACS-PASSWORD-SEED"),
    }  # fmt: skip
    return NewRouter(**{**wanted, **changes})  # type: ignore[arg-type]


def sighting(**changes: object) -> Sighting:
    seen: dict[str, object] = {
        "at": NOW, "address": "198.51.100.9", "identity": "tls-password", "root": "Device.", "software": "SOFT-SEED",
        "namespace": "urn:dslforum-org:cwmp-1-0", "cr_url": "http://198.51.100.9:7547/x", "inform_seconds": 300,
    }  # fmt: skip
    return Sighting(**{**seen, **changes})  # type: ignore[arg-type]


async def test_a_registered_cpe_is_found_by_its_device_and_its_router(rooms: Rooms) -> None:
    router = await rooms.registry.add_router(cpe())
    cpes = rooms.open()
    known = cpes.by_device("00D09E-DSL-ABC123")
    assert known is not None
    assert known == cpes.by_router(router.id)
    assert (known.router_name, known.user, known.password) == ("cpe-7", "home-7", "ACS-PASSWORD-SEED")
    assert "ACS-PASSWORD-SEED" not in repr(known)
    assert cpes.by_device("00D09E-DSL-OTHER") is None
    target = await StateDirectory(rooms.database, rooms.vault).target(router.id)
    assert target is not None
    assert (target.platform, target.name, target.address) == ("cwmp", "cpe-7", "")


async def test_without_a_product_class_any_is_taken(rooms: Rooms) -> None:
    await rooms.registry.add_router(cpe(device="00D09E-ABC123"))
    known = rooms.open().by_device("00D09E-DSL-ABC123")
    assert known is not None
    memory = MemoryCpeDirectory(known)
    assert memory.by_device("00D09E-Other-ABC123") == known
    assert memory.by_device("00D09F-Other-ABC123") is None


async def test_what_was_seen_and_set_stands_in_the_next_run_and_in_no_clear_byte(rooms: Rooms) -> None:
    router = await rooms.registry.add_router(cpe())
    cpes = rooms.open()
    cpes.informed(router.id, sighting())
    await cpes.flush()
    await cpes.set_connection_request(router.id, "wake", "WAKE-SEED")
    await cpes.set_pending(router.id, "PENDING-SEED")
    again = rooms.open()
    assert again.all() == cpes.all()
    known = again.by_router(router.id)
    assert known is not None
    assert (known.address, known.software, known.informed_at, known.inform_seconds) == (
        "198.51.100.9", "SOFT-SEED", NOW, 300,
    )  # fmt: skip
    assert (known.cr_user, known.cr_password) == ("wake", "WAKE-SEED")
    assert again.pending(router.id) == "PENDING-SEED"
    await rooms.database.scrub()
    raw = b"".join(path.read_bytes() for path in rooms.path.parent.glob("state.db*"))
    assert not [seed for seed in SEEDS if seed in raw]
    await again.set_pending(router.id, "")
    assert rooms.open().pending(router.id) == ""


async def test_a_sighting_leaves_what_it_does_not_tell(rooms: Rooms) -> None:
    router = await rooms.registry.add_router(cpe())
    cpes = rooms.open()
    cpes.informed(router.id, sighting())
    cpes.informed(router.id, sighting(software="", cr_url="", inform_seconds=None, address="198.51.100.10"))
    known = cpes.by_router(router.id)
    assert known is not None
    assert (known.software, known.inform_seconds, known.address) == ("SOFT-SEED", 300, "198.51.100.10")
    assert known.cr_url == "http://198.51.100.9:7547/x"
    await cpes.flush()


async def test_a_removed_router_is_forgotten(rooms: Rooms) -> None:
    router = await rooms.registry.add_router(cpe())
    cpes = rooms.open()
    await rooms.registry.remove_router("cpe-7")
    cpes.forget(router.id)
    assert (cpes.by_device("00D09E-DSL-ABC123"), cpes.by_router(router.id), len(cpes)) == (None, None, 0)
    cpes.informed(router.id, sighting())  # its last Inform was on the way
    await cpes.flush()
    assert rooms.open().all() == []


async def test_a_new_sign_in_counts_at_once(rooms: Rooms) -> None:
    router = await rooms.registry.add_router(cpe())
    cpes = rooms.open()
    await rooms.registry.set_credential("cpe-7", Credential(user="home-8", password="another password"))
    await cpes.learn(router.id)
    known = cpes.by_router(router.id)
    assert known is not None
    assert (known.user, known.password) == ("home-8", "another password")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device": "nonsense"}, "no device id"),
        ({"device": ""}, "no device id"),
        ({"credential": Credential(user="x", password="short")}, "at least 12"),
        ({"credential": Credential(user="x")}, "at least 12"),
        ({"name": "cpe-1"}, "already registered"),
        ({"name": "cpe-0"}, "already"),
    ],
)
async def test_what_cannot_be_registered_leaves_nothing(rooms: Rooms, changes: dict[str, object], said: str) -> None:
    await rooms.registry.add_router(cpe(name="cpe-0"))
    wanted = {"device": "00D09E-DSL-OTHER", **changes} if changes.get("name") != "cpe-1" else changes
    with pytest.raises(BadRequest, match=said):
        await rooms.registry.add_router(cpe(**wanted))  # type: ignore[arg-type]
    assert [one.router_name for one in rooms.open().all()] == ["cpe-0"]


async def test_a_certificate_needs_no_password(rooms: Rooms) -> None:
    await rooms.registry.add_router(cpe(credential=Credential(user="x"), certificate_name="cpe-7.isp.example"))
    known = rooms.open().by_device("00D09E-DSL-ABC123")
    assert known is not None
    assert (known.certificate_name, known.password) == ("cpe-7.isp.example", "")


async def test_who_is_removed_or_signs_in_otherwise_is_told_of(rooms: Rooms) -> None:
    router = await rooms.registry.add_router(cpe())
    cpes, changed = rooms.open(), []
    cpes.on_changed = changed.append
    await rooms.registry.set_credential("cpe-7", Credential(user="home-7", password="ANOTHER-PASSWORD"))
    await cpes.learn(router.id)
    assert changed == [router.id]
    cpes.forget(router.id)
    assert changed == [router.id] * 2


async def test_a_sign_in_that_cannot_be_learnt_does_not_leave_the_old_one_good(rooms: Rooms) -> None:
    router = await rooms.registry.add_router(cpe())
    cpes, changed = rooms.open(), []
    cpes.on_changed = changed.append
    await rooms.database.run(lambda db: db.exec_driver_sql("ALTER TABLE cpes RENAME TO gone"))
    with pytest.raises(Unavailable):
        await cpes.learn(router.id)
    assert cpes.by_router(router.id) is None
    assert changed == [router.id]


async def test_the_routers_of_a_subscriber_are_forgotten_together(rooms: Rooms) -> None:
    first = await rooms.registry.add_router(cpe())
    await rooms.registry.add_router(cpe("cpe-8", "00D09E-DSL-ABC124", subscriber_ref=first.subscriber_ref))
    other = await rooms.registry.add_router(cpe("cpe-9", "00D09E-DSL-ABC125"))
    cpes = rooms.open()
    cpes.forget_subscriber(first.subscriber_ref)
    assert [one.router_id for one in cpes.all()] == [other.id]
    assert cpes.by_device("00D09E-DSL-ABC124") is None
