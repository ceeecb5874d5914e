"""Routers that speak TR-069: which device each is, how it is woken, where it was seen last, what it still owes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One more table; every value in it is sealed."""
    op.create_table(
        "cpes",
        sa.Column("router_id", sa.String(26), nullable=False),
        sa.Column("device_tag", sa.String(64), nullable=False),
        sa.Column("device", sa.LargeBinary, nullable=False),
        sa.Column("wake", sa.LargeBinary),
        sa.Column("sighting", sa.LargeBinary),
        sa.Column("pending", sa.LargeBinary),
        sa.ForeignKeyConstraint(["router_id"], ["routers.id"], name="fk_cpes_router_id_routers", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("router_id", name="pk_cpes"),
        sa.UniqueConstraint("device_tag", name="uq_cpes_device_tag"),
    )
