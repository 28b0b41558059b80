"""The packs of models beyond faces, fetched beside a running server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

from regard.bootstrap.models import chosen_packs, open_zoo
from regard.config.settings import Settings
from regard.errors import RegardError
from regard.vision.sources import Clients
from regard.vision.zoo import Zoo

log = logging.getLogger(__name__)

#: A line of progress at most this often.
_REPORT_SECONDS = 15.0
#: What the end of the server waits for a fetch to stop.
_STOP_SECONDS = 2.0


@contextmanager
def fetching_packs(settings: Settings) -> Iterator[Thread]:
    """A thread, to be started, that fetches the packs of the settings one after another and tells the log of it.

    It ends with the block; what it has not fetched by then the next start does.
    """
    stop = Event()
    thread = Thread(target=_fetch, args=(settings, stop), name="packs", daemon=True)
    try:
        yield thread
    finally:
        stop.set()
        if thread.is_alive():
            thread.join(_STOP_SECONDS)


def _fetch(settings: Settings, stop: Event) -> None:
    zoo = open_zoo(settings, Clients(stop=stop))
    for pack in chosen_packs(settings, zoo):
        if stop.is_set():
            return
        if missing := zoo.missing(pack):
            _fetch_pack(zoo, pack, missing, stop)


def _fetch_pack(zoo: Zoo, pack: str, missing: tuple[str, ...], stop: Event) -> None:
    size = sum(zoo.card(name).total_size or 0 for name in missing) / 1e6
    log.info("Fetching the pack %s, %.1f MB, in the background; faces do not wait for it", pack, size)
    try:
        zoo.pull(missing, progress=_Lines(pack))
    except RegardError as error:
        if not stop.is_set():
            reasons = " ".join(line.strip() for line in error.message.splitlines())
            log.warning("The pack %s was not fetched; `regard models pull %s` tries again. %s", pack, pack, reasons)
    else:
        log.info("The pack %s is here; its operations can be used", pack)


class _Lines:
    """Tells the log of progress, now and then: how much has come or, where nobody says, for how long it has gone on."""

    def __init__(self, pack: str) -> None:
        self._pack = pack
        self._next = monotonic() + _REPORT_SECONDS
        self._doing, self._since = "", monotonic()

    def __call__(self, description: str, done: int, total: int | None) -> None:
        now = monotonic()
        if description != self._doing:
            self._doing, self._since = description, now
        if now < self._next:
            return
        self._next = now + _REPORT_SECONDS
        sofar = f"{done / 1e6:.1f} MB of {total / 1e6:.1f}" if total else f"for {now - self._since:.0f} s now"
        log.info("Fetching the pack %s: %s, %s", self._pack, description, sofar)
