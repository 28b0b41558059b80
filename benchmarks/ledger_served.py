"""Searches for an enrolled face over HTTP, by a server that has a ledger and one that has none: by turns, so that a
machine whose speed drifts favours neither."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import markdown
from benchmarks.material import DATA, jpeg, photograph, zoo
from benchmarks.served import Key, Served, new_keys, served
from benchmarks.signed_client import Prepared, SignedClient, Tally
from regard.accountability.profiles.catalogue import OPEN, RECORDED

#: More than a server's threads: one always waits for a turn.
CLIENTS = 8
_KEYS = 2
_COLLECTION = "people"


@dataclass(frozen=True)
class _Turn:
    """What a server did in one turn: answers a second, and the median time of one and the processors' in ms."""

    rate: float
    taken: float
    busy: float


class _Side:
    """One server with a collection of two faces, and the clients that ask it."""

    def __init__(self, server: Served, keys: Sequence[Key]) -> None:
        self._server = server
        self._clients = [SignedClient(server.port, keys[at % len(keys)], Tally()) for at in range(CLIENTS)]
        picture = photograph(DATA / "images" / "couple.jpg", (640, 446))
        first, image = self._clients[0], {"Bytes": b64encode(jpeg(picture)).decode()}
        first.call(Prepared.of("CreateCollection", CollectionId=_COLLECTION))
        indexed = first.call(Prepared.of("IndexFaces", CollectionId=_COLLECTION, Image=image))
        face = indexed["FaceRecords"][0]["Face"]["FaceId"]
        self._request = Prepared.of("SearchFaces", CollectionId=_COLLECTION, FaceId=face)

    def turn(self, clients: int, seconds: float) -> _Turn:
        taken: list[float] = []
        busy, began = self._server.gauge().cpu_seconds, time.perf_counter()

        def ask(client: SignedClient) -> None:
            while (start := time.perf_counter()) < began + seconds:
                client.call(self._request)
                taken.append(time.perf_counter() - start)

        threads = [threading.Thread(target=ask, args=(client,)) for client in self._clients[:clients]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = len(taken) / (time.perf_counter() - began)
        busy = self._server.gauge().cpu_seconds - busy
        return _Turn(rate, 1e3 * median(taken), 1e3 * busy / len(taken))


def searches_over_http(home: Path, scale: float) -> None:
    zoo()
    profiles, rows = (OPEN.name, RECORDED.name), []
    with ExitStack() as closing:
        sides = [_Side(*_opened(home / profile, profile, closing)) for profile in profiles]
        for clients in (1, CLIENTS):
            for side in sides:
                side.turn(clients, 1.0)
            turns = [
                [side.turn(clients, max(1.0, 4 * scale)) for side in sides] for _ in range(max(3, round(9 * scale)))
            ]
            rows.append([f"{clients} clients", *_compared(turns)])
    columns = [
        "SearchFaces",
        "open /s",
        "recorded /s",
        "recorded / open",
        "open ms",
        "added ms",
        "open CPU ms",
        "added CPU ms",
    ]
    markdown.table("A search over HTTP with a ledger and without, by turns", columns, rows)


def _compared(turns: Sequence[Sequence[_Turn]]) -> list[str]:
    without, with_ = zip(*turns, strict=True)
    ratio = median(b.rate / a.rate for a, b in turns)
    added = [median(b.taken - a.taken for a, b in turns), median(b.busy - a.busy for a, b in turns)]
    rates = [f"{median(each.rate for each in side):.0f}" for side in (without, with_)]
    taken, busy = (median(getattr(each, name) for each in without) for name in ("taken", "busy"))
    return [*rates, f"{ratio:.3f}", f"{taken:.2f}", f"{added[0]:.2f}", f"{busy:.2f}", f"{added[1]:.3f}"]


def _opened(home: Path, profile: str, closing: ExitStack) -> tuple[Served, list[Key]]:
    home.mkdir()
    keys = new_keys(home, _KEYS)
    settings = {"REGARD_ACCOUNTABILITY_PROFILE": profile}
    return closing.enter_context(served(home, home / "log", settings)), keys
