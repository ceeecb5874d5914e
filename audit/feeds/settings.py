"""What a feed is, as an operator describes it: one TOML file a feed, `<name>.toml`."""

import re
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit.feeds.errors import FeedError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")


class FeedSettings(BaseModel):
    """One feed. Paths are relative to the directory of its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="From the name of the file.")
    form: Literal["ocsf", "ecs", "cef", "syslog"] = Field(description="How an entry is spelled.")
    to: str = Field(
        pattern=r"\A(syslog\+tls://[^/?#@]+:\d{1,5}|https://[^@]+|http://(127\.0\.0\.1|localhost)(:\d+)?/.*|file:///.+)\z",
        description="`syslog+tls://host:port` (RFC 5425), an HTTPS webhook, or `file:///path` (lines are appended).",
    )
    ca_file: Path | None = Field(None, description="Certificates of the CAs that the receiver's must chain to.")
    client_certificate: Path | None = Field(None, description="Our certificate and key (PEM), if the receiver asks.")
    secret_file: Path | None = Field(None, description="Secret of a webhook's signature (HMAC-SHA256), mode 0600.")
    cleared: bool = Field(
        False, description="Send names, addresses and commands too. Without it people and routers are pseudonyms."
    )
    kinds: tuple[str, ...] = Field((), description="Kinds of entries, or beginnings of them (`session.`); none: all.")
    batch: int = Field(200, ge=1, le=2000, description="Entries delivered at one time.")

    def wants(self, kind: str) -> bool:
        """Whether entries of this kind are fed."""
        return not self.kinds or any(kind == one or (one.endswith(".") and kind.startswith(one)) for one in self.kinds)


def load_feeds(directory: Path) -> list[FeedSettings]:
    """All feeds described in `directory`, by name. Raises `FeedError`, naming the file and what is wrong in it."""
    if not directory.is_dir():
        raise FeedError(f"feeds.directory: {directory} is no directory.")
    return [load_feed(path) for path in sorted(directory.glob("*.toml"))]


def load_feed(path: Path) -> FeedSettings:
    """One feed. Raises `FeedError`."""
    if not _NAME.match(path.stem):
        raise FeedError(f"{path}: the name of a feed has lower-case letters, digits and hyphens, at most 32.")
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FeedError(f"{path}: cannot be read as TOML ({error}).") from error
    for key in ("ca_file", "client_certificate", "secret_file"):
        if isinstance(given.get(key), str):
            given[key] = path.parent / given[key]
    try:
        settings = FeedSettings(**{**given, "name": path.stem})
    except (ValidationError, TypeError) as error:
        raise FeedError(f"{path}: {_sentence(error)}") from error
    if settings.to.startswith("http") and settings.secret_file is None:
        raise FeedError(f"{path}: a webhook needs `secret_file`, so that its receiver can tell us from others.")
    if settings.to.startswith("syslog") and settings.form not in ("syslog", "cef"):
        raise FeedError(f"{path}: syslog carries the forms syslog and cef; {settings.form} goes to a webhook or file.")
    return settings


def _sentence(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"`{where}`: {first['msg']}."
