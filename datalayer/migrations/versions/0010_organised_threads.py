"""Folders, tags to list and count by, what is pinned, archived, done or in the trash."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import ID

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000


def upgrade() -> None:
    op.add_column("threads", sa.Column("folder", ID, nullable=True))
    for name in ("pinned", "archived"):
        op.add_column("threads", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, usual in (("status", "open"), ("kind", "chat")):
        op.add_column("threads", sa.Column(name, sa.String(length=16), nullable=False, server_default=usual))
    op.add_column("threads", sa.Column("trashed_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index(
        "threads_as_listed", "threads", ["user_id", "trashed_at", "archived", "pinned", "last_activity_at", "id"]
    )
    for index, columns, where in (
        ("threads_by_folder", ["user_id", "folder", "trashed_at", "archived"], sa.text("folder IS NOT NULL")),
        ("threads_in_trash", ["trashed_at"], sa.text("trashed_at > 0")),
    ):
        op.create_index(index, "threads", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "thread_tags",
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("tag", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("thread_id", "tag"),
    )
    op.create_index("thread_tags_by_user", "thread_tags", ["user_id", "tag", "archived"])
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """The tags that threads have already."""
    known = sa.table("thread_tags", *(sa.column(name) for name in ("thread_id", "tag", "user_id", "archived")))
    found = connection.execute(
        sa.text("SELECT id, user_id, tags FROM threads WHERE tags IS NOT NULL AND user_id IS NOT NULL")
    )
    for some in found.partitions(_AT_ONCE):
        rows = [
            {"thread_id": key, "tag": tag, "user_id": user, "archived": False}
            for key, user, tags in some
            for tag in _texts(tags)
        ]
        if rows:
            connection.execute(sa.insert(known), rows)


def _texts(tags: Any) -> set[str]:
    found = json.loads(tags) if isinstance(tags, str) else tags
    return {tag for tag in found if isinstance(tag, str) and len(tag) <= 255} if isinstance(found, list) else set()


def downgrade() -> None:
    op.drop_table("thread_tags")
    for index in ("threads_as_listed", "threads_by_folder", "threads_in_trash"):
        op.drop_index(index, table_name="threads")
    for name in ("folder", "pinned", "archived", "status", "kind", "trashed_at"):
        op.drop_column("threads", name)
