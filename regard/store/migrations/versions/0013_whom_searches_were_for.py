"""Whom a search was for, by a pseudonym that is in no receipt; and how often a person looked for somebody."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("searches", sa.Column("best_pseudonym", sa.String(32)))
    op.create_table(
        "subject_looks",
        sa.Column("key", KEY, nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("looked_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="subject_looks_pk"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="subject_looks_person_id_fk", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("subject_looks_by_person_id_looked_at", "subject_looks", ["person_id", "looked_at"])


def downgrade() -> None:
    op.drop_table("subject_looks")
    op.drop_column("searches", "best_pseudonym")
