from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import clip

from regard.media.decoding_trial import try_decoding
from regard.media.frames import UnreadableVideo

BROKEN_DOWN = ("-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")


def test_a_decoder_that_breaks_down_does_not_take_this_process_with_it(tmp_path: Path) -> None:
    with pytest.raises(UnreadableVideo, match=r"broke down over this file.*pip install 'regard\[video\]'"):
        try_decoding(tmp_path / "film.mp4", "opencv", BROKEN_DOWN)


def test_a_decoder_that_does_not_break_down_is_not_tried(tmp_path: Path) -> None:
    try_decoding(tmp_path / "film.mp4", "av", BROKEN_DOWN)


@pytest.mark.parametrize("left", [1.0, 0.5, 0.0])
def test_a_film_and_what_is_left_of_one_pass(tmp_path: Path, left: float) -> None:
    whole = clip([np.full((64, 96, 3), 9 * number, np.uint8) for number in range(20)])
    file = tmp_path / "film.mp4"
    file.write_bytes(whole[: int(len(whole) * left)])
    try_decoding(file, "opencv")


def test_the_whole_film_is_decoded_in_the_other_process(tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(clip([np.zeros((64, 96, 3), np.uint8)] * 5))
    told = tmp_path / "told"
    counting = (
        "import json, sys; sys.path[:], file = json.loads(sys.argv[1]); "
        "from regard.media import decoding_trial; from regard.media.opencv_clip import OpenCvClip as Clip; "
        f"told, close = open({str(told)!r}, 'w'), Clip.close; "
        "Clip.close = lambda self: (told.write(str(self.decoded)), told.close(), close(self)); "
        "decoding_trial.child(file)"
    )
    try_decoding(file, "opencv", ("-c", counting))
    assert told.read_text() == "5"
