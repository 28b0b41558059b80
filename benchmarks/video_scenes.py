"""Videos made for `benchmarks.video`: scenes of noise and photographs, cameras that move, cuts and what is none."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.material import DATA
from benchmarks.parts import RESULTS
from regard.domain.arrays import ByteArray
from regard.files import replace_file
from regard.media.image_decoder import decode

WIDTH, HEIGHT = 192, 108
_LARGE = (480, 360)


@dataclass
class Edited:
    """Frames, where a shot begins with a cut, and which frames are of soft transitions."""

    frames: list[ByteArray] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    soft: list[tuple[int, int]] = field(default_factory=list)


def encoded(frames: Iterable[ByteArray], *, rate: int = 25, **options: str) -> bytes:
    """H.264 in MP4, by x264's options."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=rate, options={"preset": "veryfast", **options})
        for number, pixels in enumerate(frames):
            if not number:
                stream.height, stream.width, stream.pix_fmt = *pixels.shape[:2], "yuv420p"
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


def edited(seed: int, shots: int, photographs: list[Path]) -> Edited:
    """A film of so many shots: one in ten fades in, one in twenty dissolves, and one in four has a flash."""
    rng, film, last = np.random.default_rng(seed), Edited(), 0
    for number in range(shots):
        count = int(rng.integers(16, 70))
        frames = _shot(rng, count, photographs)
        if rng.random() < 0.25:
            _flash(rng, frames)
        kind = str(rng.choice(["cut", "fade", "dissolve"], p=[0.85, 0.1, 0.05])) if number else "start"
        if kind == "cut":
            film.cuts.append(len(film.frames))
        elif kind == "fade":
            _fade(rng, film, frames, last)
        elif kind == "dissolve":
            _dissolve(rng, film, frames, last)
        film.frames += frames
        last = count
    return film


def _picture(rng: np.random.Generator, photographs: list[Path]) -> ByteArray:
    if photographs and rng.random() < 0.6:
        found = cv2.imread(str(photographs[int(rng.integers(len(photographs)))]))
        return np.asarray(cv2.resize(found, _LARGE)[..., ::-1], np.uint8)
    width, height = _LARGE
    picture = np.zeros((height, width, 3), np.float32) + rng.uniform(30, 200, 3)
    for cells in (6, 12, 24, 48):
        noise = rng.normal(0, 1, (cells * 3 // 4 + 2, cells + 2, 3)).astype(np.float32)
        mixed = 0.6 * noise.mean(axis=2, keepdims=True) + 0.4 * noise
        picture += cv2.resize(mixed, (width, height), interpolation=cv2.INTER_CUBIC) * rng.uniform(10, 40)
    for _ in range(int(rng.integers(0, 6))):
        middle = int(rng.integers(width)), int(rng.integers(height))
        cv2.circle(picture, middle, int(rng.integers(10, 90)), rng.uniform(0, 255, 3).tolist(), -1)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _cameras(rng: np.random.Generator, count: int) -> list[Callable[[int], tuple[float, float, float]]]:
    """By what a camera does: where it is at a frame, across, down, and how near."""
    across, down = rng.uniform(0, _LARGE[0] - WIDTH), rng.uniform(0, _LARGE[1] - HEIGHT)
    turn, slow, fast = rng.uniform(0, 2 * np.pi), rng.uniform(1, 4), rng.uniform(8, 20)
    places, jerk = rng.normal(0, 4, (count, 2)), int(rng.integers(5, count - 5))
    leap, zoom = rng.uniform(-40, 40, 2), rng.uniform(0.985, 1.015)
    return [
        lambda _: (across, down, 1.0),
        lambda n: (across + slow * n * np.cos(turn), down + slow * n * np.sin(turn), 1.0),
        lambda n: (across + fast * n * np.cos(turn), down + fast * n * np.sin(turn), 1.0),
        lambda n: (across + places[n, 0], down + places[n, 1], 1.0),
        lambda n: (across + leap[0] * (n >= jerk), down + leap[1] * (n >= jerk), 1.0),
        lambda n: (across, down, float(zoom**n)),
    ]


def _shot(rng: np.random.Generator, count: int, photographs: list[Path]) -> list[ByteArray]:
    picture, cameras = _picture(rng, photographs), _cameras(rng, count)
    camera = cameras[int(rng.integers(len(cameras)))]
    passing, speed, colour = rng.random() < 0.2, rng.uniform(-9, 9, 2), rng.uniform(0, 255, 3).tolist()
    frames = []
    for number in range(count):
        across, down, near = camera(number)
        matrix = np.array([[1 / near, 0, across], [0, 1 / near, down]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        view = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT)
        if passing:
            place = (int(speed[0] * number) % WIDTH, int(speed[1] * number) % HEIGHT)
            cv2.circle(view, place, HEIGHT // 4, colour, -1)
        frames.append(np.clip(view + rng.normal(0, 3, view.shape), 0, 255).astype(np.uint8))
    return frames


def _flash(rng: np.random.Generator, frames: list[ByteArray]) -> None:
    start, levels = int(rng.integers(5, len(frames) - 6)), int(rng.integers(60, 160))
    for at in range(start, start + int(rng.integers(1, 4))):
        frames[at] = np.clip(frames[at].astype(int) + levels, 0, 255).astype(np.uint8)


def _fade(rng: np.random.Generator, film: Edited, frames: list[ByteArray], last: int) -> None:
    out, back = (min(int(rng.integers(6, 20)), most - 4) for most in (last, len(frames)))
    for step in range(out):
        film.frames[-1 - step] = (film.frames[-1 - step] * (step / out)).astype(np.uint8)
    black = int(rng.integers(1, 6))
    film.soft.append((len(film.frames) - out, len(film.frames) + black + back))
    film.frames += [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * black
    for step in range(back):
        frames[step] = (frames[step] * (step / back)).astype(np.uint8)


def _dissolve(rng: np.random.Generator, film: Edited, frames: list[ByteArray], last: int) -> None:
    count = min(int(rng.integers(10, 25)), last - 4, len(frames) - 4)
    ending = film.frames[-count:]
    del film.frames[-count:]
    film.soft.append((len(film.frames), len(film.frames) + count))
    for step, before in enumerate(ending):
        part = (step + 1) / (count + 1)
        frames[step] = (before * (1 - part) + frames[step] * part).astype(np.uint8)


def street(width: int, height: int, seconds: int) -> bytes:
    """Two people who walk before a wall, noisily; made once, for that takes longer than looking at it."""
    kept = RESULTS / "films" / f"street-{width}x{height}-{seconds}.mp4"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(kept) as stream:
            stream.write(_street(width, height, seconds))
    return kept.read_bytes()


def _street(width: int, height: int, seconds: int) -> bytes:
    files = sorted((DATA / "lfw-dev").glob("*/*_0001.jpg"))[:2]
    portraits = [cv2.resize(decode(file.read_bytes()).pixels, (height // 4, height // 4)) for file in files]
    rng = np.random.default_rng(1)
    wall = cv2.resize(rng.integers(60, 180, (12, 16, 3)).astype(np.float32), (width, height))
    grain = [rng.normal(0, 3, (height, width, 1)).astype(np.float32) for _ in range(4)]

    def frames() -> Iterator[ByteArray]:
        for number in range(25 * seconds):
            frame = wall + grain[number % len(grain)]
            for row, portrait in enumerate(portraits):
                side = portrait.shape[0]
                left, top = (number * 4 + row * width // 2) % (width - side), height // 8 + row * height // 2
                frame[top : top + side, left : left + side] = portrait
            yield np.clip(frame, 0, 255).astype(np.uint8)

    return encoded(frames(), crf="23", g="50")
