"""The first schema."""

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import ID, Json, LongText, Seq

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "tombstones",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id"),
    )
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("identifier", LongText, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        # Its id follows from it; servers limit the length of what is in an index.
        *([sa.UniqueConstraint("identifier")] if on_sqlite else []),
    )
    op.create_table(
        "threads",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("name", LongText, nullable=True),
        sa.Column("name_source", sa.String(length=16), nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("tags", Json, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_activity_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("threads_by_activity", "threads", ["user_id", "last_activity_at", "id"], unique=False)
    op.create_table(
        "elements",
        sa.Column("id", ID, nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("for_id", ID, nullable=True),
        sa.Column("type", sa.String(length=64), nullable=True),
        sa.Column("name", LongText, nullable=True),
        sa.Column("display", sa.String(length=64), nullable=True),
        sa.Column("size", sa.String(length=64), nullable=True),
        sa.Column("language", LongText, nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("mime", LongText, nullable=True),
        sa.Column("url", LongText, nullable=True),
        sa.Column("chainlit_key", LongText, nullable=True),
        sa.Column("object_key", LongText, nullable=True),
        sa.Column("props", Json, nullable=True),
        sa.Column("auto_play", sa.Boolean(), nullable=True),
        sa.Column("player_config", Json, nullable=True),
        sa.Column("blob", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("extra", Json, nullable=True),
        sa.ForeignKeyConstraint(
            ["blob"],
            ["blobs.sha256"],
        ),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("elements_by_blob", "elements", ["blob"], unique=False)
    op.create_index("elements_by_step", "elements", ["for_id"], unique=False)
    op.create_index("elements_by_thread", "elements", ["thread_id"], unique=False)
    op.create_table(
        "steps",
        sa.Column("seq", Seq, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("type", sa.String(length=64), nullable=True),
        sa.Column("name", LongText, nullable=True),
        sa.Column("input", LongText, nullable=True),
        sa.Column("output", LongText, nullable=True),
        sa.Column("streaming", sa.Boolean(), nullable=True),
        sa.Column("is_error", sa.Boolean(), nullable=True),
        sa.Column("wait_for_answer", sa.Boolean(), nullable=True),
        sa.Column("default_open", sa.Boolean(), nullable=True),
        sa.Column("auto_collapse", sa.Boolean(), nullable=True),
        sa.Column("show_input", Json, nullable=True),
        sa.Column("language", LongText, nullable=True),
        sa.Column("icon", LongText, nullable=True),
        sa.Column("command", LongText, nullable=True),
        sa.Column("modes", Json, nullable=True),
        sa.Column("tags", Json, nullable=True),
        sa.Column("metadata", Json, nullable=True),
        sa.Column("generation", Json, nullable=True),
        sa.Column("favorite", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=True),
        sa.Column("end", sa.BigInteger(), nullable=True),
        sa.Column("extra", Json, nullable=True),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], ondelete="CASCADE"),
        # SQLite's rows are numbered by themselves. Elsewhere a sequence would be one more thing for all to wait at.
        *(
            [sa.PrimaryKeyConstraint("seq"), sa.UniqueConstraint("id")]
            if on_sqlite
            else [sa.PrimaryKeyConstraint("id")]
        ),
    )
    _create_partial_index("steps_by_parent", "steps", ["parent_id"], "parent_id IS NOT NULL")
    op.create_index("steps_by_thread", "steps", ["thread_id", "created_at", "seq"], unique=False)
    _create_partial_index("steps_favorite", "steps", ["thread_id"], "favorite")
    op.create_table(
        "feedbacks",
        sa.Column("id", ID, nullable=False),
        sa.Column("step_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("comment", LongText, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("step_id", "user_id"),
    )


def _create_partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=False, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    op.drop_table("feedbacks")
    op.drop_table("steps")
    op.drop_table("elements")
    op.drop_table("threads")
    op.drop_table("users")
    op.drop_table("tombstones")
    op.drop_table("blobs")
