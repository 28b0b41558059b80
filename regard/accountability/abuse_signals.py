"""Signs of abuse in what the ledger recorded: too many, too often, too late, or by a side door.

A sign proves nothing. It is shown to people, who find out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from regard.accountability.case_hands import new_accounts, one_hand
from regard.accountability.hands import SERVICE_KEYS
from regard.accountability.recorded_deeds import Deed, change_by, named
from regard.domain.authority import Action
from regard.store.subject_rows import SUBJECT_LOOKS


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRules:
    """From how many on something is a sign; `within` is the time in which they are counted. `hours` are those in which
    people work here, by the machine's clock; None where that is not known."""

    within: timedelta = timedelta(hours=1)
    searches: int = 100
    same_face: int = 10
    refusals: int = 10
    comparisons: int = 100
    enrolled_and_searched: int = 10
    associations: int = 100
    lists: int = 100
    subjects: int = 10
    evaluations: int = 10
    low_thresholds: int = 10
    #: Similarity below which a threshold counts as low: Rekognition's default.
    low: float = 80.0
    hours: tuple[time, time] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What somebody did, how often, from when to when, and how serious that is if it is abuse."""

    kind: str
    who: str
    count: int
    since: datetime
    until: datetime
    severity: str
    description: str


def signals(deeds: Iterable[Deed], rules: SignalRules) -> list[Signal]:
    """The signs in these deeds, each kind once for each who did it, with the most that fell into the time."""
    by_person: dict[str, list[Deed]] = defaultdict(list)
    done = sorted(deeds, key=lambda each: each.at)
    for deed in done:
        by_person[deed.who].append(deed)
    found = [signal for who, theirs in sorted(by_person.items()) for signal in _of(who, theirs, rules)]
    found += [_signal("one-hand", by, theirs, "serious", words) for by, theirs, words in one_hand(done)]
    return found + [_signal("new-accounts", by, theirs, "low", words) for by, theirs, words in new_accounts(done)]


#: By the names of AWS's operations, of commands, and of the native API's routes.
_COLLECTION = "/v1/collections/{collection_id}"
_ASSOCIATIONS = (
    *("AssociateFaces", "users associate"),
    *(f"POST {_COLLECTION}/users/{{user_id}}/{deed}" for deed in ("faces", "merge")),
)
_LISTS = (
    *("ListFaces", "ListUsers", "faces list", "users list"),
    *(f"GET {_COLLECTION}/{what}" for what in ("faces", "users", "users/{user_id}", "quality")),
)


def _of(who: str, done: Sequence[Deed], rules: SignalRules) -> Iterator[Signal]:
    for sign in _SIGNS:
        if most := _densest(sign.chosen(done, rules), rules.within, sign.least(rules)):
            yield _signal(sign.kind, who, most, sign.severity, sign.words)
    yield from _same_face(who, _searches(done), rules)
    yield from _refusals(who, done, rules)


@dataclass(frozen=True, slots=True)
class _Sign:
    """Something done too often: which deeds count, from how many on, and how serious it is."""

    kind: str
    severity: str
    words: str
    chosen: Callable[[Sequence[Deed], SignalRules], Sequence[Deed]]
    least: Callable[[SignalRules], int]


def _searches(done: Sequence[Deed], action: Action = Action.SEARCH) -> list[Deed]:
    return [each for each in done if each.action == action and each.outcome == "allowed"]


def _low(done: Sequence[Deed], rules: SignalRules) -> list[Deed]:
    found = _searches(done) + _searches(done, Action.COMPARE)
    return [each for each in found if each.threshold is not None and each.threshold < rules.low]


def _at_night(done: Sequence[Deed], rules: SignalRules) -> list[Deed]:
    found = _searches(done) + _searches(done, Action.COMPARE)
    return [] if rules.hours is None else [each for each in found if not _within(each.at, rules.hours)]


def _lowered(done: Sequence[Deed], _: SignalRules) -> list[Deed]:
    named = [each for each in done if each.operation.startswith(("thresholds ", "POST /v1/thresholds/"))]
    return [each for each in named if each.action != Action.READ]


def _for_others(done: Sequence[Deed]) -> list[Deed]:
    """Changes of what somebody else signs in with: whoever made them could be that person, too, to the server. Not of
    the first, who makes themself."""
    added = {each.facts.get("person_added") for each in done}
    given: set[str] = set()
    found = []
    for each in done:
        change = change_by(each)
        if change is None or change.by == change.of or each.operation in SERVICE_KEYS:
            continue
        first = change.of in added and (change.key or change.of not in given)  # is given by whoever adds them
        given |= set() if change.key else {change.of}
        if not first:
            found.append(each)
    return found


def _densest(found: Sequence[Deed], within: timedelta, least: int) -> Sequence[Deed]:
    """The most of these that fell into so long, in the order of time; none if they are fewer than `least`."""
    found = sorted(found, key=lambda each: each.at)
    best: Sequence[Deed] = ()
    start = 0
    for end in range(len(found)):
        while found[end].at - found[start].at > within:
            start += 1
        if end - start + 1 > len(best):
            best = found[start : end + 1]
    return best if len(best) >= least else ()


def _same_face(who: str, searches: Sequence[Deed], rules: SignalRules) -> Iterator[Signal]:
    """Counted over all that is looked at: who follows somebody does so for days."""
    counts = Counter(each.probe for each in searches if each.probe is not None)
    for face, count in counts.most_common(1):
        if count >= rules.same_face:
            found = [each for each in searches if each.probe == face]
            yield _signal("same-face", who, found, "serious", f"searches that were for, or found, the face {face}")


def _refusals(who: str, done: Sequence[Deed], rules: SignalRules) -> Iterator[Signal]:
    row: list[Deed] = []
    longest: list[Deed] = []
    for each in done:
        row = [*row, each] if each.outcome == "refused" else []
        longest = row if len(row) > len(longest) else longest
    if len(longest) >= rules.refusals:
        yield _signal("refusals", who, longest, "serious", "refused acts in a row")


def _enrolled_to_search(done: Sequence[Deed]) -> list[Deed]:
    """Searches by an enrolled face that the same person had enrolled before."""
    enrolled: set[str] = set()
    found = []
    for each in done:
        if each.action == Action.ENROL:
            enrolled.update(each.facts.get("faces", ()))
        elif each.action == Action.SEARCH and each.facts.get("probe_face") in enrolled:
            found.append(each)
    return found


_SIGNS = (
    _Sign("many-searches", "serious", "searches in short time", lambda d, _: _searches(d), lambda r: r.searches),
    _Sign(
        "bulk-compare",
        "serious",
        "comparisons in short time: a search by another name",
        lambda done, _: _searches(done, Action.COMPARE),
        lambda rules: rules.comparisons,
    ),
    _Sign(
        "bulk-associate",
        "serious",
        "associations in short time: their threshold tells who is like whom",
        lambda done, _: named(done, *_ASSOCIATIONS),
        lambda rules: rules.associations,
    ),
    _Sign(
        "bulk-list",
        "low",
        "pages of faces or users listed in short time",
        lambda done, _: named(done, *_LISTS),
        lambda rules: rules.lists,
    ),
    _Sign(
        "enrolled-to-search",
        "serious",
        "searches for faces that the same person had enrolled before: a search by image by another name",
        lambda done, _: _enrolled_to_search(done),
        lambda rules: rules.enrolled_and_searched,
    ),
    _Sign(
        "subject-access",
        "serious",
        "people looked for to tell what is kept of them, in short time: a search by another name",
        lambda done, _: named(done, *SUBJECT_LOOKS),
        lambda rules: rules.subjects,
    ),
    _Sign(
        "bulk-evaluate",
        "serious",
        "evaluations in short time: whoever makes up their tables learns whether two pictures match",
        lambda done, _: _searches(done, Action.EVALUATE),
        lambda rules: rules.evaluations,
    ),
    _Sign("low-thresholds", "low", "searches at a low threshold", _low, lambda rules: rules.low_thresholds),
    _Sign("thresholds-lowered", "serious", "changes of a threshold", _lowered, lambda _: 1),
    _Sign(
        "exports",
        "low",
        "exports",
        lambda done, _: _searches(done, Action.EXPORT),
        lambda _: 1,
    ),
    _Sign(
        "others-means",
        "low",
        "changes of what somebody else acts with: to act as two people, one only has to know two passwords",
        lambda done, _: _for_others(done),
        lambda _: 1,
    ),
    _Sign("at-night", "low", "searches outside of working hours", _at_night, lambda _: 1),
)


def _within(moment: datetime, hours: tuple[time, time]) -> bool:
    here, (start, end) = moment.astimezone().time(), hours
    return start <= here < end if start <= end else here >= start or here < end


def _signal(kind: str, who: str, found: Sequence[Deed], severity: str, words: str) -> Signal:
    return Signal(
        kind=kind,
        who=who,
        count=len(found),
        since=found[0].at,
        until=found[-1].at,
        severity=severity,
        description=f"{len(found):,} {words}",
    )
