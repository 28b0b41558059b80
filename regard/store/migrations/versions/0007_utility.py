"""How much of whose face it is a picture still shows; unknown of faces that were enrolled before."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("faces", sa.Column("utility", sa.Float))


def downgrade() -> None:
    op.drop_column("faces", "utility")
