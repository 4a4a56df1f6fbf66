"""Files that were deleted from their conversation, and can be brought back for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("elements", sa.Column("trashed_at", sa.BigInteger(), nullable=False, server_default="0"))
    where = sa.text("trashed_at > 0")
    op.create_index("elements_in_trash", "elements", ["trashed_at"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("elements_in_trash", table_name="elements")
    op.drop_column("elements", "trashed_at")
