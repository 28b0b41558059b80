"""How many vectors of each feed a collection holds."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "gallery_sizes",
        sa.Column("collection_key", KEY, nullable=False, autoincrement=False),
        sa.Column("feed", sa.String(16), nullable=False),
        sa.Column("vectors", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("collection_key", "feed", name="gallery_sizes_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="gallery_sizes_collection_key_fk", ondelete="CASCADE"
        ),
    )
    for feed, table in (("faces", "faces"), ("users", "user_vectors")):
        op.execute(
            f"INSERT INTO gallery_sizes (collection_key, feed, vectors) "  # noqa: S608 - our own names
            f"SELECT collection_key, '{feed}', COUNT(*) FROM {table} GROUP BY collection_key"
        )


def downgrade() -> None:
    op.drop_table("gallery_sizes")
