"""What messages mean, as vectors, where an app has a model that makes them."""

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import ID, Bits

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vectors",
        sa.Column("step_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("sketch", Bits, nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("step_id"),
    )
    op.create_index("vectors_by_user", "vectors", ["user_id", "model", "made", "step_id", "sketch"])
    op.create_index("vectors_by_model", "vectors", ["model", "made"])


def downgrade() -> None:
    op.drop_table("vectors")
