"""What was read of files, as passages that are found by their words."""

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import Json, LongText, Seq

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file_texts",
        sa.Column("number", Seq, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("refused", sa.String(length=16), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.Column("blocks", sa.Integer(), nullable=False),
        sa.Column("lengths", Json, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("file_texts_by_content", "file_texts", ["sha256", "state"])
    where = sa.text("state != 'kept'")
    op.create_index("file_texts_unkept", "file_texts", ["state"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "passages",
        sa.Column("key", Seq, autoincrement=False, nullable=False),
        sa.Column("text", LongText, nullable=False),
        sa.Column("place", Json, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "passage_words",
        sa.Column("key", Seq, autoincrement=False, nullable=False),
        sa.Column("words", LongText, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def downgrade() -> None:
    op.drop_table("passage_words")
    op.drop_table("passages")
    op.drop_table("file_texts")
