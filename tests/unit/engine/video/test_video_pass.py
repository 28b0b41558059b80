"""A pass over a video that reads ahead: its answers are those of one that does not, and it ends when it is to end."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from clips import Making, clip
from people import head

from regard.domain.videos import Span
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.quality_filter import DESCRIBED
from regard.engine.jobs.task import Item, Stopped
from regard.engine.video.looks import Look
from regard.engine.video.segment_marks import SegmentMarks
from regard.engine.video.technical_frames import BlackFrame
from regard.engine.video.tracks import FaceTracks, Identified
from regard.engine.video.video_pass import Following, Segmenting, Sightings, VideoPass, Watcher
from regard.media.clip import open_clip
from regard.media.frames import Frame, UnreadableVideo


@pytest.fixture(scope="module")
def film() -> bytes:
    """Two walls, and somebody who walks by on each; the second with a second one."""
    rng, walls = np.random.default_rng(3), []
    for _ in range(2):
        bricks = rng.integers(40, 210, (12, 16, 3))
        walls.append(np.kron(bricks, np.ones((40, 40, 1))).astype(np.uint8)[:480, :640])
    frames = []
    for at in range(50):
        frame = walls[at // 25].copy()
        frame[60:240, 20 + 6 * at : 200 + 6 * at] = head(180)
        if at >= 25:
            frame[300:440, 460 - 6 * (at - 25) : 600 - 6 * (at - 25)] = head(140)
        frames.append(frame)
    return clip(frames, Making(options={"preset": "veryfast", "crf": "23", "g": "25"}))


def told(look: Look) -> Iterator[Item]:
    for row in range(len(look.faces)):
        box, pose = look.faces.boxes[row].tolist(), look.faces.pose
        assert pose is not None
        yield {"at": look.at, "box": box, "pose": pose[row].tolist()}


def nobody(people: Sequence[Any]) -> list[Identified]:
    return [Identified(track=row, looks=range(len(looks)), told=None) for row, looks in enumerate(people)]


def watchers(*, light: bool) -> list[Watcher]:
    tracks = FaceTracks(lambda look, row: {"at": look.at, "row": row}, nobody, known_only=False)
    return [
        Sightings(told, 200, DESCRIBED, light=light),
        Following(tracks, 200, DESCRIBED, light=light),
        Segmenting(SegmentMarks(BlackFrame(), full_range=False, begins=True)),
    ]


def passed(
    film: bytes,
    analyzer: FaceAnalyzer,
    watching: Sequence[Watcher],
    *,
    span: Span = Span(),  # noqa: B008 - frozen
    decoder: str = "auto",
    beat: Callable[[float], None] = lambda _: None,
) -> list[Sequence[Item]]:
    models: Any = SimpleNamespace(faces=analyzer)
    with open_clip(io.BytesIO(film), decoder) as opened:
        return VideoPass(opened, span, watching, models).run(beat)


def readers() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("read ahead")]


@pytest.mark.parametrize("decoder", ["av", "opencv"])
@pytest.mark.parametrize("span", [Span(), Span(from_ms=0, to_ms=1000), Span(from_ms=1000)], ids=str)
@pytest.mark.slow
def test_what_is_read_ahead_is_told_as_if_it_were_not(
    film: bytes, analyzer: FaceAnalyzer, span: Span, decoder: str
) -> None:
    ahead = passed(film, analyzer, watchers(light=True), span=span, decoder=decoder)
    behind = passed(film, analyzer, watchers(light=False), span=span, decoder=decoder)
    assert ahead == behind
    assert all(ahead)
    assert len(ahead[0]) >= 5
    assert readers() == []


@pytest.mark.slow
def test_faces_are_found_ahead_only_where_no_larger_models_run(film: bytes, analyzer: FaceAnalyzer) -> None:
    threads: dict[bool, set[int]] = {}

    class Watched:
        def __init__(self, seen: set[int]) -> None:
            self._seen, self.find_again, self.describe = seen, analyzer.find_again, analyzer.describe

        def find(self, images: Any) -> Any:
            self._seen.add(threading.get_ident())
            return analyzer.find(images)

    for light in (True, False):
        watching: Any = Watched(threads.setdefault(light, set()))
        passed(film, watching, watchers(light=light))
    mine = threading.get_ident()
    assert mine not in threads[True]
    assert threads[False] == {mine}


def test_a_pass_that_is_stopped_leaves_no_thread(film: bytes, analyzer: FaceAnalyzer) -> None:
    beats = []

    def beat(progress: float) -> None:
        beats.append(progress)
        if len(beats) == 10:
            raise Stopped

    with pytest.raises(Stopped):
        passed(film, analyzer, watchers(light=True), beat=beat)
    assert len(beats) == 10
    assert readers() == []


def test_a_video_that_fails_in_the_middle_fails_the_pass_after_what_came_before(
    film: bytes, analyzer: FaceAnalyzer
) -> None:
    seen: list[int] = []

    def see(look: Look) -> Iterator[Item]:
        seen.append(look.at)
        return iter(())

    models: Any = SimpleNamespace(faces=analyzer)
    with open_clip(io.BytesIO(film)) as opened:
        read = opened.read

        def broken(span: Span, *, sound: bool = False) -> Iterator[Any]:
            for number, frame in enumerate(read(span, sound=sound)):
                if number == 30:
                    raise UnreadableVideo
                yield frame

        opened.read = broken  # type: ignore[method-assign]
        with pytest.raises(UnreadableVideo):
            VideoPass(opened, Span(), [Sightings(see, 40, light=True)], models).run(lambda _: None)
    assert len(seen) == 30
    assert readers() == []


def test_frames_are_converted_the_same_from_two_threads_at_once(film: bytes) -> None:
    """As they are while one reads ahead."""
    with open_clip(io.BytesIO(film), "av") as opened:
        frames: list[Frame] = [each for each in opened.read(Span()) if not hasattr(each, "level")]  # type: ignore[misc]
        wanted = [(frame.thumbnail(64, 36), frame.rgb(320)) for frame in frames]
        found: dict[int, list[Any]] = {}

        def convert(which: int) -> None:
            found[which] = [(frame.thumbnail(64, 36), frame.rgb(320)) for frame in frames]

        threads = [threading.Thread(target=convert, args=(which,)) for which in range(2)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    for each in found.values():
        for (small, colours), (small_wanted, colours_wanted) in zip(each, wanted, strict=True):
            np.testing.assert_array_equal(small, small_wanted)
            np.testing.assert_array_equal(colours, colours_wanted)
    assert len(found) == 2
