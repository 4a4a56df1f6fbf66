"""Answers say whether they are complete, so that one cut off by a crash can be told and continued."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("status", sa.String(length=16), nullable=True))
    op.add_column("steps", sa.Column("instance", sa.String(length=64), nullable=True))
    streaming = sa.text("status = 'streaming'")
    op.create_index("steps_streaming", "steps", ["instance"], unique=False, sqlite_where=streaming)


def downgrade() -> None:
    op.drop_index("steps_streaming", table_name="steps")
    op.drop_column("steps", "instance")
    op.drop_column("steps", "status")
