"""Cases: what was searched for, the candidates, what reviewers said of them, and what else supports it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text

from regard.store.tables.columns import Bytes, Instant, JsonObject, Key, Number, OtherKey
from regard.store.tables.metadata import metadata

#: `state` is open, verified, not_identified, inconclusive, actionable or purged; seeded is no case, but a pair whose
#: answer is known, by which reviewers are measured.
cases = Table(
    "cases",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("collection", String(255), nullable=False),
    Column("authorisation_id", String(64), ForeignKey("authorisations.id")),
    Column("profile", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reviews_needed", OtherKey, nullable=False),
    Column("opened_by", String(36)),
    Column("opened_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("purge_after", Instant),
    Column("purged_at", Instant),
    Index(None, "authorisation_id"),
    Index(None, "state"),
    Index(None, "purge_after"),
)

#: Every search of a profile that records them, those that found nobody as well. `sealed_candidates` is the encrypted
#: list, in its order. `probe_edits` says how the picture was made from the original (`original_sha256`, `edits`).
#: `best_pseudonym` is the same in every search with the same best candidate, and is told to nobody.
searches = Table(
    "searches",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("request_id", String(128), nullable=False),
    Column("case_id", String(36), ForeignKey("cases.id")),
    Column("authorisation_id", String(64)),
    Column("person_id", String(36)),
    Column("operation", String(64), nullable=False),
    Column("collection", String(255), nullable=False),
    Column("collection_key", OtherKey, nullable=False),
    Column("profile", String(64), nullable=False),
    Column("searched_at", Instant, nullable=False),
    Column("probe_sha256", String(64)),
    Column("probe_edits", JsonObject, nullable=False),
    Column("face_model", String(255), nullable=False),
    Column("threshold", Number, nullable=False),
    Column("gallery_size", OtherKey, nullable=False),
    Column("expected_false", Number, nullable=False),
    Column("candidate_count", OtherKey, nullable=False),
    Column("sealed_candidates", Bytes),
    Column("purge_after", Instant),
    Column("best_pseudonym", String(32)),
    Index(None, "case_id"),
    Index(None, "authorisation_id"),
    Index(None, "searched_at"),
    Index(None, "purge_after"),
)

#: One candidate of a case. `alias` is what clients see until it is decided. `kind` is candidate, seeded_mate or
#: seeded_nonmate; `state` is pending, verified, not_identified, inconclusive, disputed or erased.
case_candidates = Table(
    "case_candidates",
    metadata,
    Column("case_id", String(36), ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("number", OtherKey, primary_key=True, autoincrement=False),
    Column("search_id", String(36), ForeignKey("searches.id")),
    Column("alias", String(36), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("face_id", String(36), nullable=False),
    Column("user_id", String(128)),
    Column("state", String(16), nullable=False),
    Column("decided_at", Instant),
    Index(None, "face_id"),
)

#: Pictures of a case, encrypted: `kind` is probe, or candidate with its number.
case_pictures = Table(
    "case_pictures",
    metadata,
    Column("key", Key, primary_key=True),
    Column("case_id", String(36), ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("number", OtherKey, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("sealed", Bytes, nullable=False),
    Index(None, "case_id"),
    sqlite_autoincrement=True,
)

#: A face's own part of the picture it was enrolled from, encrypted, where a profile has candidates reviewed.
face_pictures = Table(
    "face_pictures",
    metadata,
    Column("collection_key", OtherKey, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    Column("face_id", String(36), primary_key=True),
    Column("sealed", Bytes, nullable=False),
)

#: One person's judgement of one candidate. `opinion` is same, different or inconclusive, and None until it is given;
#: `components` holds a mark for each facial component.
reviews = Table(
    "reviews",
    metadata,
    Column("key", Key, primary_key=True),
    Column("case_id", String(36), ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("number", OtherKey, nullable=False),
    Column("reviewer_id", String(36), ForeignKey("people.id"), nullable=False),
    Column("assigned_at", Instant, nullable=False),
    Column("opinion", String(16)),
    Column("components", JsonObject, nullable=False),
    Column("reason", Text),
    Column("decided_at", Instant),
    Index(None, "case_id", "number", "reviewer_id", unique=True),
    Index(None, "reviewer_id"),
    sqlite_autoincrement=True,
)

#: What supports an identification and was not derived from the search.
corroborations = Table(
    "corroborations",
    metadata,
    Column("key", Key, primary_key=True),
    Column("case_id", String(36), ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("reference", String(255), nullable=False),
    Column("independent", Boolean, nullable=False),
    Column("person_id", String(36), ForeignKey("people.id"), nullable=False),
    Column("added_at", Instant, nullable=False),
    Index(None, "case_id"),
    sqlite_autoincrement=True,
)
