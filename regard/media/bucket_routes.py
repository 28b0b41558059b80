"""Which store a bucket is in."""

from __future__ import annotations

from regard.media.blobs import BlobStore, FolderStore


class BucketRoutes:
    """A bucket that has a folder is that folder; every other is asked of `rest`."""

    def __init__(self, folders: FolderStore, rest: BlobStore) -> None:
        self._folders = folders
        self._rest = rest

    def read(self, bucket: str, name: str, version: str | None, *, limit: int) -> bytes:
        """As BlobStore."""
        store = self._folders if self._folders.has(bucket) else self._rest
        return store.read(bucket, name, version, limit=limit)
