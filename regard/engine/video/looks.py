"""One look at a video: what models see in a frame, found out once for all jobs that want it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from regard.domain.arrays import ByteArray
from regard.domain.faces import Detail, Faces
from regard.domain.images import Image
from regard.domain.text import Line
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.label_analyzer import Findings, LabelAnalyzer
from regard.engine.video.cuts import HEIGHT, WIDTH
from regard.media.frames import Frame
from regard.vision.images.moderation import ModerationModels
from regard.vision.images.text_models import TextModels

#: The longest side of what models are given: faces of 40 pixels in Full HD are 27 there.
_SEEN_PIXELS: Final = 1280
#: Text is small: it is read in more.
_READ_PIXELS: Final = 1920
#: How often faces are looked for in the whole frame at least; and how soon after a look they may be looked for where
#: they were then, in milliseconds.
_WHOLE_MS: Final = 600
_NEAR_MS: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What looks; each is loaded when it is first needed. `settle` is called after what takes much memory."""

    faces: FaceAnalyzer
    labels: LabelAnalyzer
    text: TextModels
    moderation: ModerationModels
    settle: Callable[[], None] = lambda: None


class FaceLooks:
    """Finds faces look by look: in the whole frame two or three times a second; in between, where they were, as long as
    they are surely there. Who comes is seen by the next look at the whole."""

    def __init__(self, models: Models, detail: Detail) -> None:
        """`detail` is what all jobs together ask of a face."""
        self._models = models
        self._detail = detail
        self._seen: Faces | None = None
        self._at = 0

    def find(self, image: Image, at: int) -> Faces:
        """Where they are in a frame; `at` does not fall from call to call."""
        near, same = at - self._at <= _NEAR_MS, at // _WHOLE_MS == self._at // _WHOLE_MS
        found = None
        if self._seen is not None and near and same:
            found = self._models.faces.find_again(image, self._seen)
        if found is None:
            (found,) = self._models.faces.find([image])
        self._seen, self._at = found, at
        return found

    def describe(self, image: Image, found: Faces) -> Faces:
        """All that is asked of those that were found in a frame, whichever was looked at since."""
        return self._models.faces.describe(image, found, self._detail)


class Look:
    """A frame and what is seen in it."""

    def __init__(self, frame: Frame, models: Models, face_looks: FaceLooks) -> None:
        self.frame = frame
        self.at = frame.at
        self._models = models
        self._face_looks = face_looks

    @cached_property
    def thumbnail(self) -> ByteArray:
        return self.frame.thumbnail(WIDTH, HEIGHT)

    @cached_property
    def image(self) -> Image:
        return Image(pixels=self.frame.rgb(_SEEN_PIXELS), width=self.frame.width, height=self.frame.height)

    @cached_property
    def found(self) -> Faces:
        """Where faces are. Looks are asked for it in their order, if at all."""
        return self._face_looks.find(self.image, self.at)

    @cached_property
    def faces(self) -> Faces:
        return self._face_looks.describe(self.image, self.found)

    @cached_property
    def findings(self) -> Findings:
        found = self._models.labels.find(self.image)
        self._models.settle()
        return found

    @cached_property
    def lines(self) -> Sequence[Line]:
        found = list(self._models.text.reader().lines(self.frame.rgb(_READ_PIXELS)))
        self._models.settle()
        return found

    @cached_property
    def explicit_percent(self) -> float:
        return 100 * self._models.moderation.explicit_content().score(self.image.pixels)


class Pace:
    """Says at which frames to look: the first at or after each multiple of a step, in milliseconds, from 0 on."""

    def __init__(self, step_ms: float, from_ms: int, frame_ms: float) -> None:
        """The chunk begins with `from_ms`; the frame before, if there is one, was about `frame_ms` earlier."""
        self._step = step_ms
        self._last = -1 if from_ms == 0 else int(max(0.0, from_ms - frame_ms) // step_ms)

    def takes(self, at: int) -> bool:
        place = int(at // self._step)
        if place <= self._last:
            return False
        self._last = place
        return True
