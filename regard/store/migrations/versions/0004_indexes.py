"""Which index a collection lives in, how far a shared one has got, and collections on their way into it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("collections", sa.Column("index_name", sa.String(16), nullable=False, server_default="embedded"))
    op.add_column("removals", sa.Column("index_name", sa.String(16)))
    op.create_table(
        "index_positions",
        sa.Column("index_name", sa.String(16), nullable=False),
        sa.Column("track", sa.String(16), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("journal", sa.BigInteger, nullable=False),
        sa.Column("key", sa.BigInteger, nullable=False),
        sa.Column("moment", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("index_name", "track", name="index_positions_pk"),
    )
    op.create_table(
        "index_moves",
        sa.Column("collection_key", KEY, nullable=False, autoincrement=False),
        sa.Column("index_name", sa.String(16), nullable=False),
        sa.Column("faces", sa.BigInteger, nullable=False),
        sa.Column("users", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("collection_key", name="index_moves_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="index_moves_collection_key_fk", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("index_moves")
    op.drop_table("index_positions")
    op.drop_column("removals", "index_name")
    op.drop_column("collections", "index_name")
