"""Ctrl-C at a moment that suits: between two steps of long work, and not in the middle of a lock or a commit."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

_SOON = b"\nStopping after this step. Press Ctrl-C again to stop at once.\n"


@contextmanager
def between_steps() -> Iterator[Callable[[], None]]:
    """While the block lasts, Ctrl-C raises KeyboardInterrupt only where the function that it gives is called; a second
    one does at once."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            signal.default_int_handler(number, frame)
        asked = True
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _SOON)

    def stop_here() -> None:
        if asked:
            raise KeyboardInterrupt

    if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield stop_here
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop_here
    finally:
        signal.signal(signal.SIGINT, before)
