"""What an entry of the ledger says: who did what, to which collection, when, and what came of it.

Names and numbers only: never a picture, an embedding, or anything of a face that was neither searched for nor stored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson

from regard.accountability.judgement import Mandate
from regard.domain.authority import Act, Caller
from regard.errors import AccessDenied, RegardError
from regard.store.ledger_rows import NewEntry

#: The version of an entry's form; a reader refuses what it does not know.
_FORM = 1
#: A clock that is so far behind is said to be.
_BEHIND = timedelta(seconds=2)
#: A salt this long keeps a body from being guessed from its leaf (128 bits).
SALT_BYTES = 16

#: What an act found or changed, by name: see the table in docs/guides/ledger.md.
Fact = str | int | float | Sequence[str] | Sequence[Sequence[int]] | Sequence[Mapping[str, str | float]]


class Record:
    """One act on its way into the ledger. Most acts make one entry; one that changes things in many transactions makes
    one in each, as far as there is something new to say."""

    def __init__(self, caller: Caller, act: Act, profile: str) -> None:
        self._said = _said(caller, act, profile)
        self._facts: dict[str, Fact] = {}
        self._outcome: dict[str, str] = {"outcome": "allowed"}
        self._parts = 0
        self.request_id = caller.request_id
        #: Where its last entry is.
        self.position: int | None = None
        self.operation = act.operation

    @property
    def wanting(self) -> bool:
        """Whether there is something to say that was not written yet."""
        return not self._parts or bool(self._facts) or self._outcome["outcome"] != "allowed"

    def vouch(self, mandate: Mandate) -> None:
        """Say who turned out to act, under which authorisation, and by which text of the profile."""
        holder, authorisation = mandate.holder, mandate.authorisation
        if holder is not None:
            self._said["person"] = holder.person_id
            self._said["roles"] = sorted(holder.roles)
            self._said["profile_sha256"] = mandate.rules.sha256
            if holder.is_service:
                self._said["service"] = holder.id
        if authorisation is not None:
            self._said["authorisation"] = authorisation.id
            self._said["purpose"] = authorisation.purpose
            if authorisation.on_behalf_of is not None:
                self._said["on_behalf_of"] = asdict(authorisation.on_behalf_of)

    def note(self, facts: Mapping[str, Fact]) -> None:
        """Say this in the next entry."""
        self._facts.update(facts)

    def fail(self, error: BaseException) -> None:
        """The act came to nothing, or did not come to its end."""
        if isinstance(error, AccessDenied):
            self._outcome = {"outcome": "refused", "error": error.code, "reason": error.message}
        elif isinstance(error, RegardError):
            self._outcome = {"outcome": "failed", "error": error.code}
        else:
            kind = "InternalServerError" if isinstance(error, Exception) else "Interrupted"
            self._outcome = {"outcome": "failed", "error": kind}

    def entry(self, moment: datetime, salt: bytes, clock: datetime | None = None) -> NewEntry:
        """The entry to add now; `written` says that it was. `salt` is random, and no other entry's; `clock` is what the
        clock says, where the ledger's time is ahead of it."""
        said = self._said | self._outcome | {"time": shown(moment), "part": self._parts + 1}
        if clock is not None and moment - clock > _BEHIND:
            said["clock"] = shown(clock)
        body = _canonical(said | {"facts": _salted(self._facts, salt)})
        leaf = hashlib.sha256(salt + body).digest()
        return NewEntry(leaf=leaf, recorded_at=moment, salt=salt, body=body, request_id=self.request_id)

    def written(self) -> None:
        self._parts += 1
        self._facts = {}
        self._outcome = {"outcome": "allowed"}


def shown(moment: datetime) -> str:
    """A moment as entries have it: UTC, and as text in the order of time."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def digest(salt: bytes, picture: str) -> str:
    """What an entry says of a picture with that image id: whoever has the picture and the entry can tell that they
    belong together, and two entries do not tell that they are of one picture."""
    return hashlib.sha256(salt + picture.encode()).hexdigest()


def _said(caller: Caller, act: Act, profile: str) -> dict[str, Any]:
    principal = caller.principal
    who: dict[str, str] = {"access_key": principal.access_key_id, "name": principal.name}
    session = principal.temporary_credential
    if session is not None:
        # By how AWS clients carry it, the session's name is the authorisation.
        who |= {"session_key": session.access_key_id, "role": session.role, "session": session.name}
        if session.source_identity is not None:
            who["source_identity"] = session.source_identity
        if session.one_time_code:
            who["proof"] = "one-time code"
    return {
        "form": _FORM,
        "act": caller.request_id or str(uuid4()),
        "who": who,
        "channel": str(caller.channel),
        "action": str(act.action),
        "operation": act.operation,
        "collection": act.collection,
        "threshold": act.threshold,
        "count": act.count,
        "attributes": list(act.attributes),
        "profile": profile,
    }


def _salted(facts: Mapping[str, Fact], salt: bytes) -> dict[str, Fact]:
    pictures = facts.get("pictures")
    if not isinstance(pictures, Sequence):
        return dict(facts)
    return dict(facts) | {"pictures": [digest(salt, str(each)) for each in pictures]}


def _canonical(said: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8 with its keys in order. A name from a system or a command line may hold what UTF-8 cannot."""
    try:
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        mended = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")
        return orjson.dumps(orjson.loads(mended), option=orjson.OPT_SORT_KEYS)
