"""How much memory a worker takes that looks for everything in a video at once: part of `make bench-video`."""

from __future__ import annotations

import io
import multiprocessing
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.material import MODELS
from benchmarks.parts import Measured
from benchmarks.video_scenes import street
from regard.bootstrap.spare_memory import share_one_heap
from regard.bootstrap.threads import limit_blas_threads
from regard.bootstrap.videos import video_models
from regard.config.settings import load_settings
from regard.domain.faces import Detail
from regard.domain.videos import Span
from regard.engine.jobs.task import Item
from regard.engine.video.looks import Look
from regard.engine.video.segment_marks import SegmentMarks
from regard.engine.video.technical_frames import BlackFrame
from regard.engine.video.video_pass import Segmenting, Sightings, VideoPass
from regard.media.clip import open_clip

#: Seconds of the films whose memory is compared.
SHORT, LONG = 4, 20


def memory() -> Measured:
    """Each in a process of its own, which ends with it."""
    rows = []
    for seconds in (SHORT, LONG):
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            rows.append([f"{seconds} s", f"{pool.apply(_peak, (seconds,)):.0f}"])
    title = "Peak memory of all that is looked for, in 1920×1080 at once, in MB:"
    return Measured(title=title, columns=["video", "MB"], rows=rows)


def _peak(seconds: int) -> float:
    limit_blas_threads()
    share_one_heap()
    block = street(1920, 1080, 4)
    with tempfile.TemporaryDirectory() as home:
        seen = video_models(load_settings({}, home=Path(home), models={"folder": str(MODELS)}))
    for number in range(seconds // 4):
        marks = SegmentMarks(BlackFrame(), full_range=False, begins=not number)
        with open_clip(io.BytesIO(block)) as clip:
            watchers = [Sightings(_every_face, 200, ~Detail.NONE), Sightings(_all_else, 500), Segmenting(marks)]
            VideoPass(clip, Span(), watchers, seen).run(lambda _: None)
    # What getrusage tells counts the process that this one was made by.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _every_face(look: Look) -> Sequence[Item]:
    return ({"faces": len(look.faces)},)


def _all_else(look: Look) -> Sequence[Item]:
    return ({"found": len(look.findings.names) + len(look.lines) + look.explicit_percent},)
