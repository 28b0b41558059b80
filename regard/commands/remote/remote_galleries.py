"""Collections, users and searches of a server that somebody signed in to."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from regard.commands.remote.server_client import Server, noun, step
from regard.domain.cases import OpenedCase
from regard.domain.galleries import Collection, Face, Match, User, UserMatch, UserStatus
from regard.domain.images import Box
from regard.engine.galleries.face_search import FaceSearchResult
from regard.engine.galleries.gallery import GallerySize
from regard.engine.galleries.user_search import UserSearchResult
from regard.engine.galleries.user_vectors import Refusal, UserChangeResult

_PAGE = 1_000


class RemoteGalleries:
    """The routes of collections. What a server does not tell, such as rows' keys and cosines, is 0."""

    def __init__(self, server: Server, authorisation: str | None = None) -> None:
        self._server = server
        self._server.authorisation = authorisation or ""

    def sizes(self) -> list[GallerySize]:
        found = self._server.get("/collections")["collections"]
        return [GallerySize(collection=_collection(each), faces=each["faces"]) for each in found]

    def size(self, collection_id: str) -> int:
        return int(self._server.get(f"/collections/{step(collection_id)}")["collection"]["faces"])

    def delete(self, collection_id: str) -> None:
        self._server.ask("DELETE", f"/collections/{step(collection_id)}")

    def search(
        self, collection_id: str, picture: bytes, *, threshold: float | None, most: int
    ) -> tuple[FaceSearchResult, float, Box]:
        """What was found, at which threshold, and which face of the picture was searched for."""
        said = self._search(f"/collections/{step(collection_id)}/search", picture, threshold, most)
        made = _collection({"collection_id": collection_id, "face_model": said["face_model"], "created_at": _NEVER})
        matches = [
            Match(face=_face(each["face"], said["face_model"]), cosine=0.0, similarity=each["similarity"])
            for each in said["candidates"]
        ]
        result = FaceSearchResult(
            collection=made,
            matches=[matches],
            gallery_size=said["gallery_size"],
            expected_false=said["expected_false"],
            cases=() if said["case"] is None else (noun(OpenedCase, said["case"]),),
        )
        return result, said["threshold"], noun(Box, said["searched"])

    def _search(self, path: str, picture: bytes, threshold: float | None, most: int) -> Any:
        body = {"image": base64.b64encode(picture).decode(), "most": most}
        return self._server.post(path, body | ({} if threshold is None else {"threshold": threshold}))

    # -- users -------------------------------------------------------------------------------------------------------

    def users(self, collection_id: str) -> Iterator[User]:
        after: int | None = 0
        while after is not None:
            page = self._server.get(_users(collection_id), {"after": after, "limit": _PAGE})
            yield from (_user(each) for each in page["users"])
            after = page["next"]

    def create_user(self, collection_id: str, user_id: str) -> None:
        self._server.post(_users(collection_id), {"user_id": user_id})

    def delete_user(self, collection_id: str, user_id: str) -> None:
        self._server.ask("DELETE", f"{_users(collection_id)}/{step(user_id)}")

    def associate(
        self, collection_id: str, user_id: str, face_ids: Sequence[str], threshold: float | None
    ) -> UserChangeResult:
        body = {"face_ids": list(face_ids)} | ({} if threshold is None else {"threshold": threshold})
        return _change(self._server.post(f"{_users(collection_id)}/{step(user_id)}/faces", body))

    def disassociate(self, collection_id: str, user_id: str, face_ids: Sequence[str]) -> UserChangeResult:
        body = {"face_ids": list(face_ids)}
        return _change(self._server.post(f"{_users(collection_id)}/{step(user_id)}/faces/remove", body))

    def search_users(
        self, collection_id: str, picture: bytes, *, threshold: float | None, most: int
    ) -> tuple[UserSearchResult, float]:
        """What was found, and at which threshold."""
        said = self._search(f"/collections/{step(collection_id)}/search/users", picture, threshold, most)
        made = _collection({"collection_id": collection_id, "face_model": said["face_model"], "created_at": _NEVER})
        result = UserSearchResult(
            collection=made,
            matches=[
                UserMatch(user=_user(each), cosine=0.0, similarity=each["similarity"]) for each in said["candidates"]
            ],
            gallery_size=said["gallery_size"],
            expected_false=said["expected_false"],
            case=None if said["case"] is None else noun(OpenedCase, said["case"]),
        )
        return result, said["threshold"]


#: Of what a search does not tell.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _users(collection_id: str) -> str:
    return f"/collections/{step(collection_id)}/users"


def _collection(said: Mapping[str, Any]) -> Collection:
    told = {name: said[name] for name in ("face_model", "created_at", "tags") if name in said}
    return noun(Collection, told, key=0, id=said["collection_id"])


def _face(said: Mapping[str, Any], face_model: str) -> Face:
    return noun(Face, said, key=0, face_model=face_model)


def _user(said: Mapping[str, Any]) -> User:
    return User(key=0, id=said["user_id"], status=UserStatus(said["status"]))


def _change(said: Mapping[str, Any]) -> UserChangeResult:
    return UserChangeResult(
        moved=said["moved"],
        refused=[noun(Refusal, each) for each in said["refused"]],
        status=UserStatus(said["status"]),
    )
