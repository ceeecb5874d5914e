"""The operational log: JSON lines on standard error, for the people who run the gateway.

It is not the evidence (that is `audit.journal`) and holds no personal data: only keys on `ALLOWED` pass, and of other
libraries' messages only where they come from, because their texts carry user names, addresses and file names.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO, cast

_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # structlog would load it, 5 MB, for colours that no line here has
try:
    import structlog
finally:
    del sys.modules["rich"]
    if _rich is not None:
        sys.modules["rich"] = _rich

ALLOWED: Final = frozenset(
    {
        "event", "level", "ts", "logger", "where",
        "session", "consent", "entry", "approval", "hold", "feed", "generation", "platform", "capability", "channel",
        "rule",
        "kind", "reason", "code", "signal", "port", "size", "count", "duration_ms", "attempt", "error", "error_type",
        "step", "version",
    }
)  # fmt: skip
"""Keys a log line may carry. Identifiers are pseudonyms (ULIDs); a key for a name, address, ticket, serial, line or
secret MUST NOT be added. Keys that are not here are dropped, and `dropped` counts them."""

ONE_WORD: Final = frozenset({"error", "error_type"})
"""Keys whose value is the name of a class. An exception's text may quote what a person typed, so it is left out."""

_LONGEST: Final = 120
_LIBRARIES: Final = ("asyncio", "asyncssh", "httpx", "httpcore", "paramiko", "netmiko", "sqlalchemy", "uvicorn")


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's loggers to `stream` (standard error if none) at `level` and above.

    Libraries speak from `warning` upwards whatever `level` is: below that they report on people.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    out = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            name_error,
            keep_allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Forward()]
    root.setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(capture=True)
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(threshold, logging.WARNING))
    logging.getLogger("uvicorn.access").disabled = True  # every line of it is an address and a path


def keep_allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """structlog processor: drop what is not on `ALLOWED`, shorten texts, and name the type of anything but a scalar."""
    kept = {
        key: _scalar(value)
        for key, value in event.items()
        if key in ALLOWED and (key not in ONE_WORD or (isinstance(value, str) and value.isidentifier()))
    }
    if len(kept) < len(event):
        kept["dropped"] = len(event) - len(kept)
    return kept


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:_LONGEST]
    return type(value).__name__


def name_error(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: of an exception keep its type and where it arose; its text may quote what a person typed."""
    info = event.pop("exc_info", None)
    error = sys.exception() if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        if frames:
            event["where"] = _place(frames[-1].filename, frames[-1].lineno)
    return event


def _place(filename: str, line: int | None) -> str:
    return "/".join(filename.rsplit("/", 2)[-2:]) + f":{line}"


class _Forward(logging.Handler):
    """Passes on that a library spoke, how loudly and from which line of its code; never what it said."""

    def emit(self, record: logging.LogRecord) -> None:
        log = cast("structlog.typing.FilteringBoundLogger", structlog.get_logger())
        log.log(
            record.levelno,
            "library.message",
            logger=record.name,
            where=_place(record.pathname, record.lineno),
            **({"exc_info": record.exc_info} if record.exc_info else {}),
        )
