"""Grants for tests of what stands behind the gate: real ones, from a real gate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from regard.accountability.gate import Gate, Grant
from regard.accountability.profiles.catalogue import OPEN
from regard.accountability.profiles.rules import Rules
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal

ADA = Caller(principal=Principal(access_key_id="A", name="ada"), channel=Channel.AWS, request_id="r1")


class Granting(ExitStack):
    """Opens its gate for whatever a test asks; the grants end when this is closed."""

    def __init__(self, profile: Rules = OPEN) -> None:
        super().__init__()
        self.gate = Gate(profile)

    def may(self, action: Action, collection: str | None = None, *, threshold: float | None = None) -> Grant:
        """A grant for this act, about that collection where one is named."""
        act = Act(action=action, operation="a test", collection=collection, threshold=threshold)
        return self.enter_context(self.gate.open(ADA, act))

    def opens_only_to(self, action: Action, collection: str | None, door: Callable[[Grant], object]) -> None:
        """Fail unless `door` refuses every grant for another act, and for another collection where it is about one."""
        for other in set(Action) - {action}:
            with pytest.raises(RuntimeError, match=f"^a grant to {other} was used to {action}$"):
                door(self.may(other, collection))
        if collection is not None:
            with pytest.raises(RuntimeError, match=f"for the collection elsewhere was used for {collection}$"):
                door(self.may(action, "elsewhere"))

    def opens_only_to_all(self, action: Action, door: Callable[[Grant], object]) -> None:
        """As `opens_only_to`, for a door that is about every collection: a grant for one of them is refused."""
        self.opens_only_to(action, None, door)
        with pytest.raises(RuntimeError, match=r"for the collection elsewhere was used for all of them$"):
            door(self.may(action, "elsewhere"))
