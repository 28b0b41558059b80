"""Whether an act is allowed, and why not: the rules of a profile, applied. Nothing is read or written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import isclose

from regard.accountability.permissions import PERMISSIONS
from regard.accountability.profiles.rules import Rules
from regard.domain.authorisations import Authorisation
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.people import Holder, Role, Training, clash
from regard.domain.suspensions import Suspension
from regard.errors import AccessDenied

#: What stops while a suspension lasts: reading, deleting and administering go on, so that things can be put right.
STOPPED = frozenset(
    {Action.DETECT, Action.COMPARE, Action.SEARCH, Action.ENROL, Action.EXPORT, Action.MOVE, Action.REVIEW}
)
_SEARCHING = frozenset({Action.SEARCH, Action.COMPARE})
#: What tends the installation, and neither says nor decides anything of anybody.
_TENDING = frozenset(
    {
        "collections list",
        "collections rebuild",
        "collections verify",
        "doctor",
        "keys create",
        "keys list",
        "keys revoke",
        "sweep",
    }
)
#: What deletes a whole collection, at each door.
_REMOVING = frozenset({"DeleteCollection", "DELETE /v1/collections/{collection_id}", "collections delete"})
#: What looks at pictures.
_LOOKING = _SEARCHING | {Action.DETECT, Action.ENROL}
#: Where candidates are reviewed, faces that are less like a user's others are not given to them: Rekognition's default.
_LEAST_ASSOCIATION = 75.0
#: Below this, two thresholds are the same: clients send them in single precision.
_SAME_THRESHOLD = 1e-4
#: DEFAULT names what a face always comes with: where it is and how well it can be seen.
_PLAIN_ATTRIBUTES = frozenset({"DEFAULT", "FACE_OCCLUDED", "EYE_DIRECTION", "POSE", "QUALITY"})


#: All that is allowed to whoever signed in with a password that somebody else had set.
ALLOWED_LENT = frozenset({"GET /v1/me", "PUT /v1/people/{who}/password", "POST /v1/sign-out"})
OWN_FIRST = (
    "Somebody else has set the password that you signed in with, and so knows it. First set one of your own: `regard "
    "people password`, or in the console under You; then sign in with that."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """On what an act is allowed: the rules, who acts, and the authorisation they act under."""

    rules: Rules
    holder: Holder | None = None
    authorisation: Authorisation | None = None


def at_threshold(act: Act, rules: Rules) -> Act:
    """The act, at the profile's own threshold where the client named none."""
    if not act.threshold_implied or not (compared(act) in _SEARCHING or looks(act)):
        return act
    pinned = rules.review.hide_scores and not looks(act)
    return replace(act, threshold=rules.least_threshold if pinned else max(act.threshold or 0.0, rules.least_threshold))


def compared(act: Act) -> Action:
    """What the act is to the rules on searching. To give faces to a user who must be as like as a threshold compares
    them, and says whether they are: a comparison by another name (row 56). At 0 it says nothing."""
    return Action.COMPARE if act.action is Action.ENROL and act.threshold else act.action


def looks(act: Act) -> bool:
    """Whether it compares somebody with what all collections hold: a search in all but name."""
    return act.all_collections and act.threshold is not None


def is_shared(caller: Caller, act: Act) -> bool:
    """Whether it concerns what collections have in common: people, authorisations, cases, the ledger, reports. All that
    any of them demands then holds. AWS's operations name a collection, or have nothing to do with any."""
    if act.collection is not None or act.action in _LOOKING or act.operation in _TENDING:
        return False
    return caller.channel in (Channel.CLI, Channel.API) or act.action is Action.SIGN_IN


def compares_pictures(act: Act) -> bool:
    """Whether it compares pictures that come with it: it names no collection whose rules would hold."""
    return act.action is Action.COMPARE and act.collection is None


def removes(act: Act) -> bool:
    """Whether it deletes a whole collection, and shows nothing of it."""
    return act.operation in _REMOVING


def stops(act: Act) -> bool:
    """Whether a suspension stops it."""
    return act.action in STOPPED or act.compares or looks(act)


def check_open(act: Act, rules: Rules, base: Rules) -> None:
    """Raises AccessDenied where the profile allows nothing at all, of the installation (`base`) or of a collection."""
    if rules.closed and not base.closed:
        raise AccessDenied(
            f"{act.operation} is refused: the collection {act.collection} is closed, and nothing in it may be "
            "searched, changed or read. It can be deleted as a whole, and nothing else."
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


def check_lent(caller: Caller, act: Act) -> None:
    """Raises AccessDenied for whoever signed in with a password that somebody else knows, but for setting their own."""
    if caller.principal.lent and act.operation not in ALLOWED_LENT:
        raise AccessDenied(OWN_FIRST)


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
    _check_apart(act, holder, allowed)
    return holder


def _check_apart(act: Act, holder: Holder, allowed: frozenset[Role]) -> None:
    """Raises AccessDenied for what only a role allows that cannot be held beside another: both may have been granted
    before that was so."""
    found = clash(holder.roles | holder.beside)
    if found is not None and allowed & holder.roles == {found.role}:
        raise AccessDenied(
            f"{act.operation} is refused: {holder.name} is {found.role} and {' and '.join(found.others)}, and "
            f"{found.why}. An administrator takes one away with `regard people withdraw`, or `regard services "
            "withdraw` from a service that the person answers for."
        )


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
    if rules.people and act.action is Action.ENROL and act.medium == "live":
        raise AccessDenied(
            f"{act.operation} is refused: under the profile {rules.name} live pictures are compared with a watch-list, "
            "and nobody who passes by is enrolled."
        )
    if act.action in _LOOKING and act.medium not in rules.media:
        raise AccessDenied(
            f"{act.operation} is refused: the profile {rules.name} allows what is {' or '.join(rules.media)}, and "
            f"this is {act.medium}."
        )
    if compared(act) in _SEARCHING:
        _check_search(caller, act, rules, assessment)
    _check_association(act, rules)
    if looks(act) and (act.threshold or 0.0) < rules.least_threshold:
        raise AccessDenied(
            f"{act.operation} is refused: one of the collections is searched at {rules.least_threshold:g} or more, and "
            f"{act.threshold or 0:g} was asked for."
        )


def _check_association(act: Act, rules: Rules) -> None:
    """Raises AccessDenied if faces would be given to a user whom they need not be like: what reviewers are tested with
    are a user's faces."""
    if act.action is not Action.ENROL or act.threshold is None or not rules.review.agreements:
        return
    least = max(rules.least_threshold, _LEAST_ASSOCIATION)
    if act.threshold < least - _SAME_THRESHOLD:
        raise AccessDenied(
            f"{act.operation} is refused: under the profile {rules.name} a face must be like the user's others at "
            f"{least:g} or more, and {act.threshold:g} was asked for."
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
    hidden = rules.review.hide_scores
    if hidden and not isclose(act.threshold or 0.0, rules.least_threshold, abs_tol=_SAME_THRESHOLD):
        raise AccessDenied(
            f"{act.operation} is refused: the profile {rules.name} hides scores, which a search at another threshold "
            f"than its own would tell, and {act.threshold or 0:g} was asked for. Leave it out: it is "
            f"{rules.least_threshold:g}."
        )


def _nobody(caller: Caller) -> str:
    principal = caller.principal
    if principal.access_key_id:
        return f"the access key {principal.access_key_id} belongs to nobody; `regard people key` gives somebody one."
    return (
        f"nobody here has the login {principal.name}; `regard people add NAME --login {principal.name}` makes that "
        "account of this machine somebody's."
    )
