"""The hash chain of each thread. Threads that are there begin theirs with their next message."""

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import ID, Hash

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("of", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("step_id", ID, nullable=True),
        sa.Column("salt", Hash, nullable=True),
        sa.Column("digest", Hash, nullable=True),
        sa.Column("hash", Hash, nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("thread_id", "number"),
        sqlite_with_rowid=False,
    )
    has_step = sa.text("step_id IS NOT NULL")
    op.create_index("links_by_step", "links", ["step_id"], sqlite_where=has_step, postgresql_where=has_step)


def downgrade() -> None:
    op.drop_table("links")
