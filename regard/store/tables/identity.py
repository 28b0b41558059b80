"""Which database this is."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from regard.store.tables.metadata import metadata

#: One row: which database this is, wherever it is copied to.
identity = Table("identity", metadata, Column("id", String(36), primary_key=True))
