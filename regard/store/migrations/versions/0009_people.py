"""People and roles, authorisations, cases and reviews."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("access_keys", sa.Column("holder_id", sa.String(36)))
    _people()
    _authorisations()
    _cases()


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("login", sa.String(128)),
        sa.Column("password_hash", sa.Text),
        sa.Column("sealed_totp", sa.LargeBinary),
        sa.Column("totp_step", KEY),
        sa.Column("signed_out_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="people_pk"),
        sa.UniqueConstraint("login", name="people_login_unique"),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(1400), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="passkeys_pk"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="passkeys_person_id_fk", ondelete="CASCADE"),
    )
    op.create_index("passkeys_by_person_id", "passkeys", ["person_id"])
    op.create_table(
        "outside_identities",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="outside_identities_pk"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="outside_identities_person_id_fk", ondelete="CASCADE"
        ),
    )
    op.create_index("outside_identities_by_person_id", "outside_identities", ["person_id"])
    op.create_table(
        "ended_sign_ins",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="ended_sign_ins_pk"),
    )
    op.create_index("ended_sign_ins_by_ends_at", "ended_sign_ins", ["ends_at"])
    op.create_table(
        "services",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="services_pk"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="services_person_id_fk"),
        sa.UniqueConstraint("name", name="services_name_unique"),
    )
    op.create_index("services_by_person_id", "services", ["person_id"])
    op.create_table(
        "role_grants",
        sa.Column("key", KEY, nullable=False),
        sa.Column("holder_id", sa.String(36), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("granted_by", sa.String(36)),
        sa.Column("granted_at", sa.BigInteger, nullable=False),
        sa.Column("ended_by", sa.String(36)),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("key", name="role_grants_pk"),
        sqlite_autoincrement=True,
    )
    op.create_index("role_grants_by_holder_id", "role_grants", ["holder_id"])
    op.create_table(
        "trainings",
        sa.Column("key", KEY, nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("reference", sa.String(255), nullable=False),
        sa.Column("completed_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_by", sa.String(36)),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="trainings_pk"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="trainings_person_id_fk", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("trainings_by_person_id", "trainings", ["person_id"])


def _authorisations() -> None:
    op.create_table(
        "authorisations",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("offence", sa.String(255)),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("document_sha256", sa.String(64)),
        sa.Column("case_reference", sa.String(255)),
        sa.Column("declaration", sa.Text, nullable=False),
        sa.Column("scope", sa.JSON, nullable=False),
        sa.Column("on_behalf_of", sa.JSON, nullable=False),
        sa.Column("statistics", sa.JSON, nullable=False),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("searches_allowed", KEY),
        sa.Column("searches_done", KEY, nullable=False),
        sa.Column("starts_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.Column("confirm_by", sa.BigInteger),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("holder_id", sa.String(36), nullable=False),
        sa.Column("requested_by", sa.String(36), nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("decided_by", sa.String(36)),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("ended_by", sa.String(36)),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="authorisations_pk"),
        sa.ForeignKeyConstraint(["requested_by"], ["people.id"], name="authorisations_requested_by_fk"),
    )
    op.create_index("authorisations_by_holder_id", "authorisations", ["holder_id"])
    op.create_index("authorisations_by_state_confirm_by", "authorisations", ["state", "confirm_by"])
    op.create_table(
        "profile_versions",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("first_used_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="profile_versions_pk"),
    )
    op.create_table(
        "threshold_changes",
        sa.Column("key", KEY, nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("threshold_before", sa.Float, nullable=False),
        sa.Column("threshold", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evaluation_id", sa.String(36)),
        sa.Column("requested_by", sa.String(36), nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("approved_by", sa.String(36)),
        sa.Column("approved_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("key", name="threshold_changes_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="threshold_changes_collection_key_fk", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("threshold_changes_by_collection_key", "threshold_changes", ["collection_key"])


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("collection", sa.String(255), nullable=False),
        sa.Column("authorisation_id", sa.String(64)),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reviews_needed", KEY, nullable=False),
        sa.Column("opened_by", sa.String(36)),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("purge_after", sa.BigInteger),
        sa.Column("purged_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="cases_pk"),
        sa.ForeignKeyConstraint(["authorisation_id"], ["authorisations.id"], name="cases_authorisation_id_fk"),
    )
    op.create_index("cases_by_authorisation_id", "cases", ["authorisation_id"])
    op.create_index("cases_by_purge_after", "cases", ["purge_after"])
    op.create_index("cases_by_state", "cases", ["state"])
    op.create_table(
        "searches",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("case_id", sa.String(36)),
        sa.Column("authorisation_id", sa.String(64)),
        sa.Column("person_id", sa.String(36)),
        sa.Column("operation", sa.String(64), nullable=False),
        sa.Column("collection", sa.String(255), nullable=False),
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("searched_at", sa.BigInteger, nullable=False),
        sa.Column("probe_sha256", sa.String(64)),
        sa.Column("probe_edits", sa.JSON, nullable=False),
        sa.Column("face_model", sa.String(255), nullable=False),
        sa.Column("threshold", sa.Float, nullable=False),
        sa.Column("gallery_size", KEY, nullable=False),
        sa.Column("expected_false", sa.Float, nullable=False),
        sa.Column("candidate_count", KEY, nullable=False),
        sa.Column("sealed_candidates", sa.LargeBinary),
        sa.Column("purge_after", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="searches_pk"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="searches_case_id_fk"),
    )
    op.create_index("searches_by_authorisation_id", "searches", ["authorisation_id"])
    op.create_index("searches_by_case_id", "searches", ["case_id"])
    op.create_index("searches_by_purge_after", "searches", ["purge_after"])
    op.create_index("searches_by_searched_at", "searches", ["searched_at"])
    op.create_table(
        "case_candidates",
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("number", KEY, nullable=False, autoincrement=False),
        sa.Column("search_id", sa.String(36)),
        sa.Column("alias", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("face_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(128)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("case_id", "number", name="case_candidates_pk"),
        sa.ForeignKeyConstraint(["search_id"], ["searches.id"], name="case_candidates_search_id_fk"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="case_candidates_case_id_fk", ondelete="CASCADE"),
        sa.UniqueConstraint("alias", name="case_candidates_alias_unique"),
    )
    op.create_index("case_candidates_by_face_id", "case_candidates", ["face_id"])
    op.create_table(
        "case_pictures",
        sa.Column("key", KEY, nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="case_pictures_pk"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="case_pictures_case_id_fk", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("case_pictures_by_case_id", "case_pictures", ["case_id"])
    op.create_table(
        "face_pictures",
        sa.Column("collection_key", KEY, nullable=False),
        sa.Column("face_id", sa.String(36), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("collection_key", "face_id", name="face_pictures_pk"),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["collections.key"], name="face_pictures_collection_key_fk", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "reviews",
        sa.Column("key", KEY, nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("reviewer_id", sa.String(36), nullable=False),
        sa.Column("assigned_at", sa.BigInteger, nullable=False),
        sa.Column("opinion", sa.String(16)),
        sa.Column("components", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("decided_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("key", name="reviews_pk"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="reviews_case_id_fk", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reviewer_id"], ["people.id"], name="reviews_reviewer_id_fk"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "reviews_by_case_id_number_reviewer_id", "reviews", ["case_id", "number", "reviewer_id"], unique=True
    )
    op.create_index("reviews_by_reviewer_id", "reviews", ["reviewer_id"])
    op.create_table(
        "corroborations",
        sa.Column("key", KEY, nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(255), nullable=False),
        sa.Column("independent", sa.Boolean, nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="corroborations_pk"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="corroborations_case_id_fk", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="corroborations_person_id_fk"),
        sqlite_autoincrement=True,
    )
    op.create_index("corroborations_by_case_id", "corroborations", ["case_id"])


def downgrade() -> None:
    for name in (
        "corroborations",
        "reviews",
        "face_pictures",
        "case_pictures",
        "case_candidates",
        "searches",
        "cases",
        "threshold_changes",
        "profile_versions",
        "authorisations",
        "trainings",
        "role_grants",
        "services",
        "ended_sign_ins",
        "outside_identities",
        "passkeys",
        "people",
    ):
        op.drop_table(name)
    op.drop_column("access_keys", "holder_id")
