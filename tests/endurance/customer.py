"""Clients that add, delete and search through boto3, and know what they were promised."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from live_server import whole
from people import crowd, encoded, head

from .twins import face_id, twin

COLLECTION = "survivors"
#: One person four times, and once: whatever is indexed here is found by the portrait.
CROWD, PORTRAIT, IN_CROWD = encoded(crowd(2, 2, 64), "PNG"), encoded(head(160)), 4
#: Requests of which three add and two delete: a client that did a whole round has indexed faces, and deleted ones.
ROUND = 7
#: Indexed faces that a client keeps: all of them together are still found by one search.
MOST = 200


@dataclass
class Ledger:
    """What a client knows for certain, and what it had asked for when the server died.

    `imported` and `indexed` are there, `deleted` are not. Of the faces of each of `adding` (external ids), and of those
    of each of `deleting` (face ids), all are there or none.
    """

    imported: set[str]
    indexed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    adding: set[str] = field(default_factory=set)
    deleting: list[frozenset[str]] = field(default_factory=list)

    def settle(self, listed: dict[str, str]) -> None:
        """Find out what became of what was unsure; `listed` are all the face ids there are, and their external ids."""
        for name in self.adding:
            there = {each for each, external in listed.items() if external == name}
            assert len(there) in (0, IN_CROWD), f"{len(there)} of the {IN_CROWD} faces of {name} are there"
            self.indexed |= there
        for together in self.deleting:
            left = together & listed.keys()
            assert left in (set(), together), f"{len(left)} of {len(together)} faces deleted together are there"
            if not left:
                self._forget(together)
        self.adding.clear()
        self.deleting.clear()

    def _forget(self, gone: frozenset[str]) -> None:
        self.imported -= gone
        self.indexed -= gone
        self.deleted |= gone


class Customer:
    """One client with imported faces of its own, that nobody else deletes."""

    def __init__(self, number: int, imported: range, seed: int) -> None:
        self.ledger = Ledger({face_id(each) for each in imported})
        self.done = 0
        #: Acknowledged writes.
        self.written = 0
        self._numbers = imported
        self._names = (f"{number}-{each}" for each in count())
        self._rng = random.Random(seed)  # noqa: S311 - any order will do

    def work(self, client: Any, crashing: Callable[[], bool] = lambda: False) -> None:
        """Do one thing after the other until the server is gone, in rounds of an order of their own.

        While the database is `crashing`, the server may say that it failed: that promises nothing.
        """
        steps = (self.add, self.add, self.add, self.delete, self.delete, self.find_twin, self.find_portrait)
        assert len(steps) == ROUND
        try:
            while True:
                for step in self._rng.sample(steps, ROUND):
                    step(client)
                    self.done += 1
        except BotoCoreError:
            pass
        except ClientError as error:
            if not crashing() or error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise

    def add(self, client: Any) -> None:
        name = next(self._names)
        self.ledger.adding.add(name)
        answer = client.index_faces(CollectionId=COLLECTION, Image={"Bytes": CROWD}, ExternalImageId=name)
        ids = {each["Face"]["FaceId"] for each in whole(answer, "FaceRecords")}
        assert len(ids) == IN_CROWD
        self.written += 1
        self.ledger.adding.remove(name)
        self.ledger.indexed |= ids

    def delete(self, client: Any) -> None:
        """Some of the imported and some of the indexed faces, in one request."""
        ledger = self.ledger
        surplus = max(2, len(ledger.indexed) - MOST)
        indexed = self._rng.sample(sorted(ledger.indexed), min(surplus, len(ledger.indexed)))
        doomed = frozenset([*indexed, face_id(self._rng.choice(self._numbers))]) - ledger.deleted
        if not doomed:
            return
        ledger.deleting.append(doomed)
        answer = client.delete_faces(CollectionId=COLLECTION, FaceIds=sorted(doomed))
        assert set(whole(answer, "DeletedFaces")) == doomed
        self.written += 1
        ledger.settle({})

    def find_twin(self, client: Any) -> None:
        number = self._rng.choice(self._numbers)
        if face_id(number) in self.ledger.imported:
            check_twin(client, number, self.ledger)

    def find_portrait(self, client: Any) -> None:
        found = portraits(client)
        assert self.ledger.indexed <= found
        assert not self.ledger.deleted & found

    def check(self, client: Any) -> None:
        """Some of the deleted ones' twins, and some others', find who is there."""
        bereft = [number for number in self._numbers if face_id(twin(number)) in self.ledger.deleted]
        for number in self._rng.sample(bereft, min(5, len(bereft))) + self._rng.choices(self._numbers, k=5):
            if face_id(number) in self.ledger.imported:
                check_twin(client, number, self.ledger)


def check_twin(client: Any, number: int, ledger: Ledger) -> None:
    """A search by a face that is there finds the other picture of that person if it is there too, and only then."""
    answer = client.search_faces(CollectionId=COLLECTION, FaceId=face_id(number))
    found = {match["Face"]["FaceId"] for match in whole(answer, "FaceMatches")}
    other = face_id(twin(number))
    assert (other in found) == (other in ledger.imported), f"{other}, by {face_id(number)}"
    assert not ledger.deleted & found


def portraits(client: Any) -> set[str]:
    """Every indexed face that a search by the portrait finds, and whoever is like it."""
    answer = client.search_faces_by_image(CollectionId=COLLECTION, Image={"Bytes": PORTRAIT})
    return {match["Face"]["FaceId"] for match in whole(answer, "FaceMatches")}
