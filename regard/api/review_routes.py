"""`/v1/reviews`: two pictures and a number, and an opinion in return. Nothing else of a case leaves by these routes."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from regard.accountability.reviews import TOLD_BY, ReviewerRates, Reviews
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Key
from regard.domain.authority import Action
from regard.domain.cases import Opinion
from regard.domain.comparisons import Judgement, Mark


class PairShown(BaseModel):
    """Two pictures of faces, as JPEG in base64, and the number to answer under."""

    number: int
    probe: str
    candidate: str


class NextPair(BaseModel):
    """`pair` is null if there is nothing for you to compare."""

    pair: PairShown | None


class Said(BaseModel):
    """An opinion: a mark for every component of the face, and the reason."""

    model_config = ConfigDict(extra="forbid")

    opinion: Opinion
    components: dict[str, Mark]
    reason: str


class Recorded(BaseModel):
    number: int


class RatesShown(BaseModel):
    """How a reviewer did with pairs whose answer is known."""

    person_id: str
    name: str
    login: str | None
    mates: int
    missed_mates: int
    nonmates: int
    false_matches: int
    inconclusive: int

    @classmethod
    def of(cls, each: ReviewerRates) -> RatesShown:
        return cls(
            person_id=each.reviewer_id,
            name=each.name,
            login=each.login,
            mates=each.mates,
            missed_mates=each.missed_mates,
            nonmates=each.nonmates,
            false_matches=each.false_matches,
            inconclusive=each.inconclusive,
        )


class OwnRates(BaseModel):
    """Your own, as they were before today, in steps of `told_by` pairs: told at once, they would give a pair away."""

    rates: RatesShown
    told_by: int


class AllRates(BaseModel):
    reviewers: list[RatesShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRoutes:
    reviews: Reviews

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute(
                "POST",
                "/reviews/next",
                self.next,
                action=Action.REVIEW,
                collection="collection",
                summary="Take the next pair",
            ),
            NativeRoute(
                "GET",
                "/reviews/rates",
                self.rates,
                action=Action.READ,
                summary="Show reviewers' errors on pairs whose answer is known",
            ),
            NativeRoute(
                "GET",
                "/me/reviews",
                self.own_rates,
                action=Action.READ,
                summary="Show your own errors on pairs whose answer is known",
            ),
            NativeRoute(
                "POST",
                "/reviews/{number}",
                self.decide,
                action=Action.REVIEW,
                collection="collection",
                summary="Give your opinion of a pair",
            ),
        )

    def next(self, call: Call, collection: str | None = None) -> NextPair:  # noqa: ARG002 - the gate reads it
        pair = self.reviews.next(call.grant)
        if pair is None:
            return NextPair(pair=None)
        probe, candidate = (base64.b64encode(each).decode() for each in (pair.probe, pair.candidate))
        return NextPair(pair=PairShown(number=pair.number, probe=probe, candidate=candidate))

    def decide(self, call: Call, number: Key, said: Said, collection: str | None = None) -> Recorded:  # noqa: ARG002 - the gate reads it
        judgement = Judgement(opinion=said.opinion, components=said.components, reason=said.reason)
        self.reviews.decide(call.grant, number, judgement)
        return Recorded(number=number)

    def rates(self, call: Call) -> AllRates:
        return AllRates(reviewers=[RatesShown.of(each) for each in self.reviews.rates(call.grant)])

    def own_rates(self, call: Call) -> OwnRates:
        return OwnRates(rates=RatesShown.of(self.reviews.own_rates(call.grant)), told_by=TOLD_BY)
