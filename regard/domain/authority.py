"""Who asks for what: the nouns of the gate (`accountability/gate.py`), which every act must pass."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from regard.domain.callers import Principal


class Action(StrEnum):
    """What can be done with faces and with the galleries they are in."""

    DETECT = "detect"
    COMPARE = "compare"
    SEARCH = "search"
    ENROL = "enrol"
    #: List or describe what a gallery holds.
    READ = "read"
    DELETE = "delete"
    EXPORT = "export"
    MOVE = "move"
    #: Measure error rates on labelled pictures.
    EVALUATE = "evaluate"
    ADMINISTER = "administer"
    #: Compare candidates with what was searched for, and say what else supports it.
    REVIEW = "review"
    #: Begin or end a sign-in of one's own, see who one is, or change what one signs in with.
    SIGN_IN = "sign-in"


class Channel(StrEnum):
    """The door a call came in by."""

    AWS = "aws"
    #: The native API.
    API = "api"
    CLI = "cli"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, by which door, in which request. `request_id` is empty where there is no request. `authorisation` is
    the id of the one they act under, where they say so; AWS's clients carry it as the name of their session."""

    principal: Principal
    channel: Channel
    request_id: str = ""
    authorisation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is asked for, before any of it is done.

    `operation` is its name at the door it came in by ("SearchFacesByImage", "search"). `collection` is the client's
    name for the collection; None if the act concerns no collection or all of them. `threshold` is the lowest similarity
    (0 to 100) and `count` the highest number of results asked for, with defaults filled in; `attributes` are those
    requested for each face. `threshold_implied` is whether the threshold is a default, so that a profile's takes its
    place. `medium` is what is looked at: still, recorded or live. `all_collections` is whether it looks for somebody in
    all of them, or erases from them: the rules of each hold for it. `compares` is whether a reading says
    who is like whom.
    """

    action: Action
    operation: str
    collection: str | None = None
    threshold: float | None = None
    threshold_implied: bool = False
    attributes: tuple[str, ...] = ()
    count: int | None = None
    medium: str = "still"
    all_collections: bool = False
    compares: bool = False
