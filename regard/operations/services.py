"""What every operation is handed: the engine, and how this server names things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from regard.domain.images import ObjectName
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.galleries.enrolment import Indexer, Submission
from regard.engine.galleries.gallery import Gallery
from regard.engine.galleries.user_vectors import Users
from regard.operations.idempotency import Idempotency
from regard.operations.paging import Pages

Tags = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built once by the composition root."""

    pictures: ImageLoader
    analyzer: FaceAnalyzer
    gallery: Gallery
    people: Users
    indexer: Indexer
    pages: Pages
    idempotency: Idempotency
    #: Replaces the tags of the collection of that id by what the function makes of them.
    retag: Callable[[str, Callable[[Tags], Tags]], None]
    region: str
    account_id: str

    def collection_arn(self, collection_id: str) -> str:
        return f"arn:aws:rekognition:{self.region}:{self.account_id}:collection/{collection_id}"

    def submission(self, reference: bytes | ObjectName, external_image_id: str | None) -> Submission:
        return Submission(picture=self.pictures.read(reference), external_image_id=external_image_id)
