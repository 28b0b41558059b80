"""A customer with a collection: one mixed request after the other, and the pictures that they carry."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import PIL.Image

from benchmarks.material import DATA, DevelopmentFaces, jpeg, mosaic, photograph
from benchmarks.signed_client import CallFailed, Prepared, SignedClient

#: Faces a customer's collection begins with, and between which numbers it stays.
FIRST, FEWEST, MOST = 6, 4, 40
_NOT_A_PICTURE = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40).decode()


@dataclass(frozen=True)
class Pictures:
    """In base64: portraits of one face, a couple, a crowd of nine, and one of twelve megapixels."""

    portraits: list[str]
    couple: str
    crowd: str
    large: str

    @staticmethod
    def load(portraits: int = 200) -> Pictures:
        files = DevelopmentFaces.load().files[:portraits]
        couple = photograph(DATA / "images" / "couple.jpg")
        large = PIL.Image.fromarray(couple).resize((4000, 3000))
        return Pictures(
            [base64.b64encode(file.read_bytes()).decode() for file in files],
            *(base64.b64encode(jpeg(pixels)).decode() for pixels in (couple, mosaic(files, 3, 250), np.asarray(large))),
        )


class Customer:
    """Acts by weights; what it was promised it asks for again, so that a loss is an error too."""

    #: How often in a hundred each kind of request is made.
    WEIGHTS: dict[str, int] = {  # noqa: RUF012 - a literal table
        "detect": 14,
        "detect crowd": 3,
        "detect large": 1,
        "compare": 4,
        "search by picture": 12,
        "index": 8,
        "delete": 8,
        "search": 18,
        "list": 14,
        "users": 8,
        "wrong input": 6,
        "reconnect": 4,
    }

    def __init__(self, number: int, client: SignedClient, pictures: Pictures) -> None:
        self._client, self._pictures = client, pictures
        self._rng = random.Random(number)  # noqa: S311 - the same requests every time
        self._collection = f"customer-{number}"
        self._faces: list[str] = []
        self._user_steps = 0
        self._kinds = list(self.WEIGHTS)
        self._acts: dict[str, Callable[[], Any]] = {
            "detect": lambda: self._call("DetectFaces", Image=self._portrait(), Attributes=["ALL"]),
            "detect portrait": lambda: self._call("DetectFaces", Image=self._portrait()),
            "detect crowd": lambda: self._call("DetectFaces", Image={"Bytes": pictures.crowd}),
            "detect large": lambda: self._call("DetectFaces", Image={"Bytes": pictures.large}),
            "compare": self._compare,
            "search by picture": lambda: self._mine("SearchFacesByImage", Image=self._portrait()),
            "index": self._index,
            "delete": self._delete,
            "search": lambda: self._mine("SearchFaces", FaceId=self._rng.choice(self._faces)),
            "list": self._list,
            "users": self._next_of_user,
            "wrong input": self._ask_wrongly,
            "reconnect": self._reconnect,
        }

    def begin(self) -> None:
        """Make the collection and its first faces. Raises CallFailed."""
        self._mine("CreateCollection")
        while len(self._faces) < FIRST:
            self._add_faces()

    def pick(self) -> str:
        """The kind of the next request."""
        return self._rng.choices(self._kinds, [self.WEIGHTS[kind] for kind in self._kinds])[0]

    def act(self, kind: str) -> None:
        """Raises CallFailed."""
        self._acts[kind]()

    def close(self) -> None:
        self._client.close()

    def _call(self, operation: str, **members: Any) -> dict[str, Any]:
        return self._client.call(Prepared.of(operation, **members))

    def _mine(self, operation: str, **members: Any) -> dict[str, Any]:
        return self._call(operation, CollectionId=self._collection, **members)

    def _portrait(self) -> dict[str, str]:
        return {"Bytes": self._rng.choice(self._pictures.portraits)}

    def _compare(self) -> None:
        self._call("CompareFaces", SourceImage=self._portrait(), TargetImage={"Bytes": self._pictures.couple})

    def _index(self) -> None:
        if len(self._faces) >= MOST:
            self._delete()
        else:
            self._add_faces()

    def _add_faces(self) -> None:
        answer = self._mine("IndexFaces", Image=self._portrait(), MaxFaces=1)
        found = [record["Face"]["FaceId"] for record in answer["FaceRecords"]]
        self._faces = list(dict.fromkeys(self._faces + found))  # the same picture again is the same face

    def _delete(self) -> None:
        if len(self._faces) <= FEWEST:
            self._add_faces()
        else:
            doomed = self._faces.pop(self._rng.randrange(1, len(self._faces)))  # the first one is the user's
            self._mine("DeleteFaces", FaceIds=[doomed])

    def _list(self) -> None:
        operation = self._rng.choice(["ListCollections", "ListFaces", "DescribeCollection"])
        members = {} if operation == "ListCollections" else {"CollectionId": self._collection}
        self._call(operation, **members)

    def _next_of_user(self) -> None:
        """One user's life, a request a time; another's after a failure."""
        face = {"FaceIds": self._faces[:1]}
        steps: list[tuple[str, dict[str, Any]]] = [
            ("CreateUser", {"ClientRequestToken": str(uuid4())}),
            ("AssociateFaces", face | {"ClientRequestToken": str(uuid4())}),
            ("SearchUsers", {}),
            ("DisassociateFaces", face | {"ClientRequestToken": str(uuid4())}),
            ("DeleteUser", {"ClientRequestToken": str(uuid4())}),
        ]
        operation, members = steps[self._user_steps % len(steps)]
        user = f"user-{self._user_steps // len(steps)}"
        try:
            self._mine(operation, UserId=user, **members)
        except CallFailed:
            self._user_steps += len(steps) - 1 - self._user_steps % len(steps)
            self._faces.append(self._faces.pop(0))  # it may be that user's still, and no other's
            raise
        finally:
            self._user_steps += 1

    def _ask_wrongly(self) -> None:
        wrong: list[tuple[str, Prepared]] = [
            ("InvalidImageFormatException", Prepared.of("DetectFaces", Image={"Bytes": _NOT_A_PICTURE})),
            ("ResourceNotFoundException", Prepared.of("ListFaces", CollectionId="nowhere")),
            ("ValidationException", Prepared.of("ListFaces", CollectionId="no such name!")),
            ("SerializationException", Prepared("ListFaces", b'{"CollectionId": ')),
        ]
        code, request = self._rng.choice(wrong)
        self._client.call(request, expected=code)

    def _reconnect(self) -> None:
        self._client.close()
        self._call("ListCollections")
