"""Several processes on several machines: who lives, what they share, content that is being removed."""

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import ID, Json

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instances",
        sa.Column("id", ID, nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "app_values",
        sa.Column("key", ID, nullable=False),
        sa.Column("value", Json, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.add_column("blobs", sa.Column("released_at", sa.BigInteger(), nullable=True))
    op.add_column("blobs", sa.Column("tag", sa.String(16), nullable=True))


def downgrade() -> None:
    op.drop_column("blobs", "tag")
    op.drop_column("blobs", "released_at")
    op.drop_table("app_values")
    op.drop_table("instances")
