"""Any number of feeds, and the tables by the names of what is in them. Rows are copied: a table that is only renamed
keeps its constraints and its sequence under the old names."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "deletions",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("feed", sa.String(16)),
        sa.Column("key", KEY),
        sa.Column("index_name", sa.String(16)),
        sa.PrimaryKeyConstraint("seq", name="deletions_pk"),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO deletions (seq, collection_key, feed, key, index_name) SELECT seq, collection_key, "
        "CASE WHEN face_key IS NOT NULL THEN 'faces' WHEN user_vector_key IS NOT NULL THEN 'users' END, "
        "COALESCE(face_key, user_vector_key), index_name FROM removals ORDER BY seq"
    )
    _go_on_numbering("removals", "deletions")
    op.drop_table("removals")
    op.create_table(
        "pruned_deletions",
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("seq", name="pruned_deletions_pk"),
    )
    _make_idempotency_keys("idempotency_keys")
    _move_rows("receipts", "idempotency_keys", "access_key_id, operation, token, fingerprint, answer, created_at")
    _make_indexed_files("indexed_files")
    _move_rows("sources", "indexed_files", "collection_key, path, size, modified_ns, image_id, outcome")
    _make_positions("index_checkpoints", "feed", "deletion")
    op.execute(
        "INSERT INTO index_checkpoints (index_name, feed, identity, deletion, key, moment) "
        "SELECT index_name, track, identity, journal, key, moment FROM index_positions"
    )
    op.drop_table("index_positions")
    op.create_table(
        "index_move_progress",
        sa.Column("collection_key", KEY, nullable=False, autoincrement=False),
        sa.Column("feed", sa.String(16), nullable=False),
        sa.Column("key", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("collection_key", "feed", name="index_move_progress_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"],
            ["index_moves.collection_key"],
            name="index_move_progress_collection_key_fk",
            ondelete="CASCADE",
        ),
    )
    for feed in ("faces", "users"):
        op.execute(
            f"INSERT INTO index_move_progress (collection_key, feed, key) "  # noqa: S608 - our own names
            f"SELECT collection_key, '{feed}', {feed} FROM index_moves WHERE {feed} > 0"
        )
        op.drop_column("index_moves", feed)


def downgrade() -> None:
    for feed in ("faces", "users"):
        op.add_column("index_moves", sa.Column(feed, sa.BigInteger, nullable=False, server_default="0"))
        op.execute(
            f"UPDATE index_moves SET {feed} = COALESCE((SELECT key FROM index_move_progress progress "  # noqa: S608
            f"WHERE progress.collection_key = index_moves.collection_key AND feed = '{feed}'), 0)"
        )
        with op.batch_alter_table("index_moves") as table:
            table.alter_column(feed, server_default=None)
    op.drop_table("index_move_progress")
    _make_positions("index_positions", "track", "journal")
    op.execute(
        "INSERT INTO index_positions (index_name, track, identity, journal, key, moment) "
        "SELECT index_name, feed, identity, deletion, key, moment FROM index_checkpoints "
        "WHERE feed IN ('faces', 'users')"
    )
    op.drop_table("index_checkpoints")
    _make_indexed_files("sources")
    _move_rows("indexed_files", "sources", "collection_key, path, size, modified_ns, image_id, outcome")
    _make_idempotency_keys("receipts")
    _move_rows("idempotency_keys", "receipts", "access_key_id, operation, token, fingerprint, answer, created_at")
    op.create_table(
        "removals",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("face_key", KEY),
        sa.Column("user_vector_key", KEY),
        sa.Column("index_name", sa.String(16)),
        sa.PrimaryKeyConstraint("seq", name="removals_pk"),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO removals (seq, collection_key, face_key, user_vector_key, index_name) SELECT seq, collection_key, "
        "CASE WHEN feed = 'faces' THEN key END, CASE WHEN feed = 'users' THEN key END, index_name FROM deletions "
        "WHERE feed IS NULL OR feed IN ('faces', 'users') ORDER BY seq"
    )
    _go_on_numbering("deletions", "removals")
    # Before this, nothing knows of pruned deletions: under another identity no index goes on from before.
    if op.get_bind().execute(sa.text("SELECT MAX(seq) FROM pruned_deletions")).scalar():
        op.execute(sa.text("UPDATE identity SET id = :id").bindparams(id=str(uuid4())))
    op.drop_table("pruned_deletions")
    op.drop_table("deletions")


def _go_on_numbering(before: str, after: str) -> None:
    """Numbers given once are not given again, also when the last rows are gone."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DELETE FROM sqlite_sequence WHERE name = '{after}'")  # noqa: S608 - our own names
        op.execute(
            f"INSERT INTO sqlite_sequence (name, seq) SELECT '{after}', seq FROM sqlite_sequence "  # noqa: S608
            f"WHERE name = '{before}'"
        )
    else:
        op.execute(
            f"SELECT setval('{after}_seq_seq', last_value, is_called) FROM {before}_seq_seq"  # noqa: S608
        )


def _move_rows(before: str, after: str, columns: str) -> None:
    op.execute(f"INSERT INTO {after} ({columns}) SELECT {columns} FROM {before}")  # noqa: S608 - our own names
    op.drop_table(before)


def _make_idempotency_keys(name: str) -> None:
    op.create_table(
        name,
        sa.Column("access_key_id", sa.String(128), nullable=False),
        sa.Column("operation", sa.String(64), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("access_key_id", "operation", "token", name=f"{name}_pk"),
    )
    op.create_index(f"{name}_by_created_at", name, ["created_at"])


def _make_indexed_files(name: str) -> None:
    op.create_table(
        name,
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("modified_ns", sa.BigInteger, nullable=False),
        sa.Column("image_id", sa.String(36)),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("collection_key", "path", name=f"{name}_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name=f"{name}_collection_key_fk", ondelete="CASCADE"
        ),
    )
    op.create_index(f"{name}_by_collection_key_image_id", name, ["collection_key", "image_id"])


def _make_positions(name: str, feed: str, deletion: str) -> None:
    op.create_table(
        name,
        sa.Column("index_name", sa.String(16), nullable=False),
        sa.Column(feed, sa.String(16), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column(deletion, sa.BigInteger, nullable=False),
        sa.Column("key", sa.BigInteger, nullable=False),
        sa.Column("moment", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("index_name", feed, name=f"{name}_pk"),
    )
