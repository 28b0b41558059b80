"""How long what is kept, on whose word, and the receipts of what was erased."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from regard.store.tables.columns import Instant, JsonObject, Key, OtherKey
from regard.store.tables.metadata import metadata

#: On what basis a face is enrolled, and until when.
enrolment_terms = Table(
    "enrolment_terms",
    metadata,
    Column("collection_key", OtherKey, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    Column("face_id", String(36), primary_key=True),
    Column("authorisation_id", String(64)),
    Column("basis", Text),
    Column("source", Text),
    Column("enrolled_by", String(36)),
    Column("enrolled_at", Instant, nullable=False),
    Column("last_used_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Index(None, "expires_at"),
    Index(None, "authorisation_id"),
)

#: The end of a whole collection, such as a watch-list's after its deployment.
collection_terms = Table(
    "collection_terms",
    metadata,
    Column("collection_key", OtherKey, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    Column("authorisation_id", String(64)),
    Column("most_faces", OtherKey),
    Column("reviewed_by", String(36)),
    Column("reviewed_at", Instant),
    Column("ends_at", Instant),
)

#: A written release: the text that was shown, and who agreed to it. `subject` is the user id or external image id.
consents = Table(
    "consents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("collection_key", OtherKey, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("text_shown", Text, nullable=False),
    Column("text_sha256", String(64), nullable=False),
    Column("signed_name", String(255), nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("withdrawn_at", Instant),
    Index(None, "collection_key", "subject"),
)

#: What was erased, why and when; `facts` holds counts and ids.
erasure_receipts = Table(
    "erasure_receipts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("reason", String(255), nullable=False),
    Column("facts", JsonObject, nullable=False),
    Column("erased_by", String(36)),
    Column("erased_at", Instant, nullable=False),
    Index(None, "erased_at"),
)

#: How far a sweep has come, and when: one row for each class of what expires.
sweeps = Table(
    "sweeps",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("swept_at", Instant, nullable=False),
    Column("erased", OtherKey, nullable=False),
)

#: Who was told what, and by when they must be.
incidents = Table(
    "incidents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("description", Text, nullable=False),
    Column("facts", JsonObject, nullable=False),
    Column("opened_by", String(36)),
    Column("opened_at", Instant, nullable=False),
    Column("closed_by", String(36)),
    Column("closed_at", Instant),
    Column("resolution", Text),
    Index(None, "opened_at"),
)
incident_notices = Table(
    "incident_notices",
    metadata,
    Column("key", Key, primary_key=True),
    Column("incident_id", String(36), ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("recipient", String(255), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("notified_at", Instant),
    Column("notified_by", String(36)),
    Column("reference", String(255)),
    Index(None, "incident_id"),
    sqlite_autoincrement=True,
)

#: What is stopped: everything, a collection, a person, or an authorisation.
suspensions = Table(
    "suspensions",
    metadata,
    Column("key", Key, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("reason", Text, nullable=False),
    Column("started_by", String(36)),
    Column("started_at", Instant, nullable=False),
    Column("ended_by", String(36)),
    Column("ended_at", Instant),
    Index(None, "ended_at"),
    sqlite_autoincrement=True,
)

#: Each look for what is kept of somebody, where one person may do so only so often; older ones are removed.
subject_looks = Table(
    "subject_looks",
    metadata,
    Column("key", Key, primary_key=True),
    Column("person_id", String(36), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("looked_at", Instant, nullable=False),
    Index(None, "person_id", "looked_at"),
    sqlite_autoincrement=True,
)

#: Error rates that were measured, with the model and the size of the gallery they hold for.
evaluations = Table(
    "evaluations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("face_model", String(255), nullable=False),
    Column("collection", String(255)),
    Column("name", String(255), nullable=False),
    Column("measured_by", String(36)),
    Column("measured_at", Instant, nullable=False),
    Column("report", JsonObject, nullable=False),
    Index(None, "face_model"),
)

#: Reports that were given to the public, as they were: a period is published once, and never again in another cut.
published_reports = Table(
    "published_reports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("content", JsonObject, nullable=False),
    Column("published_by", String(36)),
    Column("published_at", Instant, nullable=False),
    Index(None, "kind", "since"),
)
