"""Callers: the holders of access keys, and the temporary credentials they take on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryCredential:
    """Temporary credentials that a principal took on: a key id of their own, and the role and name it chose.

    `source_identity` is the natural person as their client named them; `one_time_code` whether they also showed a code
    of their authenticator app.
    """

    access_key_id: str
    role: str
    name: str
    expires_at: datetime
    source_identity: str | None = None
    one_time_code: bool = False
    #: When somebody signed in, where that is how they came by it.
    began_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What a request was sent with, such as "Firefox on Windows", and the address it came from: a proxy's, if there
    is one."""

    device: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The holder of a lasting access key, calling with it or with temporary credentials, in the Region that the request
    was signed for; without one, by no signed request."""

    access_key_id: str
    name: str
    temporary_credential: TemporaryCredential | None = None
    #: Not who it is: rates, turns and receipts are the same in every Region.
    region: str = field(default="", compare=False)
    #: The person or the service that the key belongs to, where it belongs to one.
    holder_id: str | None = field(default=None, compare=False)
    #: Whether there is no access key: an authorisation's id stands in its place.
    keyless: bool = field(default=False, compare=False)
    #: Whether it says that it calls from a telephone.
    phone: bool = field(default=False, compare=False)
    #: Whether somebody else had set the password that it signed in with: all it may do is set one of its own.
    lent: bool = field(default=False, compare=False)
    #: The address that it calls from, where that matters: of who has a web identity token and no key.
    address: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The secret behind an access key, and whose it is."""

    secret: str = field(repr=False)
    principal: Principal
