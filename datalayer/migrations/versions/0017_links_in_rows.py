"""SQLite: the rows of chains stand in the order in which they came, and only their keys in that of their threads. So a
write to many threads changes two thirds of the pages that it changed. Other databases have them as they were.
"""

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import ID, Hash

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_anew(with_rowid=True)


def downgrade() -> None:
    _make_anew(with_rowid=False)


def _make_anew(with_rowid: bool) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.drop_index("links_by_step", table_name="links")
    op.rename_table("links", "links_before")
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
        sqlite_with_rowid=with_rowid,
    )
    op.execute("INSERT INTO links SELECT * FROM links_before ORDER BY thread_id, number")
    op.drop_table("links_before")
    op.create_index("links_by_step", "links", ["step_id"], sqlite_where=sa.text("step_id IS NOT NULL"))
