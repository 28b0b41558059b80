"""Profiles: the sets of rules that a gate can apply; the setting `accountability.profile` names one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from regard.domain.authority import Act, Caller
from regard.errors import AccessDenied


class Profile(Protocol):
    """A set of rules under one name."""

    @property
    def name(self) -> str: ...

    @property
    def erase_seconds(self) -> float:
        """In how many seconds what was deleted is gone from the disk; 0 is before the deletion is acknowledged."""

    @property
    def untold_attributes(self) -> bool:
        """Whether the setting may be used that answers attributes which no model can tell, with Confidence 50.

        A profile for a public authority must say no: nothing that is not known may stand in what it decides upon.
        """

    @property
    def ledger(self) -> bool:
        """Whether every act is recorded in the ledger."""

    def check(self, caller: Caller, act: Act, /) -> None:
        """Return if the caller may do this. Raises AccessDenied with the reason and the remedy."""


class OpenProfile:
    """Everyone who has an access key may do everything, and so may everyone who can read the home."""

    name = "open"
    erase_seconds = 60.0
    untold_attributes = True
    ledger = False

    def check(self, _: Caller, __: Act, /) -> None:
        """Allow it."""


class ClosedProfile:
    """Nobody may do anything: for an installation that is out of use while its data are kept."""

    name = "closed"
    erase_seconds = 0.0
    untold_attributes = False
    ledger = False

    def check(self, _: Caller, act: Act, /) -> None:
        raise AccessDenied(
            f"{act.operation} is refused: this installation is closed, and nothing in it may be searched, changed or "
            "read. Its operator can open it again with the setting accountability.profile."
        )


class RecordedProfile(OpenProfile):
    """As open, and every act is an entry of the ledger."""

    name = "recorded"
    ledger = True


OPEN, CLOSED, RECORDED = OpenProfile(), ClosedProfile(), RecordedProfile()
PROFILES: Mapping[str, Profile] = MappingProxyType({each.name: each for each in (OPEN, CLOSED, RECORDED)})
