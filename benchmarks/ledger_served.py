"""Searches for an enrolled face over HTTP, by a server that has a ledger and one that has none: in short turns, either
of them first by turns, so that a machine whose speed drifts favours neither; and by a client that leaves the processors
to the servers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from benchmarks import markdown
from benchmarks.material import DATA, jpeg, photograph, zoo
from benchmarks.replayed import replay
from benchmarks.search import COLLECTION, Plan, filled
from benchmarks.served import Key, Served, new_keys, processor, served
from benchmarks.signed_client import Prepared, SignedClient, Tally
from regard.accountability.profiles.catalogue import OPEN, RECORDED

#: More than a server's threads: one always waits for a turn.
CLIENTS = 8
_KEYS = 2
_COLLECTION = "people"
#: Those of a county: what a search costs there is what its entry is measured against.
_MANY_FACES = 300_000
_TURNS, _TURN_SECONDS = 40, 1.0


@dataclass(frozen=True)
class _Turn:
    """What a server did in one turn: answers a second, and the median time of one and the processors' in ms."""

    rate: float
    taken: float
    busy: float


class _Side:
    """One server, the clients that ask it, and a face of `collection`, which is made of two if there is none."""

    def __init__(self, server: Served, keys: Sequence[Key], collection: str) -> None:
        self._server = server
        self._clients = [SignedClient(server.port, key, Tally()) for key in keys]
        first = self._clients[0]
        if collection == _COLLECTION:
            image = {"Bytes": b64encode(jpeg(photograph(DATA / "images" / "couple.jpg", (640, 446)))).decode()}
            first.call(Prepared.of("CreateCollection", CollectionId=collection))
            first.call(Prepared.of("IndexFaces", CollectionId=collection, Image=image))
        face = first.call(Prepared.of("ListFaces", CollectionId=collection, MaxResults=1))["Faces"][0]["FaceId"]
        self._request = Prepared.of("SearchFaces", CollectionId=collection, FaceId=face)

    def turn(self, clients: int, seconds: float) -> _Turn:
        requests = [self._clients[at % _KEYS].signed(self._request) for at in range(clients)]
        before = self._server.gauge().cpu_seconds
        taken, elapsed = replay(self._server.port, requests, seconds)
        busy = self._server.gauge().cpu_seconds - before
        return _Turn(len(taken) / elapsed, 1e3 * median(taken), 1e3 * busy / len(taken))


def searches_over_http(home: Path, scale: float) -> None:
    zoo()
    rows = []
    for faces in (2, _MANY_FACES):
        for clients, turns in _turns(home / str(faces), faces, scale):
            rows.append([f"{clients} clients, {faces:,} faces", *_compared(turns)])
    columns = [
        "SearchFaces",
        "open /s",
        "recorded /s",
        "recorded / open",
        "quartiles",
        "open ms",
        "added ms",
        "open CPU ms",
        "added CPU ms",
    ]
    markdown.table(f"A search over HTTP with a ledger and without, by turns: {processor()}", columns, rows)


def _turns(home: Path, faces: int, scale: float) -> Iterator[tuple[int, list[list[_Turn]]]]:
    """For each number of clients, turns of a server that has no ledger and of one that has."""
    home.mkdir()
    with ExitStack() as closing:
        sides = []
        for profile in (OPEN.name, RECORDED.name):
            (home / profile).mkdir()
            if faces == _MANY_FACES:
                filled(home / profile, Plan.of(faces))
            opened = _opened(home / profile, profile, closing)
            sides.append(_Side(*opened, COLLECTION if faces == _MANY_FACES else _COLLECTION))
        for clients in (1, CLIENTS):
            for side in sides:
                side.turn(clients, 1.0)
            yield clients, [_both(sides, clients, at % 2) for at in range(max(4, round(_TURNS * scale)))]


def _both(sides: Sequence[_Side], clients: int, first: int) -> list[_Turn]:
    """A turn of each side, in the order of `sides`; which of them has the first is `first`."""
    turns = {at: sides[at].turn(clients, _TURN_SECONDS) for at in (first, 1 - first)}
    return [turns[0], turns[1]]


def _compared(turns: Sequence[Sequence[_Turn]]) -> list[str]:
    without, with_ = zip(*turns, strict=True)

    def of(value: Callable[[_Turn, _Turn], float]) -> list[float]:
        return [value(a, b) for a, b in turns]

    low, ratio, high = quantiles(of(lambda a, b: b.rate / a.rate), n=4)
    added = [median(of(lambda a, b: b.taken - a.taken)), median(of(lambda a, b: b.busy - a.busy))]
    rates = [f"{median(each.rate for each in side):.0f}" for side in (without, with_)]
    taken, busy = (median(getattr(each, name) for each in without) for name in ("taken", "busy"))
    spread = f"{low:.3f} to {high:.3f}"
    return [*rates, f"{ratio:.3f}", spread, f"{taken:.2f}", f"{added[0]:.2f}", f"{busy:.2f}", f"{added[1]:.3f}"]


def _opened(home: Path, profile: str, closing: ExitStack) -> tuple[Served, list[Key]]:
    keys = new_keys(home, _KEYS)
    settings = {"REGARD_ACCOUNTABILITY_PROFILE": profile}
    return closing.enter_context(served(home, home / "log", settings)), keys
