"""The first tables. Forward only: a state is never taken back to an older form."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.String(26)
DIGEST = sa.String(64)
TIME = sa.String(27)


def upgrade() -> None:
    """Make every table."""
    _people()
    _inventory()
    _consents()
    op.create_table(
        "marks",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_marks"),
    )


def _people() -> None:
    op.create_table(
        "principals",
        sa.Column("id", ID, nullable=False),
        sa.Column("name_tag", DIGEST, nullable=False),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("alias", sa.String(32), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("uid", sa.BigInteger),
        sa.Column("training_until", TIME),
        sa.Column("totp_secret", sa.LargeBinary),
        sa.Column("totp_step", sa.BigInteger, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_principals"),
        sa.UniqueConstraint("name_tag", name="uq_principals_name_tag"),
        sa.UniqueConstraint("alias", name="uq_principals_alias"),
        sa.UniqueConstraint("uid", name="uq_principals_uid"),
    )
    op.create_table(
        "public_keys",
        sa.Column("fingerprint", DIGEST, nullable=False),
        sa.Column("principal_id", ID, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_public_keys"),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name="fk_public_keys_principal_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_public_keys_principal_id", "public_keys", ["principal_id"])
    op.create_table(
        "service_tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("principal_id", ID, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service_tokens"),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name="fk_service_tokens_principal_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_service_tokens_principal_id", "service_tokens", ["principal_id"])


def _inventory() -> None:
    op.create_table(
        "routers",
        sa.Column("id", ID, nullable=False),
        sa.Column("name_tag", DIGEST, nullable=False),
        sa.Column("subscriber_ref", ID, nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("place", sa.LargeBinary, nullable=False),
        sa.Column("credential", sa.LargeBinary),
        sa.Column("added_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_routers"),
        sa.UniqueConstraint("name_tag", name="uq_routers_name_tag"),
    )
    op.create_index("ix_routers_subscriber_ref", "routers", ["subscriber_ref"])
    op.create_table(
        "contacts",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscriber_ref", ID, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("address", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
    )
    op.create_index("ix_contacts_subscriber_ref", "contacts", ["subscriber_ref"])


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("id", ID, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("rep_id", ID, nullable=False),
        sa.Column("router_id", ID, nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("due_at", TIME),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
    )
    op.create_index("ix_consents_rep_id_router_id", "consents", ["rep_id", "router_id"])
    op.create_index("ix_consents_due_at", "consents", ["due_at"])
    op.create_index("ix_consents_requested_at", "consents", ["requested_at"])
    op.create_table(
        "links",
        sa.Column("ref", ID, nullable=False),
        sa.Column("consent_id", ID, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("opened_at", TIME),
        sa.Column("replaced", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("ref", name="pk_links"),
        sa.UniqueConstraint("digest", name="uq_links_digest"),
    )
    op.create_index("ix_links_consent_id", "links", ["consent_id"])
    op.create_table(
        "codes",
        sa.Column("consent_id", ID, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("consent_id", name="pk_codes"),
    )
    op.create_table(
        "consent_tokens",
        sa.Column("consent_id", ID, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.PrimaryKeyConstraint("consent_id", "digest", name="pk_consent_tokens"),
    )
    op.create_table(
        "statements",
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_statements"),
    )
