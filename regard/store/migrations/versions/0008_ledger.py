"""The ledger: entries, tiles and checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("position", KEY, nullable=False, autoincrement=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("body", sa.LargeBinary),
        sa.Column("request_id", sa.String(128)),
        sa.PrimaryKeyConstraint("position", name="ledger_entries_pk"),
    )
    op.create_index("ledger_entries_by_request_id", "ledger_entries", ["request_id"])
    op.create_table(
        "ledger_tiles",
        sa.Column("level", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("number", KEY, nullable=False, autoincrement=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="ledger_tiles_pk"),
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("size", KEY, nullable=False, autoincrement=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("given_out", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("size", name="ledger_checkpoints_pk"),
    )


def downgrade() -> None:
    op.drop_table("ledger_checkpoints")
    op.drop_table("ledger_tiles")
    op.drop_table("ledger_entries")
