"""Stored video: how fast, how right, in how much memory: `make bench-video`, or a part of it by
`make bench-video PARTS="cuts memory"`. Each part takes a few minutes, and is kept.

Cuts are looked for in films made of noise and photographs, with fades, dissolves, flashes and cameras that pan, zoom,
shake and jerk. Faces are those of development people, 40 to 120 pixels wide, that move over a wall, are blurred, and
are coded as H.264 of little quality. Speed is that of one worker, on all cores, beside what cannot be avoided: decoding
every frame, and running the same models on the very pictures that were looked at.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks import parts
from benchmarks.material import DATA, models
from benchmarks.parts import Measured
from benchmarks.video_memory import memory
from benchmarks.video_scenes import edited, encoded, street
from regard.domain.arrays import ByteArray
from regard.domain.faces import Detail
from regard.domain.images import Image
from regard.domain.videos import Span
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.mean_looks import mean_look
from regard.engine.analysis.probes import Look as FaceLook
from regard.engine.analysis.probes import ProbeReader
from regard.engine.analysis.quality_filter import DESCRIBED
from regard.engine.video.cuts import HEIGHT, WIDTH, CutDetector
from regard.engine.video.looks import FaceLooks, Models
from regard.engine.video.segment_marks import SegmentMarks
from regard.engine.video.technical_frames import BlackFrame
from regard.engine.video.tracks import FaceTracks, Identified
from regard.engine.video.video_pass import Following, Segmenting, Sightings, VideoPass, Watcher
from regard.media.clip import open_clip
from regard.media.image_decoder import decode
from regard.vision.cards import catalogue
from regard.vision.session import cores

#: None of them is one that the bars of `engine/video/cuts.py` were set on.
FILMS, SHOTS = (11, 12, 13, 14), 80
SECONDS, ROUNDS, SIMILARITY = 12, 3, 99
MATES, STRANGERS, TOGETHER, LOOKS = 100, 200, 4, 6
#: Other photographs of whom is enrolled, and how many faces wide a photograph is.
OTHERS, FACE_PARTS = 3, 2.6
#: What part of the search is called, which of a person's photographs walk by, and that in words.
PHOTOGRAPHS = (
    ("enrolled", slice(1), "the one that is enrolled"),
    ("another", slice(1, 2), "another"),
    ("others", slice(1, 1 + OTHERS), f"{OTHERS} others, one after another"),
)
TIMES = ("times real time", "CPU seconds a second", "decoding", "models", "overhead")


def main() -> None:
    faces = {
        f"faces-{width}x{height}-{looks}": partial(faces_speed, width, height, looks)
        for width, height, looks in ((640, 480, 5), (1920, 1080, 2), (1920, 1080, 5))
    }
    searches = {f"search-{name}": partial(search, which, words) for name, which, words in PHOTOGRAPHS}
    parts.main(
        "video",
        {"cuts": cuts, **faces, "segments-1920x1080": segments_speed, "memory": memory, **searches},
        __doc__,
    )


# -- cuts --------------------------------------------------------------------------------------------------------------


def cuts() -> Measured:
    photographs = sorted((DATA / "images").glob("*.jpg")) + sorted((DATA / "lfw-dev").glob("*/*_0001.jpg"))[::24]
    right = told = there = 0
    for seed in FILMS:
        film = edited(seed, SHOTS, photographs)
        found = _cuts(encoded(film.frames, crf="28", g="250"))
        right, told, there = right + len(found & {*film.cuts}), told + len(found), there + len(film.cuts)
    rows = [[str(there), str(told), str(right), f"{2 * right / (told + there):.3f}"]]
    return Measured(title="Cuts, to the frame:", columns=["in the films", "told", "right", "F1"], rows=rows)


def _cuts(data: bytes) -> set[int]:
    detector = CutDetector()
    with open_clip(io.BytesIO(data)) as clip:
        found = [detector.add(frame.thumbnail(WIDTH, HEIGHT)) for frame in clip.read(Span())]
    return {cut.frame for cut in [*found, *detector.end()] if cut}


# -- speed -------------------------------------------------------------------------------------------------------------


def faces_speed(width: int, height: int, looks: int) -> Measured:
    seen, data, step = _face_models(), street(width, height, SECONDS), 1000 / looks
    times = _timed(data, seen, lambda: _faces(step), step)
    return _speed(f"faces, {width}×{height}, {looks} looks/s", times, _kept(_pictures(data, step), step, seen))


def segments_speed() -> Measured:
    times = _timed(street(1920, 1080, SECONDS), _face_models(), _segments, None)
    return _speed("shots and black frames, 1920×1080", times, "–")


def _face_models() -> Models:
    return Models(faces=FaceAnalyzer(models()), labels=None, text=None, moderation=None)  # type: ignore[arg-type]


def _speed(name: str, times: Sequence[str], kept: str) -> Measured:
    columns = ["25 frames/s, H.264", *TIMES, "faces kept"]
    return Measured(
        title=f"{SECONDS} seconds of video, medians of {ROUNDS}:", columns=columns, rows=[[name, *times, kept]]
    )


def _timed(data: bytes, seen: Models, watcher: Callable[[], Watcher], step: float | None) -> list[str]:
    """In turn: the pass, decoding alone, and the models alone on the pictures that the pass looks at."""
    threads = 1 if step else cores()
    pictures = _pictures(data, step) if step else []
    seen.faces.faces(pictures[:1], DESCRIBED)

    def look() -> None:
        with open_clip(io.BytesIO(data), threads=threads) as clip:
            VideoPass(clip, Span(), [watcher()], seen).run(lambda _: None)

    def only_decode() -> None:
        with open_clip(io.BytesIO(data), threads=threads) as clip:
            sum(1 for _ in clip.read(Span()))

    def only_run() -> None:
        looks = FaceLooks(seen, DESCRIBED)
        for number, picture in enumerate(pictures):
            looks.describe(picture, looks.find(picture, round(number * (step or 0))))

    times = np.array([[_seconds(part) for part in (look, only_decode, only_run)] for _ in range(ROUNDS)])
    wall = float(np.median(times[:, 0, 0]))
    whole, decoding, run = np.median(times[..., 1], axis=0).tolist()
    overhead = float(np.median(times[:, 0, 1] / (times[:, 1, 1] + times[:, 2, 1])))
    numbers = [f"{each / SECONDS:.3f}" for each in (whole, decoding, run)]
    return [f"{SECONDS / wall:.1f}", *numbers, f"{overhead:.2f}" if step else "–"]


def _kept(pictures: Sequence[Image], step: float, seen: Models) -> str:
    """How many faces are told, of those that looking at each whole frame tells."""
    looks = FaceLooks(seen, Detail.NONE)
    told = sum(len(looks.find(picture, round(number * step))) for number, picture in enumerate(pictures))
    return f"{told} of {sum(len(seen.faces.find([picture])[0]) for picture in pictures)}"


def _seconds(part: Callable[[], None]) -> tuple[float, float]:
    """By the clock, and of all cores."""
    clock, work = time.perf_counter(), time.process_time()
    part()
    return time.perf_counter() - clock, time.process_time() - work


def _pictures(data: bytes, step: float) -> list[Image]:
    found: list[Image] = []
    seen = Sightings(lambda look: found.append(look.image) or (), step)
    with open_clip(io.BytesIO(data)) as clip:
        VideoPass(clip, Span(), [seen], None).run(lambda _: None)  # type: ignore[arg-type]
    return found


def _faces(step: float) -> Watcher:
    return Sightings(lambda look: ({"faces": len(look.faces)},), step, DESCRIBED, light=True)


def _segments() -> Watcher:
    return Segmenting(SegmentMarks(BlackFrame(), full_range=False, begins=True))


# -- face search -------------------------------------------------------------------------------------------------------


def search(which: slice, words: str) -> Measured:
    analyzer = FaceAnalyzer(models())
    folders = [sorted(each.glob("*.jpg")) for each in sorted((DATA / "lfw-dev").iterdir()) if each.is_dir()]
    # Whom there are enough photographs of: one to enrol, and as many others as there are looks that make a mean.
    mates = [files for files in folders if len(files) > OTHERS][:MATES]
    strangers = [files for files in folders if len(files) == 1][:STRANGERS]
    enrolled = [
        each.embeddings[0]
        for files in mates
        for each in analyzer.faces([decode(files[0].read_bytes())], Detail.EMBEDDING, limit=1)
        if each.embeddings is not None and len(each)
    ]
    gallery, calibration = np.stack(enrolled), catalogue()["sface"].calibration
    reader = ProbeReader(None, analyzer)  # type: ignore[arg-type]
    shown = [(row, files[which]) for row, files in enumerate(mates)] + [(-1, files[:1]) for files in strangers]
    people, rows = _people(shown, analyzer), []
    for most in (1, 3, 5):
        found, false = set(), 0
        for row, looks in people:
            mean = mean_look([reader.embedded(each.image, each.face) for each in looks[:most]])
            cosines = np.asarray(gallery @ mean.embedding, np.float32)
            utilities = None if mean.utility is None else np.full(len(cosines), mean.utility, np.float32)
            best = int(cosines.argmax())
            if float(calibration.similarity(cosines, utilities)[best]) >= SIMILARITY:
                found |= {row} if best == row else set()
                false += best != row
        rows.append([words, str(most), f"{len(found)} of {len(mates)}", f"{false} of {len(people)}"])
    return Measured(
        title=f"{len(mates)} enrolled people and {len(strangers)} strangers walk by:",
        columns=["photograph", "best looks", f"found at {SIMILARITY}", "false"],
        rows=rows,
        notes=[f"{words}: expected by chance: {len(gallery) * len(people) * 1e-6:.3f} false."],
    )


def _people(shown: Sequence[tuple[int, Sequence[Path]]], analyzer: FaceAnalyzer) -> list[tuple[int, list[FaceLook]]]:
    """Row of the gallery, or -1, and the best looks of each who was followed."""
    seen = Models(faces=analyzer, labels=None, text=None, moderation=None)  # type: ignore[arg-type]
    rng, left, found = np.random.default_rng(7), iter(shown), []
    while group := list(islice(left, TOGETHER)):
        tracks: list[list[FaceLook]] = []
        followed = FaceTracks(
            lambda look, row: {"at": look.at, "box": look.faces.boxes[row]},
            partial(_keep, tracks),
            known_only=False,
        )
        walk = _walk(rng, [[decode(file.read_bytes()).pixels for file in files] for _, files in group])
        with open_clip(io.BytesIO(walk)) as clip:
            (items,) = VideoPass(clip, Span(), [Following(followed, 200, DESCRIBED, light=True)], seen).run(
                lambda _: None
            )
        first = {}
        for item in items:
            if "index" in item and "mark" not in item:
                first.setdefault(item["index"], item["box"])
        for index, looks in zip(sorted(first), tracks, strict=True):
            left_edge, top = first[index][:2]
            place = int(left_edge >= 0.5) + 2 * int(top >= 0.5)
            if place < len(group):
                found.append((group[place][0], looks))
    return found


def _keep(tracks: list[list[FaceLook]], people: Sequence[Sequence[FaceLook]]) -> list[Identified]:
    tracks += [list(each) for each in people]
    return [Identified(track=row, looks=range(len(looks)), told=None) for row, looks in enumerate(people)]


def _walk(rng: np.random.Generator, people: Sequence[Sequence[ByteArray]]) -> bytes:
    """Up to four people in a corner each, who move a little, and look one after another as their photographs do: faces
    of 40 to 120 pixels, blurred, coded roughly."""
    sides = [int(rng.uniform(40, 120) * FACE_PARTS) for _ in people]
    small = [
        [cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in portraits]
        for portraits, side in zip(people, sides, strict=True)
    ]
    frames = []
    for number in range(5 * LOOKS):
        frame = np.full((600, 800, 3), 120, np.float32)
        for place, portraits in enumerate(small):
            portrait = portraits[number * len(portraits) // (5 * LOOKS)]
            side = portrait.shape[0]
            top, left = 10 + 300 * (place // 2), 10 + 400 * (place % 2) + number * 2
            frame[top : top + side, left : left + side] = portrait[: 600 - top, : 800 - left]
        blurred = cv2.GaussianBlur(frame, (0, 0), float(rng.uniform(0.3, 1.2)))
        frames.append(np.clip(blurred + rng.normal(0, 5, blurred.shape), 0, 255).astype(np.uint8))
    return encoded(frames, crf="30", g="30")


if __name__ == "__main__":
    main()
