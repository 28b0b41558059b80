"""One look at a video: what models see in a frame, found out once for all jobs that want it."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What looks; each is loaded when it is first needed."""

    faces: FaceAnalyzer
    labels: LabelAnalyzer
    text: TextModels
    moderation: ModerationModels


class Look:
    """A frame and what is seen in it. `detail` is what all jobs together ask of a face."""

    def __init__(self, frame: Frame, models: Models, detail: Detail) -> None:
        self.frame = frame
        self.at = frame.at
        self._models = models
        self._detail = detail

    @cached_property
    def thumbnail(self) -> ByteArray:
        return self.frame.thumbnail(WIDTH, HEIGHT)

    @cached_property
    def image(self) -> Image:
        return Image(pixels=self.frame.rgb(_SEEN_PIXELS), width=self.frame.width, height=self.frame.height)

    @cached_property
    def faces(self) -> Faces:
        return self._models.faces.faces([self.image], self._detail)[0]

    @cached_property
    def findings(self) -> Findings:
        return self._models.labels.find(self.image)

    @cached_property
    def lines(self) -> Sequence[Line]:
        return list(self._models.text.reader().lines(self.frame.rgb(_READ_PIXELS)))

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
