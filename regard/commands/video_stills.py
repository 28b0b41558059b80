"""Pictures out of a film, for a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regard.domain.images import Box, Image
from regard.domain.reporting import Progress
from regard.domain.videos import Span
from regard.engine.video.lanes import Place
from regard.media.clip import open_clip
from regard.media.frames import Clip, Frame, Sound
from regard.media.portraits import encoded

_WHOLE = Box(left=0.0, top=0.0, width=1.0, height=1.0)
#: The longest side that is shown, of a frame and of a part of one.
_SHOWN_PIXELS = 320
#: What parts are cut from.
_CUT_PIXELS = 1280


def stills(file: Path, places: Sequence[Place], decoder: str, progress: Progress) -> dict[Place, bytes]:
    """A JPEG for each place, without those of frames that cannot be read."""
    found: dict[Place, bytes] = {}
    with file.open("rb") as content, open_clip(content, decoder) as clip:
        for number, place in enumerate(places):
            progress("Cutting out pictures", number, len(places))
            frame = _frame(clip, place.at)
            if frame is not None:
                found[place] = _picture(frame, place.box)
    return found


def _frame(clip: Clip, at: int) -> Frame | None:
    """The first frame at that time or later."""
    for each in clip.read(Span(from_ms=at)):
        if not isinstance(each, Sound) and each.at >= at:
            return each
    return None


def _picture(frame: Frame, box: Box | None) -> bytes:
    pixels = frame.rgb(_SHOWN_PIXELS if box is None else _CUT_PIXELS)
    image = Image(pixels=pixels, width=frame.width, height=frame.height)
    return encoded(image, box or _WHOLE, longest=_SHOWN_PIXELS)
