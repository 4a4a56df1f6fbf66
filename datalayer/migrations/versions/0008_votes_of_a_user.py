"""The votes of a user: the list of the threads in which there is one costs what these votes do, not all threads."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("feedbacks_by_user", "feedbacks", ["user_id", "value", "step_id"])


def downgrade() -> None:
    op.drop_index("feedbacks_by_user", "feedbacks")
