"""The operational log: JSON on one stream, and nothing in it that says who."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from config.logs import ALLOWED, configure


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The configured log, undone afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure("info", out)
    yield out
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("asyncssh", "uvicorn", "sqlalchemy", "asyncio", "paramiko", "netmiko", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_and_level(stream: io.StringIO):
    structlog.get_logger().info("session.opened", session="01J", port=22, duration_ms=1.5)
    (line,) = lines(stream)
    assert line.pop("ts").endswith("Z")
    assert line == {"event": "session.opened", "level": "info", "session": "01J", "port": 22, "duration_ms": 1.5}


def test_keys_that_are_not_allowed_are_dropped_and_counted(stream: io.StringIO):
    log = structlog.get_logger().bind(rep="alice", session="01J")
    log.warning("auth.fail", source="203.0.113.9", line="show version", reason="no such key")
    (line,) = lines(stream)
    assert line["dropped"] == 3
    assert line["reason"] == "no such key"
    assert not {"alice", "203.0.113.9", "show version"} & {str(value) for value in line.values()}


def test_objects_are_named_by_type_only(stream: io.StringIO):
    structlog.get_logger().info("x", reason={"name": "alice"}, code=b"alice", kind=["alice"])
    assert "alice" not in stream.getvalue()
    assert lines(stream)[0]["reason"] == "dict"


def test_an_error_is_named_by_its_class_or_not_at_all(stream: io.StringIO):
    structlog.get_logger().warning("x", error="OSError")
    structlog.get_logger().warning("x", error="no user alice", error_type="no user alice")
    assert "alice" not in stream.getvalue()
    assert [(line.get("error"), line.get("dropped")) for line in lines(stream)] == [("OSError", None), (None, 2)]


def test_an_exception_leaves_its_type_and_place_and_not_its_text(stream: io.StringIO):
    try:
        raise ValueError("unknown user alice")
    except ValueError:
        structlog.get_logger().exception("sign-in failed")
    (line,) = lines(stream)
    assert line["error_type"] == "ValueError"
    assert line["where"].startswith("config/test_logs.py:")
    assert "alice" not in stream.getvalue()


def test_below_the_level_nothing_is_written(stream: io.StringIO):
    structlog.get_logger().debug("x")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "library", ["asyncssh", "asyncssh.sftp", "uvicorn.error", "sqlalchemy.engine", "paramiko.transport"]
)
def test_libraries_tell_where_they_spoke_but_not_what(stream: io.StringIO, library: str):
    log = logging.getLogger(library)
    log.info("Beginning auth for user %s", "alice")
    log.warning("Login of alice from %s", "203.0.113.9")
    (line,) = lines(stream)
    assert line["logger"] == library
    assert line["level"] == "warning"
    assert line["where"].startswith("config/test_logs.py:")
    assert "alice" not in stream.getvalue()
    assert "203.0.113.9" not in stream.getvalue()


def test_an_access_log_is_never_written(stream: io.StringIO):
    logging.getLogger("uvicorn.access").error('203.0.113.9 - "GET /c/secret-link"')
    assert stream.getvalue() == ""


def test_errors_of_libraries_keep_their_type(stream: io.StringIO):
    try:
        raise OSError("alice")
    except OSError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved for alice")
    (line,) = lines(stream)
    assert line["error_type"] == "OSError"
    assert "alice" not in stream.getvalue()


def test_warnings_go_the_same_way(stream: io.StringIO):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("alice", stacklevel=1)
    assert lines(stream)[0]["logger"] == "py.warnings"
    assert "alice" not in stream.getvalue()


def test_debug_does_not_loosen_the_libraries():
    out = io.StringIO()
    configure("debug", out)
    try:
        logging.getLogger("asyncssh").info("user alice")
        assert out.getvalue() == ""
    finally:
        structlog.reset_defaults()


def test_no_allowed_key_is_a_personal_one():
    assert not ALLOWED & {
        "rep",
        "user",
        "name",
        "source",
        "address",
        "host",
        "router",
        "ticket",
        "line",
        "command",
        "token",
    }
