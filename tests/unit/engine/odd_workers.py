"""Processors for processes of their own that behave badly if an item says so. They know nothing of photographs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from regard.errors import ModelUnavailable


class Seen(NamedTuple):
    """An item and the process that did it; `lost` is why none did."""

    item: str
    pid: int = 0
    lost: str = ""


class OddProcessor:
    """Gives back each item. "kill" ends its process; a path ending in "once" only if there is no such file yet.

    "slow" takes a minute; "fault" is an error that any other worker would meet as well.
    """

    def __init__(self, broken: bool = False) -> None:
        self._broken = broken

    def __call__(self, items: Sequence[str], /) -> list[Seen]:
        return [_seen(Path(item)) for item in items]

    def try_out(self) -> None:
        if self._broken:
            os.kill(os.getpid(), signal.SIGKILL)


def _seen(path: Path) -> Seen:
    if path.name == "kill" or (path.name == "once" and not path.exists()):
        if path.name == "once":
            path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if path.name == "slow":
        time.sleep(60)
    if path.name == "fault":
        raise ModelUnavailable("the model is gone")
    return Seen(str(path), os.getpid())


prepare = OddProcessor
prepare_broken = partial(OddProcessor, broken=True)


def prepare_without_models() -> OddProcessor:
    raise ModelUnavailable("the model 'fr-feature' is missing")
