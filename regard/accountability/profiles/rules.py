"""What a profile can demand, as its TOML file says it. Every rule has its source beside it."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from regard.config.toml_tables import Table
from regard.domain.authorisations import AuthorisationKind
from regard.domain.authority import Action
from regard.domain.people import Role

Medium = Literal["still", "recorded", "live"]
#: TOML has lists, and names for what Python has as members of an enumeration.
Names = Annotated[tuple[str, ...], Field(strict=False)]
Kinds = Annotated[tuple[Annotated[AuthorisationKind, Field(strict=False)], ...], Field(strict=False)]
Actions = Annotated[tuple[Annotated[Action, Field(strict=False)], ...], Field(strict=False)]
Roles = Annotated[tuple[Annotated[Role, Field(strict=False)], ...], Field(strict=False)]
Media = Annotated[tuple[Medium, ...], Field(strict=False)]
Days = Annotated[float, Field(gt=0)]
Hours = Annotated[float, Field(gt=0)]


class Source(Table, frozen=True):
    """Where a rule comes from. `mark` says how it was read: V the text itself, V2 a report about it, M from memory."""

    text: str
    address: str = ""
    read_on: date | None = None
    applies_from: date | None = None
    mark: Literal["V", "V2", "M"]


class AuthorisationRules(Table, frozen=True):
    """What needs an authorisation, and what one may be."""

    #: The actions that need one; with none, nobody needs any.
    actions: Actions = ()
    kinds: Kinds = tuple(AuthorisationKind)
    #: The purposes there are; with none, any.
    purposes: Names = ()
    #: Refused whatever else allows them.
    forbidden_purposes: Names = ()
    offence: bool = False
    document: bool = False
    #: The requester must declare that no protected activity is the reason, or what suspicion there is.
    declaration: bool = False
    longest_days: Days = 365.0
    most_searches: int | None = None
    #: How soon an emergency must be confirmed; None where there are none.
    emergency_hours: Hours | None = None


class ReviewRules(Table, frozen=True):
    """How candidates are reviewed before anybody is told who they are."""

    #: How many must agree, each without knowing of the others; 0 where nothing is reviewed.
    agreements: Annotated[int, Field(ge=0)] = 0
    #: Candidates leave with the threshold instead of their similarity.
    hide_scores: bool = False
    #: Of a hundred comparisons, how many are seeded with a known mate, and with a known other person.
    seeded_mates: Annotated[int, Field(ge=0, le=50)] = 0
    seeded_nonmates: Annotated[int, Field(ge=0, le=50)] = 0
    #: How much else must support an identification before anybody may act on it.
    corroborations: Annotated[int, Field(ge=0)] = 0


class RetentionRules(Table, frozen=True):
    """How long what is kept; None is until somebody deletes it."""

    faces_days: Days | None = None
    #: Since a face was last enrolled, matched or looked at by its owner.
    faces_unused_days: Days | None = None
    #: Of a watch-list, after its deployment has ended.
    watchlist_hours: Hours | None = None
    #: Candidates who were not who was searched for.
    false_candidates_days: Days | None = None
    cases_days: Days | None = None
    #: What jobs found, after they have ended; seven days where no profile says less.
    jobs_days: Days | None = None
    #: The least and the most for what the ledger's entries say.
    ledger_least_days: Days | None = None
    ledger_days: Days | None = None


class Rules(Table, frozen=True):
    """A profile."""

    name: str
    version: Annotated[int, Field(ge=1)]
    title: str
    description: str
    #: All profiles that this one is stricter than: a collection may move from those to this.
    stricter_than: Names = ()
    #: Laid over another, which it tightens; it cannot be chosen alone.
    overlay: bool = False
    #: Nobody may do anything.
    closed: bool = False
    ledger: bool = False
    #: Every act is a person's or a service's, who holds a role for it.
    people: bool = False
    #: Whether age, gender and emotion may be asked for.
    attributes: bool = True
    untold_attributes: bool = True
    #: Whether a collection may leave as a file.
    export: bool = True
    #: In how many seconds what was deleted is gone from the disk; 0 is before the deletion is acknowledged.
    erase_seconds: Annotated[float, Field(ge=0)] = 60.0
    #: The lowest similarity that may be searched at; also what is taken if a client names none.
    least_threshold: Annotated[float, Field(ge=0, le=100)] = 0.0
    #: A searched picture must show one face.
    one_face: bool = False
    #: The lowest utility (0 to 100) of a face that may be searched for without a second person's word.
    least_probe_utility: Annotated[float, Field(ge=0, le=100)] = 0.0
    media: Media = ("still", "recorded", "live")
    #: Whether a telephone may be used to search.
    phones: bool = True
    #: Roles that need a training which has not expired.
    trained: Roles = ()
    #: The reference of an assessment (DPIA, FRIA) must be in the settings before anybody may search.
    assessment: bool = False
    #: Every enrolled face needs a basis; with `consent`, a written release.
    enrolment_basis: bool = False
    consent: bool = False
    #: The largest watch-list.
    most_faces: int | None = None
    #: Counts below this are not published.
    suppress_below: Annotated[int, Field(ge=0)] = 5
    #: Hours until recipients of an incident must be told.
    incident_hours: Hours = 72.0
    authorisation: AuthorisationRules = AuthorisationRules()
    review: ReviewRules = ReviewRules()
    retention: RetentionRules = RetentionRules()
    #: By the rule's name ("review.agreements"); "" for the profile as a whole. A file may give a text once, in
    #: `texts`, and name it here for each rule that comes from it.
    sources: dict[str, Source] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _cited(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "texts" not in data:
            return data
        texts, sources = data["texts"], data.get("sources", {})
        lost = sorted({each for each in sources.values() if isinstance(each, str)} - set(texts))
        if lost:
            raise ValueError(f"sources names the text {lost[0]}, which is not in texts")
        cited = {rule: texts[each] if isinstance(each, str) else each for rule, each in sources.items()}
        return {name: value for name, value in data.items() if name != "texts"} | {"sources": cited}

    @model_validator(mode="after")
    def _sourced(self) -> Rules:
        known = set(_names(Rules))
        strange = [name for name in self.sources if name and name not in known]
        if strange:
            raise ValueError(f"sources names {strange[0]}, which is no rule; here are {', '.join(sorted(known))}")
        return self

    def __hash__(self) -> int:
        return hash(self.sha256)

    @cached_property
    def limiting(self) -> bool:
        """Whether it limits what anybody may ask for, whoever they are."""
        lax = self.attributes and self.export and self.phones and not self.assessment and not self.least_threshold
        return not lax or set(self.media) != set(get_args(Medium))

    @cached_property
    def content(self) -> dict[str, Any]:
        """All that it says, in the types of JSON."""
        return self.model_dump(mode="json")

    @cached_property
    def sha256(self) -> str:
        """What this text of the profile is known by."""
        text = json.dumps(self.content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def changed(self, **rules: object) -> Rules:
        """Another profile, with these rules instead of its own."""
        own = {name: getattr(self, name) for name in type(self).model_fields}
        return Rules(**own | rules)


def _names(table: type[Table], before: str = "") -> list[str]:
    """Every rule by its dotted name."""
    found: list[str] = []
    for name, field in table.model_fields.items():
        kind: object = field.annotation
        if isinstance(kind, type) and issubclass(kind, Table):
            found += _names(kind, f"{before}{name}.")
        else:
            found.append(before + name)
    return found
