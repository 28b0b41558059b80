"""Which store a bucket is in."""

from __future__ import annotations

from regard.domain.buckets import ObjectPage
from regard.domain.jobs import StoredObject
from regard.media.blobs import Buckets, FolderStore
from regard.media.ranged_reader import RangedReader


class BucketRoutes:
    """A bucket that has a folder is that folder; every other is asked of `rest`."""

    def __init__(self, folders: FolderStore, rest: Buckets) -> None:
        self._folders = folders
        self._rest = rest

    def read(self, bucket: str, name: str, version: str | None, *, limit: int) -> bytes:
        """As BlobStore."""
        return self._store(bucket).read(bucket, name, version, limit=limit)

    def head(self, bucket: str, name: str, version: str | None) -> StoredObject:
        """As BlobStore."""
        return self._store(bucket).head(bucket, name, version)

    def open(self, stored: StoredObject) -> RangedReader:
        """As BlobStore."""
        return self._store(stored.bucket).open(stored)

    def write(self, bucket: str, name: str, content: bytes) -> None:
        """As BlobWriter."""
        self._store(bucket).write(bucket, name, content)

    def buckets(self) -> list[str]:
        """As BlobLister."""
        return sorted({*self._folders.buckets(), *self._rest.buckets()})

    def page(self, bucket: str, prefix: str, after: str, most: int) -> ObjectPage:
        """As BlobLister."""
        return self._store(bucket).page(bucket, prefix, after, most)

    def _store(self, bucket: str) -> Buckets:
        return self._folders if self._folders.has(bucket) else self._rest
