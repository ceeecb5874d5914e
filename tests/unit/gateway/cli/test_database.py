"""`vestibule database`: tables by their owner, and how the log stands as its gateway sees it."""

import pytest

from audit.stores.choose import Database, remember
from config.settings import EvidenceSettings
from gateway import exits
from gateway.assembly import database_of


def private(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_tables_are_made_by_their_owner(vestibule, postgres_server, tmp_path):
    name = postgres_server.new_database()
    owner = private(tmp_path / "owner.url", postgres_server.address(name))
    made = vestibule("database", "migrate", "--owner-url-file", owner, "--json")
    assert (made.status, made.json) == (exits.OK, {"applied": ["0001_evidence.sql"]})
    assert "all was there" in vestibule("database", "migrate", "--owner-url-file", owner).out
    keys = vestibule("database", "migrate", "--keys", "--owner-url-file", owner, "--json")
    assert keys.json == {"applied": ["0001_keys.sql"]}
    gateway = private(tmp_path / "gateway.url", postgres_server.address(postgres_server.new_database(), "gateway"))
    refused = vestibule("database", "migrate", "--owner-url-file", gateway)
    assert (refused.status, "could not be made" in refused.err) == (exits.CONFIG, True)
    nowhere = private(tmp_path / "nowhere.url", "host=/nowhere dbname=x")
    assert vestibule("database", "migrate", "--owner-url-file", nowhere).status == exits.CONFIG


def test_the_settings_say_where_the_log_is(tmp_path):
    with pytest.raises(ValueError, match="needs database_url_file"):
        EvidenceSettings(store="postgresql")
    assert database_of(EvidenceSettings()) is None
    address = tmp_path / "gateway.url"
    found = database_of(EvidenceSettings(store="postgresql", database_url_file=address, worker="two"))
    assert found == Database(address=address, worker="two")
    remember(tmp_path / "evidence", found)
    assert (tmp_path / "evidence" / "database.json").stat().st_mode & 0o777 == 0o600


def test_status_tells_a_log_in_a_file_from_a_database_that_has_not_begun(vestibule, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text('data_dir = "new"\n')
    refused = vestibule("database", "status", "--config", settings)
    assert (refused.status, "evidence.store says sqlite" in refused.err) == (exits.CONFIG, True)
    settings.write_text('data_dir = "new"\n[evidence]\nstore = "postgresql"\ndatabase_url_file = "gateway.url"\n')
    refused = vestibule("database", "status", "--config", settings)
    assert (refused.status, "names no database yet" in refused.err) == (exits.CONFIG, True)
