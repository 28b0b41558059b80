"""Retention, incidents and evaluations."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _retention()
    _incidents()
    _resumptions()


def _retention() -> None:
    op.create_table(
        "enrolment_terms",
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("face_id", sa.String(36), nullable=False),
        sa.Column("authorisation_id", sa.String(64)),
        sa.Column("basis", sa.Text),
        sa.Column("source", sa.Text),
        sa.Column("enrolled_by", sa.String(36)),
        sa.Column("enrolled_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("collection_key", "face_id", name="enrolment_terms_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="enrolment_terms_collection_key_fk", ondelete="CASCADE"
        ),
    )
    op.create_index("enrolment_terms_by_authorisation_id", "enrolment_terms", ["authorisation_id"])
    op.create_index("enrolment_terms_by_expires_at", "enrolment_terms", ["expires_at"])
    op.create_table(
        "collection_terms",
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("authorisation_id", sa.String(64)),
        sa.Column("most_faces", KEY),
        sa.Column("reviewed_by", sa.String(36)),
        sa.Column("reviewed_at", sa.BigInteger),
        sa.Column("ends_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("collection_key", name="collection_terms_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="collection_terms_collection_key_fk", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("text_shown", sa.Text, nullable=False),
        sa.Column("text_sha256", sa.String(64), nullable=False),
        sa.Column("signed_name", sa.String(255), nullable=False),
        sa.Column("given_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("withdrawn_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="consents_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="consents_collection_key_fk", ondelete="CASCADE"
        ),
    )
    op.create_index("consents_by_collection_key_subject", "consents", ["collection_key", "subject"])
    op.create_table(
        "erasure_receipts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(255), nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("erased_by", sa.String(36)),
        sa.Column("erased_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="erasure_receipts_pk"),
    )
    op.create_index("erasure_receipts_by_erased_at", "erasure_receipts", ["erased_at"])
    op.create_table(
        "sweeps",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("swept_at", sa.BigInteger, nullable=False),
        sa.Column("erased", KEY, nullable=False),
        sa.PrimaryKeyConstraint("kind", name="sweeps_pk"),
    )


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("opened_by", sa.String(36)),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("closed_by", sa.String(36)),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("resolution", sa.Text),
        sa.PrimaryKeyConstraint("id", name="incidents_pk"),
    )
    op.create_index("incidents_by_opened_at", "incidents", ["opened_at"])
    op.create_table(
        "incident_notices",
        sa.Column("key", KEY, nullable=False),
        sa.Column("incident_id", sa.String(36), nullable=False),
        sa.Column("recipient", sa.String(255), nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("notified_at", sa.BigInteger),
        sa.Column("notified_by", sa.String(36)),
        sa.Column("reference", sa.String(255)),
        sa.PrimaryKeyConstraint("key", name="incident_notices_pk"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="incident_notices_incident_id_fk", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("incident_notices_by_incident_id", "incident_notices", ["incident_id"])
    op.create_table(
        "suspensions",
        sa.Column("key", KEY, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("started_by", sa.String(36)),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_by", sa.String(36)),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("key", name="suspensions_pk"),
        sqlite_autoincrement=True,
    )
    op.create_index("suspensions_by_ended_at", "suspensions", ["ended_at"])
    op.create_table(
        "evaluations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("face_model", sa.String(255), nullable=False),
        sa.Column("collection", sa.String(255)),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("measured_by", sa.String(36)),
        sa.Column("measured_at", sa.BigInteger, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="evaluations_pk"),
    )
    op.create_index("evaluations_by_face_model", "evaluations", ["face_model"])
    op.create_table(
        "published_reports",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("published_by", sa.String(36)),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="published_reports_pk"),
    )
    op.create_index("published_reports_by_kind_since", "published_reports", ["kind", "since"])


def downgrade() -> None:
    for name in (
        "published_reports",
        "ledger_resumptions",
        "evaluations",
        "suspensions",
        "incident_notices",
        "incidents",
        "sweeps",
        "erasure_receipts",
        "consents",
        "collection_terms",
        "enrolment_terms",
    ):
        op.drop_table(name)


def _resumptions() -> None:
    op.create_table(
        "ledger_resumptions",
        sa.Column("key", KEY, nullable=False),
        sa.Column("ledger_time", sa.BigInteger, nullable=False),
        sa.Column("clock", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("confirmed_by", sa.String(64)),
        sa.Column("confirmed_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("key", name="ledger_resumptions_pk"),
        sqlite_autoincrement=True,
    )
