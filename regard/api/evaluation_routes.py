"""`/v1/evaluations`: error rates, measured by whoever wants to test the system independently, and those that were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from regard.api.evaluation_shapes import MeasuredShown
from regard.api.native_routes import Call, NativeRoute
from regard.domain.authority import Action
from regard.domain.evaluations import Evaluation
from regard.edge.body import LONGEST_BODY_BYTES
from regard.edge.turns import Lane
from regard.engine.bulk.picture_evaluation import LabelledPicture, PictureEvaluation, Question

_Label = Annotated[str, Field(min_length=1, max_length=255)]


class PictureOfSomebody(BaseModel):
    """A picture, JPEG or PNG in base64, whose it is, and the groups that you put them into."""

    model_config = ConfigDict(extra="forbid")

    image: Base64Bytes
    person: _Label
    labels: Annotated[dict[_Label, _Label], Field(max_length=20)] = {}


class ToEvaluate(BaseModel):
    """What to measure; as much as `regard evaluate` takes, and fewer pictures."""

    model_config = ConfigDict(extra="forbid")

    name: _Label
    collection: Annotated[str, Field(max_length=255)] | None = None
    gallery_size: Annotated[int, Field(ge=1, le=10**10)] | None = None
    thresholds: Annotated[list[Annotated[float, Field(ge=0, le=100)]], Field(max_length=20)] = []
    pictures: Annotated[list[PictureOfSomebody], Field(min_length=20, max_length=4096)]


class EvaluationShown(BaseModel):
    evaluation: MeasuredShown

    @classmethod
    def of(cls, found: Evaluation) -> EvaluationShown:
        return cls(evaluation=MeasuredShown.model_validate(found))


class EvaluationsShown(BaseModel):
    evaluations: list[MeasuredShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRoutes:
    evaluation: PictureEvaluation

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute("GET", "/evaluations", self.all, action=Action.READ, summary="List the evaluations"),
            NativeRoute("GET", "/evaluations/{evaluation_id}", self.show, action=Action.READ, summary="Show one"),
            NativeRoute(
                "POST",
                "/evaluations",
                self.measure,
                action=Action.EVALUATE,
                summary="Measure error rates on labelled pictures, of which nothing is kept",
                status=201,
                lane=Lane.MODEL,
                most_bytes=LONGEST_BODY_BYTES,
            ),
        )

    def all(self, call: Call) -> EvaluationsShown:
        return EvaluationsShown(
            evaluations=[MeasuredShown.model_validate(each) for each in self.evaluation.all(call.grant)]
        )

    def show(self, call: Call, evaluation_id: str) -> EvaluationShown:
        return EvaluationShown.of(self.evaluation.get(call.grant, evaluation_id))

    def measure(self, call: Call, asked: ToEvaluate) -> EvaluationShown:
        target = None if asked.collection is None else self.evaluation.collection(call.grant, asked.collection)
        pictures = [
            LabelledPicture(path="", person=each.person, labels=each.labels, content=each.image)
            for each in asked.pictures
        ]
        question = Question(
            name=asked.name, collection=target, gallery_size=asked.gallery_size, thresholds=asked.thresholds
        )
        return EvaluationShown.of(self.evaluation.measure_here(call.grant, question, pictures))
