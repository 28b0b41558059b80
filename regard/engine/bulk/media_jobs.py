"""What is checked before a manifest of pictures is taken on: by its head alone."""

from __future__ import annotations

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.images import ObjectName
from regard.domain.jobs import StoredObject
from regard.engine.analysis.moderation_analyzer import Moderation
from regard.engine.bulk.media_analysis import MOST_MANIFEST_BYTES
from regard.errors import InvalidManifest
from regard.media.blobs import BlobStore


class MediaJobs:
    """Looks whether a job of bulk image analysis could be done."""

    def __init__(self, blobs: BlobStore, moderation: Moderation) -> None:
        self._blobs = blobs
        self._moderation = moderation

    def look(self, grant: Grant, manifest: ObjectName) -> StoredObject:
        """The manifest as it is now, unread. Raises InvalidS3Object, InvalidManifest, and ResourceNotReady without the
        model."""
        grant.require(Action.DETECT)
        self._moderation.version(grant)
        found = self._blobs.head(manifest.bucket, manifest.name, manifest.version)
        if not 0 < found.size <= MOST_MANIFEST_BYTES:
            raise InvalidManifest
        return found
