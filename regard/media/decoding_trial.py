"""Decodes a video once in a process of its own, where the decoder is one that some damaged files end: OpenCV's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from regard.domain.videos import Span
from regard.media.clip import chosen, open_clip
from regard.media.frames import UnreadableVideo

_CHILD: Final = (
    "import json, sys; sys.path[:], file = json.loads(sys.argv[1]); "
    "from regard.media.decoding_trial import child; child(file)"
)
_ENDED: Final = (
    "OpenCV's decoder of videos broke down over this file, so it is probably damaged. Convert it, or install a decoder "
    "that can read damaged files: pip install 'regard[video]'."
)


def try_decoding(file: Path, decoder: str, program: Sequence[str] = ("-c", _CHILD)) -> None:
    """Return if this process may decode the file. Raises UnreadableVideo if another that did so broke down, and
    ModelUnavailable if the decoder is not installed; what else is wrong with a file is not found out here.

    `program` are the arguments with which Python is started.
    """
    if chosen(decoder) != "opencv":
        return
    given = json.dumps([sys.path, str(file)])
    done = subprocess.run([sys.executable, *program, given], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode < 0:
        raise UnreadableVideo(_ENDED, detail=f"Signal {-done.returncode} ended the decoder.")


def child(file: str) -> None:
    with Path(file).open("rb") as content, suppress(UnreadableVideo), open_clip(content, "opencv") as clip:
        for _ in clip.read(Span()):
            pass
