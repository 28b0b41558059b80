"""Natural persons and services: how they prove who they are, what roles they hold, what they were trained in."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from regard.store.tables.columns import Bytes, Instant, Key, OtherKey
from regard.store.tables.metadata import metadata

#: `login` is what somebody signs in with; on the machine itself, the name of their account there. `totp_step` is the
#: last time step whose code was used; sign-ins from before `signed_out_at` have ended.
people = Table(
    "people",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("login", String(128), unique=True),
    Column("password_hash", Text),
    Column("sealed_totp", Bytes),
    Column("totp_step", OtherKey),
    Column("signed_out_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
)

#: The public half of a passkey; `id` is the credential's id in base64url.
passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String(1400), primary_key=True),
    Column("person_id", String(36), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("public_key", Bytes, nullable=False),
    Column("sign_count", OtherKey, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "person_id"),
)

#: Who somebody is to an identity provider (OpenID Connect: issuer and subject).
outside_identities = Table(
    "outside_identities",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("person_id", String(36), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Index(None, "person_id"),
)

#: Sign-ins that go on, with what they were last used by, and when; until they end by themselves.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("person_id", String(36), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("means", String(64), nullable=False),
    Column("device", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Index(None, "person_id"),
    Index(None, "ends_at"),
)

#: Sign-ins that were ended, and challenges that were answered, by their ids, until they would have ended by themselves.
ended_sign_ins = Table(
    "ended_sign_ins",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("ends_at", Instant, nullable=False),
    Index(None, "ends_at"),
)

#: A program that acts by itself; `person_id` is who answers for it.
services = Table(
    "services",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("person_id", String(36), ForeignKey("people.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index(None, "person_id"),
)

#: `holder_id` is a person or a service. `granted_by` is None for what the operator of the machine granted before there
#: was anybody.
role_grants = Table(
    "role_grants",
    metadata,
    Column("key", Key, primary_key=True),
    Column("holder_id", String(36), nullable=False),
    Column("role", String(16), nullable=False),
    Column("granted_by", String(36)),
    Column("granted_at", Instant, nullable=False),
    Column("ended_by", String(36)),
    Column("ended_at", Instant),
    Index(None, "holder_id"),
    sqlite_autoincrement=True,
)

trainings = Table(
    "trainings",
    metadata,
    Column("key", Key, primary_key=True),
    Column("person_id", String(36), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("reference", String(255), nullable=False),
    Column("completed_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("recorded_by", String(36)),
    Column("recorded_at", Instant, nullable=False),
    Index(None, "person_id"),
    sqlite_autoincrement=True,
)
