"""Written releases: what was shown, who agreed to it and when; one for each person and purpose. Withdrawing erases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

from regard.accountability.erasing import Receipts
from regard.accountability.gate import Grant
from regard.accountability.plain_words import check_words
from regard.domain.authority import Action
from regard.errors import InvalidParameter, ResourceNotFound
from regard.store.collection_rows import CollectionRows
from regard.store.consent_rows import Consent, ConsentRows
from regard.store.database import Database

KIND = "consents"
_LONGEST_TEXT, _LONGEST_SUBJECT, _LONGEST_PURPOSE, _LONGEST_NAME = 100_000, 255, 64, 255


class Consents:
    """Records, lists and withdraws releases."""

    def __init__(self, database: Database, receipts: Receipts, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._rows = ConsentRows(database)
        self._collections = CollectionRows(database)
        self._receipts = receipts
        self._clock = clock

    def record(  # noqa: PLR0913 - what a release consists of
        self,
        grant: Grant,
        collection_id: str,
        subject: str,
        purpose: str,
        *,
        text: str,
        signed_name: str,
        expires_at: datetime | None = None,
    ) -> Consent:
        """Record that `signed_name` was shown `text` and agreed to it. `subject` is their user id in the collection, or
        the external image id of their pictures.

        Raises ResourceNotFound, and InvalidParameter if they have agreed to that purpose already.
        """
        grant.require(Action.ENROL, collection_id)
        _check("a text that was shown", text, _LONGEST_TEXT)
        for what, said in (("the subject", subject), ("the purpose", purpose), ("the name", signed_name)):
            check_words(what, said)
        _check("a subject", subject, _LONGEST_SUBJECT)
        _check("a purpose", purpose, _LONGEST_PURPOSE)
        _check("the name that was typed or signed", signed_name, _LONGEST_NAME)
        collection, now = self._collections.get(collection_id), self._clock()
        if expires_at is not None and expires_at <= now:
            raise InvalidParameter("The consent would have expired already; give a later day, or none.")
        made = Consent(
            id=str(uuid4()),
            collection_key=collection.key,
            subject=subject,
            purpose=purpose,
            text_shown=text,
            text_sha256=hashlib.sha256(text.encode()).hexdigest(),
            signed_name=signed_name,
            given_at=now,
            expires_at=expires_at,
        )
        with self._database.write():
            there = self._rows.all(collection.key, subject)
            if any(each.purpose == purpose and each.valid(now) for each in there):
                raise InvalidParameter(
                    f"{subject} has agreed to {purpose} already: there is one consent for a person and a purpose. "
                    "`regard consents withdraw` ends it, and erases their faces."
                )
            self._rows.add(made)
            grant.note(consent=made.id, purpose=purpose, text_sha256=made.text_sha256)
        return made

    def list(self, grant: Grant, collection_id: str, subject: str | None = None) -> Sequence[Consent]:
        """Those of a collection, or of one subject in it. Raises ResourceNotFound."""
        grant.require(Action.READ, collection_id)
        return self._rows.all(self._collections.get(collection_id).key, subject)

    def withdraw(self, grant: Grant, collection_id: str, subject: str, purpose: str | None = None) -> Sequence[str]:
        """Withdraw the releases of a subject, to that purpose or all; without one that is left, their faces are erased:
        which they were. Raises ResourceNotFound if there is none to withdraw."""
        grant.require(Action.DELETE, collection_id)
        collection, now = self._collections.get(collection_id), self._clock()
        with self._database.write():
            valid = [each for each in self._rows.all(collection.key, subject) if each.valid(now)]
            grant.note(withdrawn=[each.id for each in valid if purpose in (None, each.purpose)])
            if not self._rows.withdraw(collection.key, subject, purpose, now):
                raise ResourceNotFound(
                    f"{subject} has no valid consent in {collection_id}; `regard consents list` shows those there are."
                )
            if self._rows.valid(collection.key, [subject], now):
                return []
            faces = self._rows.faces_of(collection.key, subject)
            return self._receipts.faces(grant, KIND, "the consent was withdrawn", collection, faces)


def _check(what: str, text: str, longest: int) -> None:
    if not text.strip() or len(text) > longest:
        raise InvalidParameter(f"Give {what}, in at most {longest:,} characters.")
