"""How much memory a worker takes that looks for everything at once, in a process that does nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clips import clip
from people import head

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

#: In megabytes.
MOST = 600
WATCHING = """
import sys
from pathlib import Path
from regard.bootstrap.job_workers import limit_blas_threads, share_one_heap
limit_blas_threads()
share_one_heap()
from regard.bootstrap.videos import video_models
from regard.config.settings import load_settings
from regard.domain.faces import Detail
from regard.domain.videos import Span
from regard.engine.video.segment_marks import SegmentMarks
from regard.engine.video.technical_frames import BlackFrame
from regard.engine.video.video_pass import Segmenting, Sightings, VideoPass
from regard.media.clip import open_clip

seen = {"faces": 0, "labels": 0}

def faces(look):
    seen["faces"] += len(look.faces)
    return ()

def everything(look):
    seen["labels"] += len(look.findings.labels(50))
    look.lines, look.explicit_percent
    return ()

models = video_models(load_settings({}, home=Path(sys.argv[1]), models={"folder": sys.argv[2]}))
marks = Segmenting(SegmentMarks(BlackFrame(), full_range=False, begins=True))
with open(sys.argv[3], "rb") as file, open_clip(file) as clip:
    watchers = [Sightings(faces, 200, ~Detail.NONE), Sightings(everything, 500), marks]
    VideoPass(clip, Span(), watchers, models).run(lambda _: None)
lines = Path("/proc/self/status").read_text().splitlines()
most = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
print(seen["faces"], seen["labels"], most)
"""


def test_a_worker_that_looks_for_everything_takes_little_memory(models: Path, tmp_path: Path) -> None:
    face, frames = head(400), []
    for at in range(50):
        frame = np.full((1080, 1920, 3), 96, np.uint8)
        frame[200:600, 60 + at : 460 + at] = face
        frames.append(frame)
    film = tmp_path / "film.mp4"
    film.write_bytes(clip(frames))
    done = subprocess.run(
        [sys.executable, "-c", WATCHING, str(tmp_path), str(models), str(film)],
        capture_output=True,
        text=True,
        check=True,
    )
    faces, labels, most = map(float, done.stdout.split())
    assert faces >= 8
    assert labels >= 3
    assert most <= MOST
