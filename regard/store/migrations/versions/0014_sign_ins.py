"""Sign-ins that go on, for those whose they are to look at."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("means", sa.String(64), nullable=False),
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="sign_ins_pk"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="sign_ins_person_id_fk", ondelete="CASCADE"),
    )
    op.create_index("sign_ins_by_person_id", "sign_ins", ["person_id"])
    op.create_index("sign_ins_by_ends_at", "sign_ins", ["ends_at"])


def downgrade() -> None:
    op.drop_table("sign_ins")
