"""What reports say of the installation itself: who runs it, what for, with which models, under which rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from regard.accountability.profiles.rules import AuthorisationRules, Rules, Source
from regard.accountability.reports.report import Facts, Listing

#: A rule's name, what it demands (nothing: it does not), and that in words.
Demand = tuple[str, object, str]
_UNSAID = "Not said yet: the setting accountability.{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """A model, as its card has it."""

    name: str
    version: str
    task: str
    licence: str
    provenance: str
    sha256: str
    dimension: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The installation, as reports name it; `face_model` is that of new collections. What the operator says of it is in
    the settings: "" where they did not."""

    version: str
    agency: str
    contact: str
    purpose: str
    decision: str
    assessment: str
    rules: Rules
    models: Sequence[ModelFacts]
    face_model: str

    def under(self, rules: Rules) -> System:
        """The same, under other rules."""
        return replace(self, rules=rules)

    @property
    def named(self) -> str:
        return self.agency or "The operator of this installation"

    @property
    def title(self) -> str:
        """The profile, and what is laid over it."""
        return f"{self.rules.title} ({self.rules.name}, version {self.rules.version})"


def said(text: str, setting: str) -> str:
    """What the operator says, or that they do not."""
    return text or _UNSAID.format(setting)


def product(system: System) -> Facts:
    """The name, the maker and the versions."""
    return Facts(
        [
            ("Name", "Regard"),
            ("Maker", "The Regard project: open source under the Apache licence 2.0, whose source anybody can examine"),
            ("Version", system.version),
            ("Run by", system.named),
            ("Face model of new collections", system.face_model),
            ("Profile", f"{system.title}, SHA-256 {system.rules.sha256}"),
        ]
    )


def models(system: System) -> Listing:
    return Listing(
        "The models, each known by the SHA-256 of its file",
        ("Model", "Task", "Licence", "Where it comes from, and its SHA-256"),
        [
            (each.version, each.task.replace("-", " "), each.licence, f"{each.provenance} {each.sha256}")
            for each in system.models
        ],
    )


def rules_listing(rules: Rules, where: str = "The rules in force, each with its source") -> Listing:
    """What the profile demands, with the source of each rule."""
    return Listing(
        where,
        ("Rule", "Demands", "Source"),
        [(name, value, _cited(rules.sources.get(name) or rules.sources.get(""))) for name, value in demands(rules)],
        "This profile demands nothing: whoever has a key may do everything.",
    )


def demands(rules: Rules) -> Iterator[tuple[str, str]]:
    """Each rule that demands something, in words; by its name in the profile's file."""
    said = [*_of_use(rules), *_of_authorisations(rules.authorisation), *_of_results(rules)]
    return ((name, words) for name, demanded, words in said if demanded)


def _of_use(rules: Rules) -> list[Demand]:
    return [
        ("closed", rules.closed, "nobody may do anything"),
        ("ledger", rules.ledger, "every act is an entry in a ledger that cannot be changed unnoticed"),
        ("people", rules.people, "every act is a person's or a service's who holds a role for it"),
        ("attributes", not rules.attributes, "no age, gender or emotion is guessed"),
        ("export", not rules.export, "no collection leaves as a file"),
        ("least_threshold", rules.least_threshold, f"searches at a similarity of {rules.least_threshold:g} or more"),
        ("one_face", rules.one_face, "a searched picture shows one face"),
        (
            "least_probe_utility",
            rules.least_probe_utility,
            f"below a utility of {rules.least_probe_utility:g} a searched face needs a second person's word",
        ),
        ("media", len(rules.media) < len(_MEDIA), f"media: {', '.join(rules.media) or 'none'}"),
        ("phones", not rules.phones, "no search by telephone"),
        ("trained", rules.trained, f"a training that has not expired, as {', '.join(rules.trained)}"),
        ("assessment", rules.assessment, "an assessment (DPIA, FRIA) before anybody may search"),
        ("enrolment_basis", rules.enrolment_basis, "a basis for every enrolled face"),
        ("consent", rules.consent, "a written release of everybody who is enrolled"),
        ("most_faces", rules.most_faces, f"at most {rules.most_faces or 0:,} faces in a watch-list"),
        ("incident_hours", rules.ledger, f"incidents are told within {rules.incident_hours:g} hours"),
    ]


def _of_authorisations(authorisation: AuthorisationRules) -> list[Demand]:
    return [
        (
            "authorisation.actions",
            authorisation.actions,
            f"an authorisation, approved by another person, to {', '.join(authorisation.actions)}",
        ),
        ("authorisation.purposes", authorisation.purposes, f"purposes: {', '.join(authorisation.purposes)}"),
        (
            "authorisation.forbidden_purposes",
            authorisation.forbidden_purposes,
            f"never for: {', '.join(authorisation.forbidden_purposes)}",
        ),
        ("authorisation.offence", authorisation.offence, "an authorisation names the offence"),
        ("authorisation.document", authorisation.document, "an authorisation names its document"),
        (
            "authorisation.declaration",
            authorisation.declaration,
            "the requester declares that no protected activity is the reason",
        ),
        (
            "authorisation.longest_days",
            authorisation.actions,
            f"an authorisation lasts at most {authorisation.longest_days:g} days",
        ),
        (
            "authorisation.emergency_hours",
            authorisation.emergency_hours,
            f"an emergency is confirmed within {authorisation.emergency_hours or 0:g} hours, or what came of it goes",
        ),
    ]


def _of_results(rules: Rules) -> list[Demand]:
    review, kept = rules.review, rules.retention
    return [
        ("review.agreements", review.agreements, f"{review.agreements} people agree, each without knowing of others"),
        ("review.hide_scores", review.hide_scores, "no score is shown to whoever searches"),
        ("review.corroborations", review.corroborations, f"{review.corroborations} independent support before acting"),
        ("retention.faces_days", kept.faces_days, f"faces are kept for at most {kept.faces_days or 0:g} days"),
        (
            "retention.faces_unused_days",
            kept.faces_unused_days,
            f"faces go {kept.faces_unused_days or 0:g} days after they were last used",
        ),
        (
            "retention.watchlist_hours",
            kept.watchlist_hours,
            f"a watch-list goes {kept.watchlist_hours or 0:g} hours after its deployment",
        ),
        (
            "retention.false_candidates_days",
            kept.false_candidates_days,
            f"false candidates go after {kept.false_candidates_days or 0:g} days",
        ),
        ("retention.cases_days", kept.cases_days, f"cases go after {kept.cases_days or 0:g} days"),
        (
            "retention.ledger_least_days",
            kept.ledger_least_days,
            f"the record is kept for at least {kept.ledger_least_days or 0:g} days",
        ),
    ]


_MEDIA = ("still", "recorded", "live")


def _cited(source: Source | None) -> str:
    if source is None:
        return "–"
    how = {"V": "", "V2": " (read in a report about it)", "M": " (from memory, to be checked)"}[source.mark]
    when = "" if source.read_on is None else f", read {source.read_on}"
    since = "" if source.applies_from is None else f", applies from {source.applies_from}"
    address = f" {source.address}" if source.address else ""
    return f"{source.text}{how}{when}{since}.{address}"
