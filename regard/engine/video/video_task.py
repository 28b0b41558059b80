"""The task of all jobs on stored video: planned by key frames, done chunk by chunk, with one decode for all of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from regard.accountability.gate import Grant
from regard.domain.jobs import Job, StoredObject
from regard.domain.videos import MOST_VIDEO_MS, Span, VideoMetadata
from regard.engine.jobs import task
from regard.engine.jobs.task import Beat, ChunkResult, Found, JobEnding, JobFailed, Part, Plan
from regard.engine.video.looks import Models
from regard.engine.video.video_pass import VideoPass
from regard.engine.video.watchers import KINDS, Doors, watcher
from regard.media.blobs import BlobStore
from regard.media.clip import open_clip
from regard.media.frames import Clip, UnreadableVideo

log = logging.getLogger(__name__)

#: A chunk: what is done again when a worker is lost.
_CHUNK_SECONDS: Final = 60.0
#: The model of shots and technical cues is code.
_SEGMENTS_VERSION: Final = "1.0"
#: A job that only decodes may take so many threads for it.
_DECODING_ALONE: Final = "SEGMENT_DETECTION"


class _Versioned(Protocol):
    @property
    def version(self) -> str: ...


class VideoTask:
    """Does every kind of job in `watchers.KINDS`."""

    def __init__(
        self, blobs: BlobStore, models: Models, doors: Doors, *, decoder: str = "auto", threads: int = 1
    ) -> None:
        """`decoder` is one of `media.clip.DECODERS`. `threads` may decode where no model runs beside."""
        self._blobs = blobs
        self._models = models
        self._doors = doors
        self._decoder = decoder
        self._threads = threads

    def plan(self, job: Job, grant: Grant) -> Plan:
        """Chunks of about a minute, begun at key frames. Raises JobFailed, and ObjectReplaced."""
        grant.require(grant.act.action)
        with self._opened(job.object, 1) as clip:
            spans = clip.spans(_CHUNK_SECONDS)
            metadata = described(clip.metadata) | self._version(job.kind)
        return Plan(
            spans=[task.Span(from_ms=each.from_ms, to_ms=each.to_ms or MOST_VIDEO_MS) for each in spans],
            metadata=metadata,
        )

    def run(self, parts: Sequence[Part], beat: Beat) -> Sequence[ChunkResult | JobFailed]:
        """What a pass over the chunk finds for each job. Raises JobFailed, ObjectReplaced, and what models raise."""
        chunk = parts[0].chunk
        alone = all(part.job.kind == _DECODING_ALONE for part in parts)
        with self._opened(parts[0].job.object, self._threads if alone else 1) as clip:
            watchers = [watcher(part, clip, self._doors) for part in parts]
            span = Span(from_ms=chunk.from_ms, to_ms=None if chunk.to_ms >= MOST_VIDEO_MS else chunk.to_ms)
            found = VideoPass(clip, span, watchers, self._models).run(beat)
            counts = {"frames": clip.decoded + clip.lost, "damaged": clip.damaged}
        return [ChunkResult(items=items, counts=counts) for items in found]

    def finish(self, job: Job, found: Found) -> JobEnding:
        """Raises JobFailed for a video of which more than half is damaged."""
        frames, damaged = found.counts.get("frames", 0), found.counts.get("damaged", 0)
        if damaged * 2 > frames:
            raise JobFailed(f"The video is damaged: {damaged} of its {frames} frames cannot be decoded as they should.")
        return JobEnding(orders=KINDS[job.kind].orders(job, found))

    def _version(self, kind: str) -> dict[str, str]:
        if kind == "SEGMENT_DETECTION":
            return {"ModelVersion": _SEGMENTS_VERSION}
        models: dict[str, _Versioned] = {
            "CONTENT_MODERATION": self._models.moderation,
            "LABEL_DETECTION": self._models.labels,
            "TEXT_DETECTION": self._models.text,
        }
        return {"ModelVersion": models[kind].version} if kind in models else {}

    @contextmanager
    def _opened(self, stored: StoredObject, threads: int) -> Iterator[Clip]:
        with self._blobs.open(stored) as file:
            try:
                with open_clip(file, self._decoder, threads=threads) as clip:
                    yield clip
            except UnreadableVideo as error:
                log.info("A video cannot be read: %s", error.detail or error.message)
                raise JobFailed(error.message, detail=error.detail) from error


def described(video: VideoMetadata) -> dict[str, Any]:
    """AWS's VideoMetadata and AudioMetadata."""
    shape: Mapping[str, Any] = {
        "Codec": video.codec,
        "DurationMillis": video.duration_ms,
        "Format": video.format,
        "FrameRate": video.rate,
        "FrameHeight": video.height,
        "FrameWidth": video.width,
        "ColorRange": "FULL" if video.full_range else "LIMITED",
    }
    audio = [
        {
            "Codec": each.codec,
            "DurationMillis": each.duration_ms,
            "SampleRate": each.rate,
            "NumberOfChannels": each.channels,
        }
        for each in video.audio
    ]
    return {"VideoMetadata": shape, "AudioMetadata": audio}
