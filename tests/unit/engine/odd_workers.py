"""Examiners for processes of their own that behave badly where a file's name says so."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from regard.engine.analysis.photo_batches import File, Finding, PhotoAnalyzer, Skipped
from regard.errors import ModelUnavailable


class Odd(PhotoAnalyzer):
    """Finds each file's own path. "kill" ends its process; "once" only if no file of that name has; "slow" takes long.

    "fault" is an error that any other worker would meet as well.
    """

    def __init__(self, broken: bool = False) -> None:
        self._broken = broken

    def __call__(self, files: Sequence[File]) -> list[Finding]:
        return [self._examined_one(Path(file.path)) for file in files]

    def try_out(self) -> None:
        if self._broken:
            os.kill(os.getpid(), signal.SIGKILL)

    def _examined_one(self, path: Path) -> Finding:
        if path.name == "kill" or (path.name == "once" and not path.exists()):
            if path.name == "once":
                path.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if path.name == "slow":
            time.sleep(60)
        if path.name == "fault":
            raise ModelUnavailable("the model is gone")
        return Skipped(reason="seen", detail=f"{path} by {os.getpid()}")


def prepare() -> Odd:
    return Odd()


prepare_broken = partial(Odd, broken=True)


def prepare_without_models() -> Odd:
    raise ModelUnavailable("the model 'fr-feature' is missing")
