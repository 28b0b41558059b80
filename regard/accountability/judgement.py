"""Whether an act is allowed, and why not: the rules of a profile, applied. Nothing is read or written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from regard.accountability.permissions import PERMISSIONS
from regard.accountability.profiles.rules import Rules
from regard.domain.authorisations import Authorisation
from regard.domain.authority import Act, Action, Caller
from regard.domain.people import Holder, Role, Training
from regard.domain.suspensions import Suspension
from regard.errors import AccessDenied

#: What stops while a suspension lasts: reading, deleting and administering go on, so that things can be put right.
STOPPED = frozenset(
    {Action.DETECT, Action.COMPARE, Action.SEARCH, Action.ENROL, Action.EXPORT, Action.MOVE, Action.REVIEW}
)
_SEARCHING = frozenset({Action.SEARCH, Action.COMPARE})
#: What looks at pictures.
_LOOKING = _SEARCHING | {Action.DETECT, Action.ENROL}
#: DEFAULT names what a face always comes with: where it is and how well it can be seen.
_PLAIN_ATTRIBUTES = frozenset({"DEFAULT", "FACE_OCCLUDED", "EYE_DIRECTION", "POSE", "QUALITY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """On what an act is allowed: the rules, who acts, and the authorisation they act under."""

    rules: Rules
    holder: Holder | None = None
    authorisation: Authorisation | None = None


def compared(act: Act) -> Action:
    """What the act is to the rules on searching. To give faces to a user who must be as like as a threshold compares
    them, and says whether they are: a comparison by another name (row 56). At 0 it says nothing."""
    return Action.COMPARE if act.action is Action.ENROL and act.threshold else act.action


def looks(act: Act) -> bool:
    """Whether it compares somebody with what all collections hold: a search in all but name."""
    return act.all_collections and act.threshold is not None


def stops(act: Act) -> bool:
    """Whether a suspension stops it."""
    return act.action in STOPPED or looks(act)


def check_open(act: Act, rules: Rules, *, of_collections: bool = False) -> None:
    """Raises AccessDenied where the profile allows nothing at all; it may be that of one collection of many."""
    if rules.closed and of_collections:
        raise AccessDenied(
            f"{act.operation} is refused: this installation or one of its collections is closed, and this looks into "
            "all of them. Delete the faces of the others by their ids."
        )
    if rules.closed:
        raise AccessDenied(
            f"{act.operation} is refused: this installation is closed, and nothing in it may be searched, changed or "
            "read. Its operator can open it again with the setting accountability.profile."
        )


def check_suspended(act: Act, holder: Holder | None, authorisation: str, active: Sequence[Suspension]) -> None:
    """Raises AccessDenied if the act, its collection, its authorisation or who acts is suspended."""
    if not stops(act):
        return
    mine = {
        ("everything", ""),
        ("collection", act.collection),
        ("authorisation", authorisation),
        ("person", holder.person_id if holder else None),
        ("service", holder.id if holder else None),
    }
    for each in active:
        if (each.kind, each.subject) in mine:
            what = "everything" if each.kind == "everything" else f"the {each.kind} {each.subject}"
            raise AccessDenied(
                f"{act.operation} is refused: {what} has been suspended since {each.started_at:%Y-%m-%d %H:%M} UTC. "
                "Ask the overseer; `regard suspensions list` shows why."
            )


def check_person(caller: Caller, act: Act, rules: Rules, holder: Holder | None) -> Holder:
    """Raises AccessDenied unless the caller is somebody whose roles allow this."""
    if holder is None:
        raise AccessDenied(f"{act.operation} is refused: {_nobody(caller)} The profile {rules.name} needs a person.")
    allowed = PERMISSIONS.roles(caller.channel, act.operation)
    if not allowed & holder.roles:
        held = ", ".join(sorted(holder.roles)) or "none"
        raise AccessDenied(
            f"{act.operation} is refused: it takes {_one_of(allowed)}, and {holder.name} has {held}. An administrator "
            "grants roles with `regard people grant`."
        )
    return holder


def _one_of(roles: frozenset[Role]) -> str:
    *others, last = [str(each) for each in sorted(roles)] or ["that nobody can have"]
    return f"one of the roles {', '.join(others)} or {last}" if others else f"the role {last}"


def check_training(
    act: Act, rules: Rules, holder: Holder, allowed: frozenset[Role], trainings: Sequence[Training], now: datetime
) -> None:
    """Raises AccessDenied if every role that allows the act needs a training, and none that they had still holds. Who
    one is, and what one signs in with, takes none."""
    roles = allowed & holder.roles
    if (
        act.action is Action.SIGN_IN
        or not roles
        or not roles <= set(rules.trained)
        or any(each.expires_at > now for each in trainings)
    ):
        return
    last = max((each.expires_at for each in trainings), default=None)
    when = "there is no record of one" if last is None else f"the last one expired on {last:%Y-%m-%d}"
    raise AccessDenied(
        f"{act.operation} is refused: as {' and '.join(sorted(roles))}, {holder.name} needs a training that has not "
        f"expired, and {when}. Record one with `regard people train`."
    )


def check_limits(caller: Caller, act: Act, rules: Rules, assessment: str) -> None:
    """Raises AccessDenied if the act asks for more than the profile allows anybody. `assessment` is the reference of
    the one in the settings."""
    asked = sorted(set(act.attributes) - _PLAIN_ATTRIBUTES)
    if asked and not rules.attributes:
        raise AccessDenied(
            f"{act.operation} is refused: the profile {rules.name} has nothing guessed of a person, such as age, "
            f"gender or emotion, and {', '.join(asked)} would. Leave them out."
        )
    if act.action is Action.EXPORT and act.collection is not None and not rules.export:
        raise AccessDenied(
            f"{act.operation} is refused: under the profile {rules.name} no collection leaves as a file, where its "
            "rules would not go with it. A backup of the whole home keeps them."
        )
    if act.action in _LOOKING and act.medium not in rules.media:
        raise AccessDenied(
            f"{act.operation} is refused: the profile {rules.name} allows what is {' or '.join(rules.media)}, and "
            f"this is {act.medium}."
        )
    if compared(act) in _SEARCHING:
        _check_search(caller, act, rules, assessment)
    if looks(act) and (act.threshold or 0.0) < rules.least_threshold:
        raise AccessDenied(
            f"{act.operation} is refused: one of the collections is searched at {rules.least_threshold:g} or more, and "
            f"{act.threshold or 0:g} was asked for."
        )


def _check_search(caller: Caller, act: Act, rules: Rules, assessment: str) -> None:
    if rules.assessment and not assessment:
        raise AccessDenied(
            f"{act.operation} is refused: under the profile {rules.name} nobody searches before the consequences were "
            "assessed. Set [accountability] assessment to the reference of your assessment (DPIA, FRIA)."
        )
    if caller.principal.phone and not rules.phones:
        raise AccessDenied(
            f"{act.operation} is refused: the profile {rules.name} allows no search with a telephone. Use a computer."
        )
    if (act.threshold or 0.0) < rules.least_threshold:
        raise AccessDenied(
            f"{act.operation} is refused: the profile {rules.name} searches at {rules.least_threshold:g} or more, and "
            f"{act.threshold or 0:g} was asked for. Two people can lower that for a collection: `regard thresholds`."
        )


def _nobody(caller: Caller) -> str:
    principal = caller.principal
    if principal.access_key_id:
        return f"the access key {principal.access_key_id} belongs to nobody; `regard people key` gives somebody one."
    return (
        f"nobody here has the login {principal.name}; `regard people add NAME --login {principal.name}` makes that "
        "account of this machine somebody's."
    )
