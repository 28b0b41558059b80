"""Acts that can be undone, faces that are not somebody's, and files that came in."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "user_acts",
        sa.Column("key", KEY, nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("acted_by", sa.String(255), nullable=False),
        sa.Column("acted_at", sa.BigInteger, nullable=False),
        sa.Column("undone_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("key", name="user_acts_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="user_acts_collection_key_fk", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("user_acts_by_collection_key_key", "user_acts", ["collection_key", "key"])
    op.create_index("user_acts_by_acted_at", "user_acts", ["acted_at"])
    op.create_table(
        "user_act_faces",
        sa.Column("act_key", KEY, nullable=False),
        sa.Column("face_key", KEY, nullable=False),
        sa.Column("before", sa.String(128)),
        sa.Column("after", sa.String(128)),
        sa.PrimaryKeyConstraint("act_key", "face_key", name="user_act_faces_pk"),
        sa.ForeignKeyConstraint(["act_key"], ["user_acts.key"], name="user_act_faces_act_key_fk", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["face_key"], ["faces.key"], name="user_act_faces_face_key_fk", ondelete="CASCADE"),
    )
    op.create_index("user_act_faces_by_face_key", "user_act_faces", ["face_key"])
    op.create_table(
        "separations",
        sa.Column("face_key", KEY, nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("act_key", KEY),
        sa.PrimaryKeyConstraint("face_key", "user_id", name="separations_pk"),
        sa.ForeignKeyConstraint(["face_key"], ["faces.key"], name="separations_face_key_fk", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["act_key"], ["user_acts.key"], name="separations_act_key_fk", ondelete="SET NULL"),
    )
    op.create_index("separations_by_act_key", "separations", ["act_key"])
    op.create_table(
        "uploads",
        sa.Column("key", KEY, nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("face_key", KEY),
        sa.Column("uploaded_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="uploads_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="uploads_collection_key_fk", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["face_key"], ["faces.key"], name="uploads_face_key_fk", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("uploads_by_collection_key_sha256", "uploads", ["collection_key", "sha256"])
    op.create_index("uploads_by_face_key", "uploads", ["face_key"])


def downgrade() -> None:
    for table in ("uploads", "separations", "user_act_faces", "user_acts"):
        op.drop_table(table)
