"""An id of the database, so that files made from it are never taken for another's."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "identity",
        sa.Column("id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name="identity_pk"),
    )
    op.bulk_insert(table, [{"id": str(uuid4())}])


def downgrade() -> None:
    op.drop_table("identity")
