"""Full text: the tables of its index. What is there already is put into it while the app runs (search/building)."""

from alembic import op

from datalayer.search import building, engines

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    building.make(op.get_bind())


def downgrade() -> None:
    engines.of(op.get_bind()).drop(op.get_bind())
