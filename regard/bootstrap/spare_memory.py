"""What was freed goes back to the system: ONNX Runtime's arena and the C library keep it otherwise, for ever."""

from __future__ import annotations

import ctypes
import gc
import mmap
from pathlib import Path
from threading import Lock, Timer
from time import perf_counter

from regard.domain.reporting import RequestRecord
from regard.telemetry.instruments import Instrument
from regard.vision.session import shrink_arena

#: From mallopt(3): how many heaps the C library may make, each with spare memory of its own.
_M_ARENA_MAX = -8
#: Memory is given back this long after it was freed: by then the next request may have used it again.
_PAUSE_SECONDS = 2.0
#: Giving back takes at most one part in this many of the time: a machine of many cores has much to give.
_SHARE = 50
#: Of this process, in pages: its size, and how much of it is in memory (proc(5)).
_PROCESS = Path("/proc/self/statm")


def share_one_heap() -> None:
    """From now on all threads allocate from one heap, where the C library is glibc. Call it before they start."""
    if _set_option := _function("mallopt"):
        _set_option(_M_ARENA_MAX, 1)


def keep_what_is_made() -> None:
    """From now on Python's collector passes over what has been made, which stays to the end of the process. It went
    through all of that again and again while a page of 1,000 faces was read: 15 ms of the 18 that this took."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class SpareMemory(Instrument):
    """Gives back what is spare, in the background, soon after a request was answered. Safe for threads."""

    def __init__(self, pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._least_pause = self._pause = pause_seconds
        self._lock = Lock()
        self._timer: Timer | None = None
        self._closed = False

    def answered(self, record: RequestRecord) -> None:  # noqa: ARG002 - of any kind: a refused picture was read too
        with self._lock:
            if self._timer is None and not self._closed:
                self._timer = Timer(self._pause, self._give_back)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """Nothing more is given back."""
        with self._lock:
            self._closed = True
            timer = self._timer
        if timer:
            timer.cancel()
            timer.join()

    def _give_back(self) -> None:
        with self._lock:
            self._timer = None
        since = perf_counter()
        give_back()
        self._pause = max(self._least_pause, _SHARE * (perf_counter() - since))


class MemoryBar:
    """Gives back what is spare whenever it is called and the process takes more than `most_bytes`: for one that runs
    many models in turn, each of which would keep the most that it needs. Where the system does not say how much a
    process takes, nothing is given back."""

    def __init__(self, most_bytes: int) -> None:
        self._most_pages = most_bytes // mmap.PAGESIZE

    def __call__(self) -> None:
        try:
            taken = int(_PROCESS.read_text(encoding="ascii").split()[1])
        except OSError:
            return
        if taken > self._most_pages:
            give_back()


def give_back() -> None:
    """Return every page to the system that holds nothing: of the models' arena, and of the heap under glibc."""
    shrink_arena()
    if trim := _function("malloc_trim"):
        trim(0)


def _function(name: str) -> ctypes._NamedFuncPointer | None:
    """A function of the C library that only glibc has."""
    return getattr(ctypes.CDLL(None), name, None)
