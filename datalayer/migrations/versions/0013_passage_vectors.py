"""What passages of files mean, as vectors, where an app has a model that makes them."""

import sqlalchemy as sa
from alembic import op

from datalayer.column_types import LongBytes, Seq

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("file_texts", sa.Column("embedded", sa.String(length=64), nullable=True, server_default=""))
    op.execute("UPDATE file_texts SET embedded = NULL WHERE passages = 0")
    op.create_index("file_texts_by_vectors", "file_texts", ["embedded", "created_at"])
    op.create_table(
        "passage_vectors",
        sa.Column("key", Seq, autoincrement=False, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("vectors", LongBytes, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("passage_vectors_by_model", "passage_vectors", ["model", "passages"])


def downgrade() -> None:
    op.drop_table("passage_vectors")
    op.drop_index("file_texts_by_vectors", table_name="file_texts")
    op.drop_column("file_texts", "embedded")
