"""Timecodes of SMPTE 12M: hours, minutes, seconds and frames of a frame's number."""

from __future__ import annotations

from typing import Final

#: Of each minute but every tenth so many frame numbers are left out, by nominal frames a second, so that the timecodes
#: of 29.97 and 59.94 frames a second agree with the clock.
_DROPPED: Final = {30: 2, 60: 4}
_MOST_OFF: Final = 0.01


def timecode(frame: int, rate: float) -> str:
    """`HH:MM:SS:FF`, and `HH:MM:SS;FF` where frame numbers are dropped, of a frame counted from 0."""
    nominal = max(1, round(rate))
    dropped = _DROPPED.get(nominal, 0) if abs(rate - nominal * 1000 / 1001) < _MOST_OFF else 0
    if dropped:
        frame += _left_out(frame, nominal, dropped)
    seconds, frames = divmod(frame, nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if dropped else ':'}{frames:02}"


def _left_out(frame: int, nominal: int, dropped: int) -> int:
    """How many numbers have been left out up to a frame."""
    minute = 60 * nominal - dropped
    tens, rest = divmod(frame, 10 * 60 * nominal - 9 * dropped)
    minutes = max(0, rest - dropped) // minute
    return dropped * (9 * tens + minutes)
