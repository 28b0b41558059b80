"""The hashes along the right edge of a checkpoint's tree, so that a proof reads fewer tiles."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ledger_checkpoints", sa.Column("edge", sa.LargeBinary))


def downgrade() -> None:
    op.drop_column("ledger_checkpoints", "edge")
