"""Jobs, the chunks that they are cut into, what came of them, and whom to tell."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from regard.store.tables.columns import Bytes, Instant, JsonObject, Number, OtherKey, Whole
from regard.store.tables.metadata import metadata

#: `served_at` is when a chunk of it was last given to a worker; `alone` whether it must not share a pass, because one
#: ended its worker; `done` how many of its `chunks` are done.
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("principal", String(128), nullable=False),
    Column("person_id", String(36)),
    Column("caller", JsonObject, nullable=False),
    Column("act", JsonObject, nullable=False),
    Column("request", JsonObject, nullable=False),
    Column("bucket", String(255), nullable=False),
    Column("object_name", Text, nullable=False),
    Column("object_version", String(1024)),
    Column("etag", String(255), nullable=False),
    Column("size", Whole, nullable=False),
    Column("tag", Text),
    Column("channel", JsonObject),
    Column("state", String(16), nullable=False),
    Column("priority", Whole, nullable=False),
    Column("alone", Whole, nullable=False),
    Column("chunks", Whole, nullable=False),
    Column("done", Whole, nullable=False),
    Column("message", Text),
    Column("metadata", JsonObject, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("served_at", Instant),
    Column("finished_at", Instant),
    Column("expires_at", Instant, nullable=False),
    Index(None, "principal", "created_at"),
    Index(None, "state", "created_at"),
    Index(None, "expires_at"),
)

#: The work there is to do: the plan (number -1), the chunks, and the ending (number `chunks`). One can be done when as
#: many chunks are done as it `needs`. `faults` counts the tries that failed of themselves, `lost` those that ended
#: with their worker.
job_chunks = Table(
    "job_chunks",
    metadata,
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("from_ms", Whole, nullable=False),
    Column("to_ms", Whole, nullable=False),
    Column("needs", Whole, nullable=False),
    Column("owner", String(64)),
    Column("lease_until", Instant, nullable=False),
    Column("attempt", Whole, nullable=False),
    Column("faults", Whole, nullable=False),
    Column("lost", Whole, nullable=False),
    Column("progress", Number, nullable=False),
    Column("resume", JsonObject, nullable=False),
    Column("counts", JsonObject, nullable=False),
    Column("done_at", Instant),
    Index(None, "done_at", "lease_until"),
)

#: What was found: JSON Lines, compressed. In the order "" it is as a chunk left it, until the job has ended; then in
#: the other orders, in pages, of which `first` is the position of the first item.
job_results = Table(
    "job_results",
    metadata,
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("ordering", String(32), primary_key=True),
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("first", Whole, nullable=False),
    Column("count", Whole, nullable=False),
    Column("body", Bytes, nullable=False),
)

#: Which results name a face, so that its erasure reaches them.
job_faces = Table(
    "job_faces",
    metadata,
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("ordering", String(32), primary_key=True),
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("face_id", String(36), primary_key=True),
    Column("collection_key", OtherKey, nullable=False),
    Index(None, "collection_key", "face_id"),
)

#: What is to be told of a job, and how each try to tell it went (`log`).
outbox = Table(
    "outbox",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("target", String(16), nullable=False),
    Column("address", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("tries", Whole, nullable=False),
    Column("next_try", Instant, nullable=False),
    Column("log", JsonObject, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("done_at", Instant),
    Index(None, "job_id"),
    Index(None, "done_at", "next_try"),
)
