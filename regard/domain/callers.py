"""Callers: who holds a key, and the temporary credentials taken on with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryCredential:
    """Temporary credentials that a principal took on: their own key id, the role and the name it gave them."""

    access_key_id: str
    role: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is calling: the holder of a lasting access key, through a session or not."""

    access_key_id: str
    name: str
    temporary_credential: TemporaryCredential | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The secret behind an access key, and whose it is."""

    secret: str = field(repr=False)
    principal: Principal
