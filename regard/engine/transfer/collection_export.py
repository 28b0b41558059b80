"""Exports: a whole collection in a Parquet file (an archive), which other tools can read too.

One row per face; `manifest` has the format. The checksum is over the content rather than the bytes: a copy that was
recompressed and kept its metadata is still valid, and two exports with the same checksum hold the same.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np

from regard.accountability.gate import Grant
from regard.accountability.profiles.profile_tags import stamped
from regard.domain.authority import Action
from regard.domain.instants import microseconds
from regard.domain.reporting import Progress
from regard.engine.transfer.manifest import KINDS, NAME, Digest, Manifest, described
from regard.media import parquet
from regard.media.parquet import Draft
from regard.store.transfer_rows import FaceColumns, Snapshot, TransferRows

#: Faces in a row group: 16 MiB of embeddings at D=512.
ROWS = 16_384


class CollectionExport:
    """Writes collections to files."""

    def __init__(self, rows: TransferRows) -> None:
        self._rows = rows

    def export(self, grant: Grant, collection_id: str, file: Path, progress: Progress) -> Manifest:
        """Write the collection, as it is at this moment, to `file`; an existing file is replaced at the end.

        Raises ResourceNotFound; InvalidParameter if another process is exporting to the same file, or the collection
        has a name, tags or users that no file may have; OSError.
        """
        grant.require(Action.EXPORT, collection_id)
        with self._rows.snapshot(collection_id) as moment:
            pieces = moment.faces(ROWS)
            first = next(pieces, None)
            tags = stamped(moment.collection.tags, grant.rules)
            manifest = _manifest(moment, tags, 0 if first is None else first.embeddings.shape[1])
            digest = Digest()
            with parquet.draft(file, KINDS, manifest.dimension) as made:
                done = 0
                for piece in chain([] if first is None else [first], pieces):
                    _write(made, digest, piece)
                    done += len(piece)
                    progress(f"Exporting {collection_id}", done, manifest.faces)
                manifest = manifest.model_copy(update={"checksum": digest.of(manifest)})
                grant.note(faces_exported=manifest.faces, checksum=manifest.checksum)
                grant.tell()
                made.finish(NAME, manifest.model_dump())
        return manifest


def _manifest(moment: Snapshot, tags: dict[str, str], dimension: int) -> Manifest:
    collection = moment.collection
    return described(
        collection=collection.id,
        face_model=collection.face_model,
        created_at=microseconds(collection.created_at),
        tags=tags,
        dimension=dimension,
        faces=moment.face_count(),
        users_without_faces=tuple(moment.users_without_faces()),
    )


def _write(made: Draft, digest: Digest, piece: FaceColumns) -> None:
    columns = {
        "face_id": list(piece.face_ids),
        "image_id": list(piece.image_ids),
        "external_image_id": list(piece.external_image_ids),
        "user_id": list(piece.user_ids),
        "user_created_at": list(piece.user_created_at),
        **dict(zip(("left", "top", "width", "height"), np.ascontiguousarray(piece.boxes.T), strict=True)),
        "confidence": piece.confidences,
        "created_at": list(piece.created_at),
        "embedding": piece.embeddings,
        "utility": np.full(len(piece), np.nan) if piece.utilities is None else piece.utilities,
    }
    digest.add(columns)
    made.write(columns)
