"""Where a shot begins, for those who follow people: who is in the same place after a cut is somebody else."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from typing import Final

from regard.domain.arrays import ByteArray
from regard.engine.video.cuts import LOOKAHEAD, Cut, CutDetector, is_same

#: Frames behind a chunk that tell whether what comes next begins a shot.
READ_BEHIND: Final = LOOKAHEAD + 1
#: For how long a picture may be away and still be the same shot when it comes back.
_AWAY_MS: Final = 2000
#: A picture of less contrast than this shows nothing, in levels of luma; after so long of nothing comes another shot,
#: as it does after a fade. A flash is shorter.
_EMPTY, _NOTHING_MS = 5.0, 200


class ShotStarts:
    """Is given all frames in their order, and tells shots apart.

    A picture that is back after a long flash, or after somebody who stood before the camera, is the shot it was.
    """

    def __init__(self) -> None:
        self._detector = CutDetector()
        self._times: list[int] = []
        self._recent: deque[tuple[int, ByteArray]] = deque(maxlen=LOOKAHEAD + 2)
        self._shots: dict[int, int] = {0: 0}
        self._ended: list[tuple[int, int, ByteArray]] = []
        self._shown: tuple[int, ByteArray] | None = None
        self._next = 1

    @property
    def found(self) -> list[int]:
        """The times at which shots begin but for the first, rising, in milliseconds."""
        return sorted(self._shots)[1:]

    @property
    def settled(self) -> int:
        """All shots that begin by then are found; -1 if that is not known of any frame."""
        return self._times[-1 - LOOKAHEAD] if len(self._times) > LOOKAHEAD else -1

    def add(self, thumbnail: ByteArray, at: int) -> None:
        """The next frame, as `CutDetector.add` takes it."""
        self._times.append(at)
        self._recent.append((at, thumbnail))
        cut = self._detector.add(thumbnail)
        self._keep([cut] if cut else [])
        if thumbnail[..., 0].std() < _EMPTY:
            return
        # What a chunk begins with may have begun long before.
        if self._shown is None and len(self._times) > 1:
            self._begin(at, thumbnail, None)
        elif self._shown is not None and self._nothing_for(at) >= _NOTHING_MS:
            self._begin(at, thumbnail, self._shown[1])
        self._shown = at, thumbnail

    def end(self) -> None:
        """There are no more frames."""
        self._keep(self._detector.end())

    def shot(self, at: int) -> int:
        """The number of the shot that is shown at that time."""
        begun = sorted(self._shots)
        return self._shots[begun[max(0, bisect_right(begun, at) - 1)]]

    def _nothing_for(self, at: int) -> int:
        """For how long nothing was shown before this frame, in milliseconds."""
        if self._shown is None or self._recent[-2][0] == self._shown[0]:
            return 0
        return at - self._times[bisect_right(self._times, self._shown[0])]

    def _keep(self, cuts: Iterable[Cut]) -> None:
        for cut in cuts:
            pictures = dict(self._recent)
            at, before = self._times[cut.frame], self._times[cut.frame - 1]
            self._begin(at, pictures[at], pictures[before])

    def _begin(self, at: int, first: ByteArray, last: ByteArray | None) -> None:
        """A shot begins with this picture, after one that ended with the other."""
        if at in self._shots:
            return
        ended = [each for each in self._ended if at - each[0] <= _AWAY_MS]
        back = next((shot for _, shot, picture in reversed(ended) if is_same(picture, first)), None)
        if last is not None:
            ended.append((at, self.shot(at), last))
        self._ended = ended
        self._shots[at] = self._next if back is None else back
        self._next += back is None
