"""Collections, faces, the journal of removals, indexed files, access keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "collections",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("face_model", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("key", name="collections_pk"),
        sa.UniqueConstraint("id", name="collections_id_unique"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "faces",
        sa.Column("key", KEY, nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("face_id", sa.String(36), nullable=False),
        sa.Column("image_id", sa.String(36), nullable=False),
        sa.Column("external_image_id", sa.String(255)),
        sa.Column("left", sa.Float, nullable=False),
        sa.Column("top", sa.Float, nullable=False),
        sa.Column("width", sa.Float, nullable=False),
        sa.Column("height", sa.Float, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="faces_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="faces_collection_key_fk", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("collection_key", "face_id", name="faces_collection_key_face_id_unique"),
        sqlite_autoincrement=True,
    )
    op.create_index("faces_by_collection_key_key", "faces", ["collection_key", "key"])
    op.create_table(
        "removals",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("face_key", KEY),
        sa.PrimaryKeyConstraint("seq", name="removals_pk"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sources",
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("modified_ns", sa.BigInteger, nullable=False),
        sa.Column("image_id", sa.String(36)),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("collection_key", "path", name="sources_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="sources_collection_key_fk", ondelete="CASCADE"
        ),
    )
    op.create_index("sources_by_collection_key_image_id", "sources", ["collection_key", "image_id"])
    op.create_table(
        "access_keys",
        sa.Column("access_key_id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("access_key_id", name="access_keys_pk"),
    )


def downgrade() -> None:
    for table in ("access_keys", "sources", "removals", "faces", "collections"):
        op.drop_table(table)
