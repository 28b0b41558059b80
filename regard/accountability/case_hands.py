"""Who could have been two of those who had a part in one case, as the ledger tells it: by what they gave others to sign
in with, or by the accounts that they made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from regard.accountability.hands import Hands, Part
from regard.accountability.recorded_deeds import Deed, change_by, named
from regard.domain.authority import Action

_APPROVALS = ("authorise approve", "POST /v1/authorisations/{authorisation_id}/approve")
#: Somebody who has acted for longer than this before they have a part in a case is taken to be who they say.
_NEW = timedelta(days=1)

#: By whom, the deeds that make it a sign, and what these are, in words.
Sign = tuple[str, Sequence[Deed], str]


def one_hand(done: Sequence[Deed]) -> Iterator[Sign]:
    """Those who set what two people act with who had a part in one case, or one where they had a part themselves."""
    changes = [(each, change) for each in done if (change := change_by(each)) is not None]
    if not changes:
        return
    added = {each.facts.get("person_added") for each in done}
    began = {each.who: each.at for each in reversed(done) if each.who in added}
    began |= {change.of: datetime.min.replace(tzinfo=UTC) for _, change in changes if change.of not in added}
    hands = Hands([change for _, change in changes], began)
    found: dict[str, list[str]] = {}
    for by, whom in _in_one_hand(done, hands):
        found.setdefault(by, whom)
    for by, whom in sorted(found.items()):
        theirs = [each for each, change in changes if change.by == by]
        words = f"changes of what {' and '.join(whom)} act with, by somebody who could so be two people in one case"
        yield by, theirs, words


def new_accounts(done: Sequence[Deed]) -> Iterator[Sign]:
    """Those who made the accounts of two people who had a part in one case within a day of their first act, or of one
    where they had a part themselves. So it is where people are made up; and where they have just been taken on."""
    made = {str(each.facts["person_added"]): each for each in done if _adds_another(each)}
    began = {each.who: each.at for each in reversed(done)} if made else {}
    found: dict[str, list[str]] = {}
    for parts in _parts(done).values() if made else ():
        whom: dict[str, set[str]] = defaultdict(set)
        for part in parts:
            if part.person in made and part.at - began[part.person] < _NEW:
                whom[made[part.person].who].add(part.person)
        themselves = {part.person for part in parts}
        for by, theirs in whom.items():
            if len(theirs) + (by in themselves) > 1:
                found.setdefault(by, sorted(theirs))
    for by, people in sorted(found.items()):
        words = f"accounts made, of which {' and '.join(people)} had a part in one case on their first day"
        yield by, [each for each in made.values() if each.who == by], words


def _adds_another(deed: Deed) -> bool:
    """Whether somebody was added by another: who is the first adds themself."""
    return deed.outcome == "allowed" and deed.facts.get("person_added") not in (None, deed.who)


def _in_one_hand(done: Sequence[Deed], hands: Hands) -> Iterator[tuple[str, list[str]]]:
    """By case, who could have been several of those who had a part in it, and as whom."""
    for parts in _parts(done).values():
        yield from hands.one(parts).items()


def _parts(done: Sequence[Deed]) -> dict[str, list[Part]]:
    """Who searched, approved and reviewed, by case, in the order of the cases' ids."""
    parts: dict[str, list[Part]] = defaultdict(list)
    under: dict[str, set[str]] = defaultdict(set)
    for each in done:
        case = each.facts.get("case")
        if case and each.action in (Action.SEARCH, Action.REVIEW) and each.outcome == "allowed":
            parts[case].append(_part(each))
            under[each.authorisation or ""].add(case)
    for each in named(done, *_APPROVALS):
        for case in under.get(str(each.facts.get("about_authorisation")), ()):
            parts[case].append(_part(each))
    return dict(sorted(parts.items()))


def _part(deed: Deed) -> Part:
    return Part(person=deed.who, at=deed.at, ids=frozenset({deed.who}))
