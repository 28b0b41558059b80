"""The kinds of job there are, each with what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from regard.bootstrap.memory import object_memory, picture_memory
from regard.bootstrap.models import model_loader
from regard.bootstrap.stores import Stores, blob_store
from regard.bootstrap.videos import video_task
from regard.config.settings import Settings
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.moderation_analyzer import Moderation
from regard.engine.bulk.media_analysis import MEDIA_ANALYSIS, MediaAnalysis
from regard.engine.jobs.task import Task
from regard.engine.video.watchers import KINDS
from regard.vision.images.moderation import ModerationModels


def tasks(settings: Settings, stores: Stores, closing: ExitStack) -> Mapping[str, Task]:
    """By kind of job. Made in a process that does jobs; nothing is loaded before a task needs it."""
    del closing
    videos: Mapping[str, Task] = dict.fromkeys(KINDS, video_task(settings, stores))
    return {**videos, MEDIA_ANALYSIS: _media_analysis(settings)}


def _media_analysis(settings: Settings) -> MediaAnalysis:
    blobs, memory = blob_store(settings), picture_memory(settings)
    loader = ImageLoader(blobs, memory, object_memory(memory))
    return MediaAnalysis(blobs, Moderation(loader, ModerationModels(model_loader(settings))))
