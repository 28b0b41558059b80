from __future__ import annotations

from typing import Any

import pytest
from all_operations import Operations
from people import astronaut, encoded
from toy_gallery import House, unit_rows

from regard.domain.authority import Act, Action
from regard.operations.acts import ACTS, acts_over
from regard.wire.schema import load

ARN = "arn:aws:rekognition:us-east-1:000000000000:collection/staff"
#: What each operation is where a client says no more than it must: threshold and count are Rekognition's defaults.
USUAL: dict[str, tuple[Action, float | None, int | None]] = {
    "AssociateFaces": (Action.ENROL, 75, None),
    "CompareFaces": (Action.COMPARE, 80, None),
    "CreateCollection": (Action.ADMINISTER, None, None),
    "CreateUser": (Action.ENROL, None, None),
    "DeleteCollection": (Action.DELETE, None, None),
    "DeleteFaces": (Action.DELETE, None, None),
    "DeleteUser": (Action.DELETE, None, None),
    "DescribeCollection": (Action.READ, None, None),
    "DetectFaces": (Action.DETECT, None, None),
    "DetectLabels": (Action.DETECT, 55, 1000),
    "DetectProtectiveEquipment": (Action.DETECT, None, None),
    "DetectModerationLabels": (Action.DETECT, None, None),
    "DetectText": (Action.DETECT, None, None),
    "DisassociateFaces": (Action.ENROL, None, None),
    "GetCelebrityInfo": (Action.READ, None, None),
    "GetCelebrityRecognition": (Action.READ, None, None),
    "GetContentModeration": (Action.READ, None, None),
    "GetFaceDetection": (Action.READ, None, None),
    "GetFaceSearch": (Action.READ, None, None),
    "GetLabelDetection": (Action.READ, None, None),
    "GetMediaAnalysisJob": (Action.READ, None, None),
    "GetPersonTracking": (Action.READ, None, None),
    "GetSegmentDetection": (Action.READ, None, None),
    "GetTextDetection": (Action.READ, None, None),
    "IndexFaces": (Action.ENROL, None, 100),
    "ListCollections": (Action.READ, None, None),
    "ListFaces": (Action.READ, None, None),
    "ListMediaAnalysisJobs": (Action.READ, None, None),
    "ListTagsForResource": (Action.READ, None, None),
    "ListUsers": (Action.READ, None, None),
    "RecognizeCelebrities": (Action.SEARCH, None, None),
    "SearchFaces": (Action.SEARCH, 80, 4096),
    "SearchFacesByImage": (Action.SEARCH, 80, 4096),
    "SearchUsers": (Action.SEARCH, 80, 500),
    "SearchUsersByImage": (Action.SEARCH, 80, 500),
    "StartCelebrityRecognition": (Action.SEARCH, None, None),
    "StartContentModeration": (Action.DETECT, None, None),
    "StartFaceDetection": (Action.DETECT, None, None),
    "StartFaceSearch": (Action.SEARCH, 80, None),
    "StartLabelDetection": (Action.DETECT, None, None),
    "StartMediaAnalysisJob": (Action.DETECT, None, None),
    "StartPersonTracking": (Action.SEARCH, 0, None),
    "StartSegmentDetection": (Action.DETECT, None, None),
    "StartTextDetection": (Action.DETECT, None, None),
    "TagResource": (Action.ADMINISTER, None, None),
    "UntagResource": (Action.ADMINISTER, None, None),
}


def act(operation: str, **request: Any) -> Act:
    return ACTS[operation].act(operation, request)


def test_every_operation_has_its_action_and_rekognitions_defaults() -> None:
    found = {name: (each.action, each.threshold, each.count) for name in ACTS if (each := act(name))}
    assert found == USUAL


@pytest.mark.parametrize("operation", ACTS)
def test_an_operation_without_more_said_is_about_no_collection_and_the_usual_attributes(operation: str) -> None:
    usual = ("DEFAULT",) if operation in ("DetectFaces", "IndexFaces", "StartFaceDetection") else ()
    found = act(operation)
    assert (found.operation, found.collection, found.attributes) == (operation, None, usual)


@pytest.mark.parametrize(
    ("operation", "threshold", "count"),
    [
        ("SearchFaces", "FaceMatchThreshold", "MaxFaces"),
        ("SearchFacesByImage", "FaceMatchThreshold", "MaxFaces"),
        ("SearchUsers", "UserMatchThreshold", "MaxUsers"),
        ("SearchUsersByImage", "UserMatchThreshold", "MaxUsers"),
        ("AssociateFaces", "UserMatchThreshold", None),
        ("CompareFaces", "SimilarityThreshold", None),
        ("IndexFaces", None, "MaxFaces"),
    ],
)
def test_what_a_client_says_counts_also_when_it_is_nothing(
    operation: str, threshold: str | None, count: str | None
) -> None:
    for said in (0, 7):
        found = act(operation, **{name: said for name in (threshold, count) if name})
        assert (found.threshold, found.count) == (said if threshold else None, said if count else None)


@pytest.mark.parametrize(
    ("operation", "member"), [("DetectFaces", "Attributes"), ("IndexFaces", "DetectionAttributes")]
)
def test_the_attributes_asked_for_are_part_of_the_act(operation: str, member: str) -> None:
    assert act(operation, **{member: ["AGE_RANGE", "GENDER"]}).attributes == ("AGE_RANGE", "GENDER")


@pytest.mark.parametrize("operation", ACTS)
def test_the_collection_is_the_one_that_the_input_names(operation: str) -> None:
    members = load().operations[operation].input.members
    if "CollectionId" in members:
        assert act(operation, CollectionId="staff").collection == "staff"
    if "ResourceArn" in members:
        assert act(operation, ResourceArn=ARN).collection == "staff"
        assert act(operation, ResourceArn="arn:aws:s3:::bucket").collection is None
    about_none = {
        *("CompareFaces", "DetectFaces", "DetectLabels", "DetectModerationLabels", "DetectProtectiveEquipment"),
        *("DetectText", "GetCelebrityInfo", "ListCollections", "RecognizeCelebrities", "ListMediaAnalysisJobs"),
        *(name for name in ACTS if name.startswith(("Start", "Get")) and name != "StartFaceSearch"),
    }
    assert (operation in about_none) == (not {"CollectionId", "ResourceArn"} & set(members))


@pytest.mark.parametrize("request_", [{}, {"CollectionId": "elsewhere"}])
def test_celebrities_are_of_the_settings_collection_at_the_settings_threshold(request_: dict[str, str]) -> None:
    acts = acts_over("stars", 92.5)
    for operation in ("RecognizeCelebrities", "StartCelebrityRecognition"):
        found = acts[operation].act(operation, request_)
        assert (found.action, found.collection) == (Action.SEARCH, "stars")
        assert (found.threshold, found.threshold_implied) == (92.5, True)  # a profile's higher one takes its place
    info = acts["GetCelebrityInfo"].act("GetCelebrityInfo", request_)
    assert (info.action, info.collection, info.threshold) == (Action.READ, "stars", None)
    assert {name: each for name, each in acts.items() if "Celebrit" not in name} == {
        name: each for name, each in ACTS.items() if "Celebrit" not in name
    }


@pytest.mark.parametrize("operation", ACTS)
def test_what_a_rule_reads_is_in_the_service_model(operation: str) -> None:
    rule, members = ACTS[operation], load().operations[operation].input.members
    read = {
        name for name in (rule.threshold and rule.threshold[0], rule.count and rule.count[0], rule.attributes) if name
    }
    assert read <= set(members)
    limits = {"FaceMatchThreshold", "UserMatchThreshold", "SimilarityThreshold", "MaxFaces", "MaxUsers"}
    assert read >= limits & set(members)


def test_one_attribute_counts_as_a_list_of_it() -> None:
    assert act("StartFaceDetection", FaceAttributes="ALL").attributes == ("ALL",)


@pytest.mark.parametrize("operation", ACTS)
def test_what_looks_at_a_recording_says_so(operation: str) -> None:
    recorded = operation.startswith("Start") and operation != "StartMediaAnalysisJob"
    assert act(operation).medium == ("recorded" if recorded else "still")


@pytest.mark.slow
def test_a_search_without_a_threshold_finds_what_reaches_80_and_with_0_everything(
    operations: Operations, house: House
) -> None:
    picture = {"Bytes": encoded(astronaut(), "PNG")}
    house.enrol(house.collection(), unit_rows(3))
    operations.ask("IndexFaces", {"CollectionId": "staff", "Image": picture})

    def similarities(**said: float) -> list[float]:
        answer = operations.ask("SearchFacesByImage", {"CollectionId": "staff", "Image": picture, **said}).members
        return [match["Similarity"] for match in answer["FaceMatches"]]

    assert similarities() == [pytest.approx(100, abs=0.01)]
    everything = similarities(FaceMatchThreshold=0)
    assert len(everything) == 4
    assert max(everything[1:]) < 80
    assert similarities(FaceMatchThreshold=0, MaxFaces=2) == everything[:2]
