"""The tables of the operational state, for SQLite and PostgreSQL alike. Counterpart: `migrations`, which makes them.

Whatever could tell about a person is sealed (`gateway.access.credentials.Vault`); columns beside it are ids, states,
times, keyed tags and digests. The row id and column name go into the seal.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

REVISION: Final = "0002"
"""The migration that makes these tables as they are: the newest one."""

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """A UTC time as text of fixed width, so that it sorts the same in every database."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


principals = Table(
    "principals",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("name_tag", String(64), nullable=False, unique=True),
    Column("name", LargeBinary, nullable=False),
    Column("role", String(16), nullable=False),
    Column("alias", String(32), nullable=False, unique=True),
    Column("disabled", Boolean, nullable=False),
    Column("uid", BigInteger, unique=True),
    Column("training_until", UtcTime),
    Column("totp_secret", LargeBinary),
    Column("totp_step", BigInteger, nullable=False),
    Column("added_at", UtcTime, nullable=False),
)

public_keys = Table(
    "public_keys",
    METADATA,
    Column("fingerprint", String(64), primary_key=True),
    Column("principal_id", String(26), ForeignKey("principals.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(64), nullable=False),
    Column("added_at", UtcTime, nullable=False),
)

service_tokens = Table(
    "service_tokens",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("principal_id", String(26), ForeignKey("principals.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", String(64), nullable=False),
    Column("added_at", UtcTime, nullable=False),
)

routers = Table(
    "routers",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("name_tag", String(64), nullable=False, unique=True),
    Column("subscriber_ref", String(26), nullable=False, index=True),
    Column("platform", String(32), nullable=False),
    Column("place", LargeBinary, nullable=False),
    Column("credential", LargeBinary),
    Column("added_at", UtcTime, nullable=False),
)

cpes = Table(
    "cpes",
    METADATA,
    Column("router_id", String(26), ForeignKey("routers.id", ondelete="CASCADE"), primary_key=True),
    Column("device_tag", String(64), nullable=False, unique=True),
    Column("device", LargeBinary, nullable=False),
    Column("wake", LargeBinary),
    Column("sighting", LargeBinary),
    Column("pending", LargeBinary),
)

contacts = Table(
    "contacts",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("subscriber_ref", String(26), nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("language", String(2), nullable=False),
    Column("position", Integer, nullable=False),
    Column("address", LargeBinary, nullable=False),
)

consents = Table(
    "consents",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("state", String(24), nullable=False),
    Column("rep_id", String(26), nullable=False),
    Column("router_id", String(26), nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("due_at", UtcTime),
    Column("body", LargeBinary, nullable=False),
    Index(None, "rep_id", "router_id"),
    Index(None, "due_at"),
    Index(None, "requested_at"),
)

links = Table(
    "links",
    METADATA,
    Column("ref", String(26), primary_key=True),
    Column("consent_id", String(26), nullable=False, index=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("made_at", UtcTime, nullable=False),
    Column("opened_at", UtcTime),
    Column("replaced", Boolean, nullable=False),
)

codes = Table(
    "codes",
    METADATA,
    Column("consent_id", String(26), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("made_at", UtcTime, nullable=False),
)

consent_tokens = Table(
    "consent_tokens",
    METADATA,
    Column("consent_id", String(26), primary_key=True),
    Column("digest", String(64), primary_key=True),
)

statements = Table(
    "statements",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("language", String(2), nullable=False),
    Column("version", String(16), nullable=False),
    Column("text", Text, nullable=False),
)

marks = Table(
    "marks",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
