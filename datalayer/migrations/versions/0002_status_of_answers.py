"""Answers say whether they are complete, and steps when they were written, so that what a crash left can be told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("status", sa.String(length=16), nullable=True))
    op.add_column("steps", sa.Column("instance", sa.String(length=64), nullable=True))
    op.add_column("steps", sa.Column("written_at", sa.BigInteger(), nullable=True))
    streaming = sa.text("status = 'streaming'")
    op.create_index(
        "steps_streaming", "steps", ["instance"], unique=False, sqlite_where=streaming, postgresql_where=streaming
    )


def downgrade() -> None:
    op.drop_index("steps_streaming", table_name="steps")
    op.drop_column("steps", "written_at")
    op.drop_column("steps", "instance")
    op.drop_column("steps", "status")
