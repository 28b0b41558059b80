"""What is checked before a job on a stored video is taken on: by the object's head alone, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regard.accountability.gate import Grant
from regard.domain.images import ObjectName
from regard.domain.jobs import StoredObject
from regard.errors import VideoTooLarge
from regard.media.blobs import BlobStore
from regard.store.collection_rows import CollectionRows
from regard.vision.images import image_models, moderation
from regard.vision.model_loader import ModelLoader

#: The largest video that is analysed (Rekognition, "Guidelines and quotas"), in bytes.
MOST_VIDEO_BYTES = 10 * 1024**3

#: The kinds of job whose models come in a pack of their own.
_PACKS: Mapping[str, str] = {
    "CONTENT_MODERATION": moderation.PACK,
    "LABEL_DETECTION": image_models.PACK,
    "PERSON_TRACKING": image_models.PACK,
    "TEXT_DETECTION": "text",
}


class VideoJobs:
    """Looks whether a job could be done."""

    def __init__(self, blobs: BlobStore, collections: CollectionRows, models: ModelLoader) -> None:
        self._blobs = blobs
        self._collections = collections
        self._models = models

    def look(self, grant: Grant, kind: str, video: ObjectName, settings: Mapping[str, Any]) -> StoredObject:
        """The video as it is now, unopened.

        Raises InvalidS3Object, VideoTooLarge, ResourceNotFound for a collection that is not there, and ResourceNotReady
        without the models.
        """
        grant.require(grant.act.action, settings.get("CollectionId"))
        if (pack := _PACKS.get(kind)) is not None:
            self._models.require(pack)
        if (collection := settings.get("CollectionId")) is not None:
            self._collections.get(collection)
        found = self._blobs.head(video.bucket, video.name, video.version)
        if found.size > MOST_VIDEO_BYTES:
            raise VideoTooLarge
        return found
