"""A long film that is cheap to make and to decode: walls, somebody who walks by on some of them, and black."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from people import head

RATE, WIDTH, HEIGHT = 10, 320, 180
SHOT_SECONDS, FACE = 20, 90


def film(path: Path, minutes: int) -> list[int]:
    """Write it; the frames with which shots begin, of which black is one."""
    options = {"preset": "ultrafast", "crf": "30", "g": "100", "sc_threshold": "0"}
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, pixels in enumerate(_frames(minutes * 60 // SHOT_SECONDS)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    walls = [shot * SHOT_SECONDS * RATE for shot in range(minutes * 60 // SHOT_SECONDS)]
    return sorted([*walls, *(wall + (SHOT_SECONDS - 1) * RATE for wall in walls[4::5])])


def walks(minutes: int) -> int:
    """In how many shots somebody walks by."""
    return len(range(1, minutes * 60 // SHOT_SECONDS, 3))


def _frames(shots: int) -> Iterator[np.ndarray]:
    """In every third shot somebody walks by; every fifth ends in a second of black."""
    rng, face = np.random.default_rng(15), head(FACE)
    for shot in range(shots):
        paint = 60 + 120 * np.array([shot % 2, shot // 2 % 2, (shot + shot // 4) % 2])
        bricks = np.clip(paint + rng.integers(-50, 50, (HEIGHT // 20, WIDTH // 20, 3)), 0, 255)
        wall = np.kron(bricks, np.ones((20, 20, 1))).astype(np.uint8)
        for at in range(SHOT_SECONDS * RATE):
            frame = wall.copy()
            if shot % 3 == 1:
                frame[60 : 60 + FACE, 10 + at : 10 + at + FACE] = face
            yield np.zeros_like(wall) if shot % 5 == 4 and at >= (SHOT_SECONDS - 1) * RATE else frame
