"""The choice of the installation's profile by its first administrator, in a browser: once, and before there are faces.

A profile is a setting, which a server reads when it starts. So the choice is written where settings stand, and the
server begins once more under it. Whatever comes later is changed by whoever can write the settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from regard.accountability.enrolments_door import EnrolmentsDoor
from regard.accountability.gate import Grant
from regard.accountability.ledger.entry import Record
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.people import People
from regard.accountability.plain_words import check_words
from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.profiles.rules import Rules
from regard.domain.authority import Action
from regard.domain.people import Role
from regard.errors import Conflict, InvalidParameter
from regard.store.profile_rows import ProfileRows

#: What an administrator gets who also wants to search, where no profile keeps the two apart.
_SEARCHING = frozenset({Role.ENROLLER, Role.SEARCHER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What came of the choice: whether the server begins again now, and which roles administrators lost, by who."""

    begins_again: bool
    withdrawn: Mapping[str, Sequence[str]]


class ProfileChoice:
    """Takes the choice, and writes it into the database, where every process on it looks. `fixed` says in words why
    there is none any more, `keep` writes profile and assessment into the settings. Safe to share between threads."""

    def __init__(
        self,
        people: People,
        profiles: ProfileRows,
        enrolments: EnrolmentsDoor,
        ledger: Ledger,
        fixed: Callable[[], str | None],
        keep: Callable[[str, str | None], None],
    ) -> None:
        """`ledger` is the one that begins with the choice, where no rule asked for one so far."""
        self._people = people
        self._profiles = profiles
        self._enrolments = enrolments
        self._ledger = ledger
        self._fixed = fixed
        self._keep = keep
        self._lock = Lock()
        #: Has the server begin once more; None where nothing can, and whoever started it has to.
        self.begin_again: Callable[[], None] | None = None

    def fixed(self, grant: Grant) -> str | None:
        """Why the profile cannot be chosen here; None if it can."""
        grant.require(Action.READ)
        return self._fixed()

    def choose(self, grant: Grant, name: str, *, assessment: str | None = None, searches: bool = False) -> Chosen:
        """Make it the installation's profile; `searches` also lets whoever asks enrol and search.

        From then on nobody enrols under the rules before. Raises AccessDenied for whoever is no administrator, Conflict
        if there is no choice any more or somebody enrols, InvalidParameter for a profile there is not, or one that does
        not go with the rest.
        """
        grant.require(Action.ADMINISTER)
        self._people.check_administrator(grant)
        rules = _checked(name, assessment, searches)
        with self._lock, self._enrolments.shut_unless_undone():
            withdrawn = self._taken(grant, rules, assessment, searches)
        if rules.name == grant.base.name:
            self._enrolments.open()
            return Chosen(begins_again=False, withdrawn=withdrawn)
        if self.begin_again is not None:
            self.begin_again()
        return Chosen(begins_again=self.begin_again is not None, withdrawn=withdrawn)

    def _taken(self, grant: Grant, rules: Rules, assessment: str | None, searches: bool) -> Mapping[str, Sequence[str]]:
        """All of it or nothing: the settings are written last, and the rest is undone if they cannot be."""
        with self._people.database.write() as transaction:
            if reason := self._fixed():
                raise Conflict(reason)
            if searches:
                self._let_search(grant)
            withdrawn = self._people.part(grant) if rules.people else {}
            grant.note(profile_chosen=rules.name)
            if rules.ledger and not grant.recorded:
                record = Record(grant.caller, grant.act, grant.base.name)
                record.note({"profile_chosen": rules.name, "withdrawn_from": sorted(withdrawn)})
                self._ledger.write(transaction, [record])
            self._profiles.install(rules.name, rules.version, datetime.now(UTC), chosen=True)
            self._keep(rules.name, assessment)
        return withdrawn

    def _let_search(self, grant: Grant) -> None:
        person = grant.caller.principal.holder_id
        if person is None:
            raise InvalidParameter("Only somebody who has signed in can be given the role to search.")
        self._people.grant(grant, person, _SEARCHING)


def _checked(name: str, assessment: str | None, searches: bool) -> Rules:
    rules = PROFILES.get(name)
    if rules is None or rules.closed:
        offered = ", ".join(sorted(each.name for each in PROFILES.values() if not each.closed))
        raise InvalidParameter(f"There is no profile {name} to choose. These are: {offered}.")
    if assessment is not None:
        check_words("the reference of the assessment", assessment)
    if searches and rules.people:
        raise InvalidParameter(
            f"Under the profile {name} nobody lets themself search: add the people who do, and give them that role."
        )
    return rules
