"""Jobs, their chunks and results, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("principal", sa.String(128), nullable=False),
        sa.Column("person_id", sa.String(36)),
        sa.Column("caller", sa.JSON, nullable=False),
        sa.Column("act", sa.JSON, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("bucket", sa.String(255), nullable=False),
        sa.Column("object_name", sa.Text, nullable=False),
        sa.Column("object_version", sa.String(1024)),
        sa.Column("etag", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("tag", sa.Text),
        sa.Column("channel", sa.JSON),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.BigInteger, nullable=False),
        sa.Column("alone", sa.BigInteger, nullable=False),
        sa.Column("chunks", sa.BigInteger, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("served_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="jobs_pk"),
    )
    op.create_index("jobs_by_principal_created_at", "jobs", ["principal", "created_at"])
    op.create_index("jobs_by_state_created_at", "jobs", ["state", "created_at"])
    op.create_index("jobs_by_expires_at", "jobs", ["expires_at"])
    op.create_table(
        "job_chunks",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("to_ms", sa.BigInteger, nullable=False),
        sa.Column("needs", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(64)),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.Column("faults", sa.BigInteger, nullable=False),
        sa.Column("lost", sa.BigInteger, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("resume", sa.JSON, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("done_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("job_id", "number", name="job_chunks_pk"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="job_chunks_job_id_fk", ondelete="CASCADE"),
    )
    op.create_index("job_chunks_by_done_at_lease_until", "job_chunks", ["done_at", "lease_until"])
    op.create_table(
        "job_results",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("ordering", sa.String(32), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "ordering", "number", name="job_results_pk"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="job_results_job_id_fk", ondelete="CASCADE"),
    )
    op.create_table(
        "job_faces",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("ordering", sa.String(32), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("face_id", sa.String(36), nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "ordering", "number", "face_id", name="job_faces_pk"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="job_faces_job_id_fk", ondelete="CASCADE"),
    )
    op.create_index("job_faces_by_collection_key_face_id", "job_faces", ["collection_key", "face_id"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("target", sa.String(16), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("tries", sa.BigInteger, nullable=False),
        sa.Column("next_try", sa.BigInteger, nullable=False),
        sa.Column("log", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("done_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="outbox_pk"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="outbox_job_id_fk", ondelete="CASCADE"),
    )
    op.create_index("outbox_by_job_id", "outbox", ["job_id"])
    op.create_index("outbox_by_done_at_next_try", "outbox", ["done_at", "next_try"])


def downgrade() -> None:
    for table in ("outbox", "job_faces", "job_results", "job_chunks", "jobs"):
        op.drop_table(table)
