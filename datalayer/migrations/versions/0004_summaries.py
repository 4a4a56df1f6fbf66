"""What the older messages of a thread said."""

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import ID, LongText

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "summaries",
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("text", LongText, nullable=False),
        sa.Column("from_step", ID, nullable=False),
        sa.Column("until_step", ID, nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("model", LongText, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("thread_id"),
    )


def downgrade() -> None:
    op.drop_table("summaries")
