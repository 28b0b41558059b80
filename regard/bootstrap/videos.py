"""The task that does jobs on stored video, with the models, the galleries and AWS's spelling that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from regard.bootstrap.cases import case_doors
from regard.bootstrap.galleries import celebrities, face_search, matcher_of
from regard.bootstrap.indexes import FEEDS
from regard.bootstrap.memory import object_memory, picture_memory
from regard.bootstrap.models import face_models, model_loader
from regard.bootstrap.spare_memory import MemoryBar
from regard.bootstrap.stores import Stores, blob_store, open_stores
from regard.config.settings import Settings
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.label_analyzer import LabelAnalyzer
from regard.engine.analysis.probes import ProbeReader
from regard.engine.video.looks import Models
from regard.engine.video.spelling import Spelling
from regard.engine.video.video_task import VideoTask
from regard.engine.video.watchers import Doors
from regard.media.blobs import BlobStore
from regard.operations.attribute_shapes import wanted
from regard.operations.face_shapes import bounding_box, face_detail, face_match
from regard.operations.label_shapes import label_shape
from regard.operations.texts import text_detections, text_filter
from regard.sync.stored_search import StoredSearch
from regard.vision.images.image_models import ImageModels
from regard.vision.images.moderation import ModerationModels
from regard.vision.images.text_models import TextModels
from regard.vision.session import cores

#: A worker that takes more gives back what is spare between two models: all of them loaded take 430 MB.
_MOST_BYTES: Final = 440 << 20
#: What one run of the detector of text takes decides the most that a worker takes: strips of so many pixels take 60 MB
#: less than a whole frame does, and a sixth more time.
_STRIP_PIXELS: Final = 700_000

#: Findings as the operations on pictures spell them.
SPELLING = Spelling(
    box=bounding_box,
    face=face_detail,
    detail=wanted,
    label=label_shape,
    match=face_match,
    text=text_detections,
    text_filter=text_filter,
)


def video_models(settings: Settings) -> Models:
    """What looks at videos; each is loaded when it is first needed."""
    models, packs = face_models(settings), model_loader(settings)
    return Models(
        faces=FaceAnalyzer(models),
        labels=LabelAnalyzer(ImageModels(packs), models),
        text=TextModels(packs, strip_pixels=_STRIP_PIXELS),
        moderation=ModerationModels(packs),
        settle=MemoryBar(_MOST_BYTES),
    )


@contextmanager
def task_over(settings: Settings, blobs: BlobStore) -> Iterator[VideoTask]:
    """The same over videos that are elsewhere, for a command."""
    with ExitStack() as closing:
        yield video_task(settings, open_stores(settings, closing), blobs)


def video_task(settings: Settings, stores: Stores, videos: BlobStore | None = None) -> VideoTask:
    """What does every kind of job on stored video, in a process that does nothing else; on `videos`, or on those in the
    settings' buckets."""
    models, memory, blobs = video_models(settings), picture_memory(settings), videos or blob_store(settings)
    probes = ProbeReader(ImageLoader(blobs, memory, object_memory(memory)), models.faces)
    matcher = matcher_of(settings, stores, StoredSearch(stores.database.committed(), FEEDS))
    doors = Doors(
        face_search=face_search(stores, matcher, probes, case_doors(settings, stores)),
        celebrities=celebrities(settings, stores, matcher, probes),
        spelling=SPELLING,
        looks_per_second=settings.video.looks,
    )
    threads = settings.models.threads or cores()
    return VideoTask(blobs, models, doors, decoder=settings.video.decoder, threads=threads)
