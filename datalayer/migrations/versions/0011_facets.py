"""How many threads there are of each kind; a thread's model; lists by the time of creation."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import ID, Json

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000


def upgrade() -> None:
    op.add_column("threads", sa.Column("model", ID, nullable=True))
    op.create_index("threads_by_creation", "threads", ["user_id", "created_at", "id"])
    op.drop_index("thread_tags_by_user", table_name="thread_tags")
    op.drop_column("thread_tags", "archived")
    op.create_index("thread_tags_by_user", "thread_tags", ["user_id", "tag", "thread_id"])
    op.create_table(
        "thread_facets",
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("thread_id"),
    )
    where = sa.text("stale = 1"), sa.text("stale")
    columns = ["stale", "user_id"]
    op.create_index("thread_facets_stale", "thread_facets", columns, sqlite_where=where[0], postgresql_where=where[1])
    op.create_table(
        "facet_counts",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("facet", sa.String(length=16), nullable=False),
        sa.Column("value", ID, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "archived", "facet", "value"),
    )
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """The models that threads have already; all threads are still to be counted."""
    names = {"threads": ("id", "user_id", "metadata", "model"), "thread_facets": ("thread_id", "user_id", "stale")}
    threads, facets = (sa.table(name, *map(sa.column, columns)) for name, columns in names.items())
    given = sa.update(threads).where(threads.c.id == sa.bindparam("key")).values(model=sa.bindparam("new"))
    found = connection.execute(sa.text("SELECT id, metadata FROM threads")).all()
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        if rows := [{"key": key, "new": model} for key, metadata in some if (model := _model(metadata))]:
            connection.execute(given, rows)
    known = sa.select(facets.c.thread_id)
    uncounted = sa.select(threads.c.id, threads.c.user_id, sa.true()).where(
        threads.c.user_id.is_not(None), threads.c.id.not_in(known)
    )
    connection.execute(sa.insert(facets).from_select(["thread_id", "user_id", "stale"], uncounted))


def _model(metadata: Any) -> str | None:
    found = json.loads(metadata) if isinstance(metadata, str) else metadata
    settings = found.get("chat_settings") if isinstance(found, dict) else None
    model = settings.get("model") if isinstance(settings, dict) else None
    return model[:255] if isinstance(model, str) and model else None


def downgrade() -> None:
    op.drop_table("facet_counts")
    op.drop_table("thread_facets")
    op.drop_index("thread_tags_by_user", table_name="thread_tags")
    op.add_column("thread_tags", sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("thread_tags_by_user", "thread_tags", ["user_id", "tag", "archived"])
    op.drop_index("threads_by_creation", table_name="threads")
    op.drop_column("threads", "model")
