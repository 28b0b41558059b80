"""The models of packs beyond faces: each loaded when it is first needed, once, and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import TypeVar, cast

from regard.domain.reporting import Meter
from regard.errors import ModelUnavailable, ResourceNotReady
from regard.vision.cards import ModelCard
from regard.vision.session import OnnxSession
from regard.vision.zoo import Zoo

T = TypeVar("T")


class ModelLoader:
    """Loads what is asked for, under one lock, from verified files; `meter` is told of every run, by card.

    A model whose files come later, fetched by this server or by `regard models pull`, is found without a restart.
    `takes` is told how many bytes of memory each loaded model will keep.
    """

    def __init__(
        self,
        zoo: Zoo,
        *,
        threads: int = 0,
        meter: Meter | None = None,
        takes: Callable[[int], None] | None = None,
    ) -> None:
        self._zoo = zoo
        self._threads = threads
        self._meter = meter
        self._takes = takes
        self._lock = RLock()
        self._loaded: dict[str, object] = {}

    def card(self, name: str) -> ModelCard:
        """The card of that name. Raises SettingsError."""
        return self._zoo.card(name)

    def once(self, name: str, load: Callable[[ModelCard], T]) -> T:
        """What `load` made of that card, now or before. Raises as `session`, and ResourceNotReady before it loads."""
        if name in self._loaded:  # nobody waits for another model to be loaded
            return cast(T, self._loaded[name])
        self.require(self._zoo.card(name).pack)
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load(self._zoo.card(name))
            return cast(T, self._loaded[name])

    def require(self, pack: str) -> None:
        """Raises ResourceNotReady, with what to do, if files of this pack are not installed."""
        if missing := self._zoo.missing(pack):
            raise ResourceNotReady(
                f"The models of the pack {pack!r} are not installed on this server: {', '.join(missing)}. "
                f"`regard models pull {pack}` fetches them; no restart is needed. Packs that [models] packs names are "
                "fetched by the server itself after it has started: if this is one of them, try again in a minute."
            )

    def session(self, card: ModelCard, *, free_sides: bool = False, memory_ratio: float = 0.0) -> OnnxSession:
        """A session of its own for the card's model, which then keeps `memory_ratio` × the size of its files in memory.

        Raises ModelUnavailable if a file is damaged or no such model.
        """
        files = self._zoo.files(card.name)
        try:
            session = OnnxSession(
                files,
                threads=self._threads,
                free_sides=free_sides,
                ran=partial(self._meter.model_ran, card.name) if self._meter else None,
            )
        except ModelUnavailable as error:
            raise ModelUnavailable(f"the model {card.name!r}: {error.message}") from error
        if self._takes:
            self._takes(int(memory_ratio * (card.total_size or 0)))
        return session
