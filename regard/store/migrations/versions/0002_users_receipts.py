"""Users, their faces and vectors; receipts of requests that carried a token."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("key", KEY, nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="users_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="users_collection_key_fk", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("collection_key", "user_id", name="users_collection_key_user_id_unique"),
        sqlite_autoincrement=True,
    )
    op.create_index("users_by_collection_key_key", "users", ["collection_key", "key"])
    op.create_table(
        "memberships",
        sa.Column("face_key", KEY, nullable=False, autoincrement=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("face_key", name="memberships_pk"),
        sa.ForeignKeyConstraint(["face_key"], ["faces.key"], name="memberships_face_key_fk", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="memberships_user_key_fk", ondelete="CASCADE"),
    )
    op.create_index("memberships_by_user_key", "memberships", ["user_key"])
    op.create_table(
        "user_vectors",
        sa.Column("key", KEY, nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="user_vectors_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="user_vectors_collection_key_fk", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="user_vectors_user_key_fk", ondelete="CASCADE"),
        sa.UniqueConstraint("user_key", name="user_vectors_user_key_unique"),
        sqlite_autoincrement=True,
    )
    op.create_index("user_vectors_by_collection_key_key", "user_vectors", ["collection_key", "key"])
    op.add_column("removals", sa.Column("user_vector_key", KEY))
    op.create_table(
        "receipts",
        sa.Column("access_key_id", sa.String(128), nullable=False),
        sa.Column("operation", sa.String(64), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("access_key_id", "operation", "token", name="receipts_pk"),
    )
    op.create_index("receipts_by_created_at", "receipts", ["created_at"])


def downgrade() -> None:
    op.drop_table("receipts")
    op.drop_column("removals", "user_vector_key")
    for table in ("user_vectors", "memberships", "users"):
        op.drop_table(table)
