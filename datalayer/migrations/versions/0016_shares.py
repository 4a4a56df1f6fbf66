"""Read-only links to a thread."""

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import ID, Json

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shares",
        sa.Column("id", ID, nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("files", sa.Boolean(), nullable=False),
        sa.Column("author", sa.Boolean(), nullable=False),
        sa.Column("cost", sa.Boolean(), nullable=False),
        sa.Column("sites", Json, nullable=False),
        sa.Column("snapshot", Json, nullable=True),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("shares_by_thread", "shares", ["thread_id"])
    op.create_index("shares_by_user", "shares", ["user_id", "created_at"])


def downgrade() -> None:
    op.drop_table("shares")
