"""The tables, in SQLAlchemy Core, a file for each noun. `migrations/` makes them; a test proves that both say the same.

All of them are loaded together, for a foreign key names its table by text.
"""

from __future__ import annotations

from regard.store.tables import (
    access_keys,
    authorisations,
    cases,
    collections,
    curation,
    deletions,
    faces,
    gallery_sizes,
    idempotency_keys,
    identity,
    index_state,
    indexed_files,
    jobs,
    ledger,
    people,
    retention,
    users,
)

__all__ = [
    "access_keys",
    "authorisations",
    "cases",
    "collections",
    "curation",
    "deletions",
    "faces",
    "gallery_sizes",
    "idempotency_keys",
    "identity",
    "index_state",
    "indexed_files",
    "jobs",
    "ledger",
    "people",
    "retention",
    "users",
]
