"""In processes of their own: what this one has allocated before would hide what is measured."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from regard.bootstrap.spare_memory import SpareMemory, keep_what_is_made

MEASURING = """
import sys, threading, time
from pathlib import Path
import numpy as np
from regard.bootstrap.models import face_models
from regard.bootstrap.spare_memory import SpareMemory, give_back, share_one_heap
from regard.config.settings import load_settings

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

def at_once(work, threads=4):
    started = [threading.Thread(target=work) for _ in range(threads)]
    [each.start() for each in started]
    [each.join() for each in started]
"""

MODELS = """
share_one_heap()
models = face_models(load_settings({}, home=Path(sys.argv[1]), models={"folder": sys.argv[2]}))
detector = models.detector()
detector.detect([np.zeros((640, 640, 3), np.uint8)])
give_back()
before = resident()
at_once(lambda: detector.detect([np.zeros((1280, 1280, 3), np.uint8)]))
print(resident() - before)
give_back()
print(resident() - before)
"""

HEAP = """
share_one_heap()
before = resident()
def churn():
    kept = [(np.ones(200_000, np.uint8), object()) for _ in range(500)]
    del kept[:-1]
    last.append(kept)
last = []
at_once(churn)
print(resident() - before)
spare = SpareMemory(0.05)
spare.answered(None)
until = time.monotonic() + 20
while resident() - before > 30 and time.monotonic() < until:
    time.sleep(0.05)
print(resident() - before)
spare.close()
"""


BAR = """
from regard.bootstrap.spare_memory import MemoryBar
share_one_heap()
before = resident()
kept = [np.ones(100_000, np.uint8) for _ in range(1000)]
last = kept[-1]
del kept
MemoryBar(1 << 40)()
print(resident() - before)
MemoryBar(1 << 20)()
print(resident() - before)
"""


def measured(program: str, *arguments: Path) -> tuple[float, float]:
    """Megabytes that the program printed: how much more there was after its work, and after giving back."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURING + program, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    grown, left = map(float, done.stdout.split())
    return grown, left


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
class TestMemory:
    @pytest.mark.slow
    def test_of_models_run_at_once_returns_to_the_system(self, models: Path, tmp_path: Path) -> None:
        grown, left = measured(MODELS, tmp_path, models)
        assert grown > 150
        assert left < 60

    def test_of_the_heap_returns_soon_after_an_answer_although_a_little_of_it_is_in_use(self) -> None:
        grown, left = measured(HEAP)
        assert grown > 150
        assert left <= 30

    def test_of_a_process_that_is_above_a_bar_returns_and_of_others_does_not(self) -> None:
        grown, left = measured(BAR)
        assert grown > 60
        assert left <= 30


def test_nothing_is_given_back_once_it_is_closed() -> None:
    spare = SpareMemory(0.01)
    spare.answered(None)  # type: ignore[arg-type] - the record is not looked at
    spare.close()
    spare.answered(None)  # type: ignore[arg-type]
    assert spare._timer is None or not spare._timer.is_alive()


class Ring:
    """Only Python's collector frees it."""

    def __init__(self) -> None:
        self.own = self


def test_what_is_made_is_passed_over_until_it_is_called_again() -> None:
    before = Ring()
    try:
        keep_what_is_made()
        first = weakref.ref(before)
        second = weakref.ref(Ring())
        del before
        gc.collect()
        assert (first() is None, second() is None) == (False, True)
        keep_what_is_made()
        assert first() is None
    finally:
        gc.unfreeze()
