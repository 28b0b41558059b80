"""What is sent to sign in, and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from regard.domain.people import Role

#: The `state` of an attempt that was begun before.
State = Annotated[str, Field(max_length=1024)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Kept(BaseModel):
    """Whether this browser keeps a sign-in. It may have ended: `GET /v1/me` tells. `site` is the address that passkeys
    are bound to, if one is set: a page from elsewhere can make and use none."""

    kept: bool
    site: str | None


class PasswordGiven(_Given):
    """`code` is that of the authenticator app, for those who have one."""

    login: Annotated[str, Field(min_length=1, max_length=128)]
    password: Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]
    code: Annotated[str, Field(max_length=16)] = ""


class PasskeyOptions(BaseModel):
    """`options` are for `navigator.credentials`; send `state` back with what it made."""

    options: dict[str, Any]
    state: str


class PasskeyGiven(_Given):
    """`credential` is what `navigator.credentials.get` made, as its `toJSON()` says it."""

    state: State
    credential: dict[str, Any]


class NewPasskey(_Given):
    """`credential` is what `navigator.credentials.create` made; `name` is for you to tell your passkeys apart."""

    state: State
    credential: dict[str, Any]
    name: Annotated[str, Field(min_length=1, max_length=255)]


class PasskeyMade(BaseModel):
    """A passkey that was kept."""

    id: str
    name: str


class OpenIdOptions(BaseModel):
    """What to ask the identity provider for an ID token with; send `state` back with it."""

    issuer: str
    client_id: str
    nonce: str
    state: str


class OpenIdGiven(_Given):
    """`id_token` is what the identity provider made, with the nonce that came with `state`."""

    state: State
    id_token: Annotated[str, Field(min_length=1, max_length=64 * 1024)]


class SignedIn(BaseModel):
    """Send `token` with every request until `ends_at`: `Authorization: Bearer TOKEN`. The console is given none: its
    browser keeps it in a cookie."""

    token: str | None = None
    ends_at: datetime


class TrainingNeeded(BaseModel):
    """The roles of yours that need a training that holds, and until when yours does: null if none was recorded."""

    roles: list[Role]
    until: datetime | None


class Me(BaseModel):
    """Who you are here; `roles` are empty where the profile asks nobody for any. `may` are the routes that you may
    take, such as "GET /v1/cases"; `training` is null where you need none. If `must_set_password`, somebody else had set
    the one that you signed in with, and you may do nothing before you have set your own."""

    id: str
    name: str
    roles: list[Role]
    profile: str
    may: list[str]
    must_set_password: bool
    training: TrainingNeeded | None
    ends_at: datetime | None
