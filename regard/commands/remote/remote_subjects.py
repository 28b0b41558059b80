"""What a server that somebody signed in to keeps of the person in a picture, and its erasure."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from regard.commands.remote.server_client import Server, noun, step
from regard.domain.subjects import SubjectConsent, SubjectFace, SubjectRecord, SubjectSearch


class RemoteSubjects:
    """As `SubjectAccess`, but for the grant. Its `erase` gives the id of a request where another person has to confirm
    it."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def find(self, picture: bytes, threshold: float | None) -> SubjectRecord:
        body = {"image": base64.b64encode(picture).decode()} | ({} if threshold is None else {"threshold": threshold})
        said = self._server.post("/subject/find", body)
        return SubjectRecord(
            faces=[noun(SubjectFace, each) for each in said["faces"]],
            consents=[noun(SubjectConsent, each) for each in said["consents"]],
            searches=[noun(SubjectSearch, each) for each in said["searches"]],
            collections=said["collections"],
            unread=said["not_read"],
            closed=said["closed"],
        )

    def erase(self, faces: Sequence[tuple[str, str]]) -> tuple[Sequence[str], str | None, Sequence[str]]:
        """The faces that were erased, or the id of the request that waits to be confirmed; and the cases that keep
        them."""
        body = {"faces": [{"collection": collection, "face_id": face_id} for collection, face_id in faces]}
        said = self._server.post("/subject/erase", body)
        return said["erased"], said["request_id"], said.get("cases", ())

    def confirm(self, request_id: str) -> tuple[Sequence[str], Sequence[str]]:
        """The faces that were erased, and the cases that keep them."""
        said = self._server.post(f"/subject/erase/{step(request_id)}/confirm")
        return said["erased"], said.get("cases", ())
