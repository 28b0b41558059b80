"""Watch-lists: the collections that were made for one deployment, reviewed before it begins, and gone after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.watchlists import Watchlist
from regard.errors import AccessDenied, InvalidParameter
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.term_rows import TermRows


class Watchlists:
    """Lists and reviews watch-lists."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._rows = TermRows(database)
        self._collections = CollectionRows(database)
        self._authorisations = AuthorisationRows(database)
        self._clock = clock

    def list(self, grant: Grant) -> Sequence[Watchlist]:
        """All of them, by the names of their collections."""
        grant.require_all(Action.READ)
        return [
            Watchlist(
                collection=name,
                faces=count,
                authorisation_id=term.authorisation_id,
                most_faces=term.most_faces,
                ends_at=term.ends_at,
                reviewed_by=term.reviewed_by,
                reviewed_at=term.reviewed_at,
            )
            for name, count, term in self._rows.watchlists()
        ]

    def review(self, grant: Grant, collection_id: str) -> None:
        """Record that one has been through it: each entry lawfully held, needed for this deployment, its picture the
        best and latest.

        Raises ResourceNotFound, InvalidParameter if it is no watch-list, and AccessDenied for whoever asked for the
        deployment.
        """
        grant.require(Action.ADMINISTER, collection_id)
        collection = self._collections.get(collection_id)
        watchlist = self._rows.watchlist(collection.key)
        if watchlist is None:
            raise InvalidParameter(f"{collection_id} is no watch-list: nothing in it was enrolled under a deployment.")
        deployment = self._authorisations.get(watchlist.authorisation_id or "")
        if deployment is not None and grant.person_id is not None and grant.person_id == deployment.requested_by:
            raise AccessDenied(f"You asked for the deployment {deployment.id}; another person reviews its watch-list.")
        with self._database.write():
            self._rows.review(collection.key, grant.person_id, self._clock())
            grant.note(reviewed=collection_id)
