from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import pytest
from all_operations import Operations
from toy_gallery import House

from regard.accountability.gate import Gate, Grant
from regard.accountability.profiles.catalogue import CLOSED, OPEN
from regard.accountability.profiles.rules import Rules
from regard.accountability.standing import Standing
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.results import Result
from regard.errors import AccessDenied, IdempotentParameterMismatch
from regard.operations import registry
from regard.operations.acts import ACTS
from regard.operations.call import Call, LookFirst, Operation
from regard.operations.idempotency import Idempotency
from regard.operations.registry import Handler
from regard.store.idempotency_rows import IdempotencyRows
from regard.store.suspension_rows import SuspensionRows
from regard.wire.schema import load

ISSUED = {
    "AssociateFaces",
    "CompareFaces",
    "CreateCollection",
    "CreateUser",
    "DeleteCollection",
    "DeleteFaces",
    "DeleteUser",
    "DescribeCollection",
    "DetectFaces",
    "DetectLabels",
    "DetectModerationLabels",
    "DetectProtectiveEquipment",
    "DetectText",
    "DisassociateFaces",
    "GetCelebrityInfo",
    "GetCelebrityRecognition",
    "GetContentModeration",
    "GetFaceDetection",
    "GetFaceSearch",
    "GetLabelDetection",
    "GetMediaAnalysisJob",
    "GetPersonTracking",
    "GetSegmentDetection",
    "GetTextDetection",
    "IndexFaces",
    "ListCollections",
    "ListFaces",
    "ListMediaAnalysisJobs",
    "ListTagsForResource",
    "ListUsers",
    "RecognizeCelebrities",
    "SearchFaces",
    "SearchFacesByImage",
    "SearchUsers",
    "SearchUsersByImage",
    "StartCelebrityRecognition",
    "StartContentModeration",
    "StartFaceDetection",
    "StartFaceSearch",
    "StartLabelDetection",
    "StartMediaAnalysisJob",
    "StartPersonTracking",
    "StartSegmentDetection",
    "StartTextDetection",
    "TagResource",
    "UntagResource",
}
CALLER = Principal(access_key_id="k", name="ada")


@dataclass
class Echo:
    """A family of one operation, which keeps its calls."""

    calls: list[Call[dict[str, object]]] = field(default_factory=list)

    def operations(self) -> dict[str, Operation]:
        return {"CreateUser": self.create_user}

    def create_user(self, call: Call[dict[str, object]]) -> Result:
        call.grant.require(Action.ENROL, "staff")
        self.calls.append(call)
        return Result(members={"calls": len(self.calls)})


def handler(house: House, echo: Echo, profile: Rules = OPEN) -> Handler:
    idempotency = Idempotency(IdempotencyRows(house.database), lambda: datetime.now(UTC))
    return registry.handlers([echo], gate=Gate(profile), idempotency=idempotency)["CreateUser"]


# -- the operations there are ----------------------------------------------------------------------------------------


def test_every_operation_is_one_of_the_service_models_and_passes_the_gate(operations: Operations) -> None:
    assert set(operations.under(OPEN)) == set(ACTS) == ISSUED
    assert set(load().operations) >= ISSUED


def test_an_operation_is_the_function_of_its_name_and_of_one_family(operations: Operations) -> None:
    named = [pair for family in operations.families for pair in family.operations().items()]
    assert len(named) == len(ISSUED)
    for name, operation in named:
        plain = operation.look if isinstance(operation, LookFirst) else operation
        if not isinstance(plain, partial):  # of a table, whose rows have the names
            assert plain.__name__.replace("_", "") == name.lower()


def test_an_operation_that_the_gate_has_no_rule_for_is_not_provided(house: House) -> None:
    class Stray:
        def operations(self) -> dict[str, Operation]:
            return {"DropEverything": lambda _: Result(members={})}

    idempotency = Idempotency(IdempotencyRows(house.database), lambda: datetime.now(UTC))
    with pytest.raises(KeyError, match="DropEverything"):
        registry.handlers([Stray()], gate=Gate(OPEN), idempotency=idempotency)


def test_those_that_take_a_token_are_quick_or_look_before_they_write_and_may_refuse_it(operations: Operations) -> None:
    """They run in a transaction that keeps every other writer waiting, so none of them may run a model."""
    model = load().operations
    with_token = {name for name in ACTS if "ClientRequestToken" in model[name].input.members}
    every = [pair for family in operations.families for pair in family.operations().items()]
    looking = {name for name, operation in every if isinstance(operation, LookFirst)}
    assert looking == {name for name in ACTS if name.startswith("Start")}
    assert with_token - looking == {"AssociateFaces", "CreateUser", "DeleteUser", "DisassociateFaces"}
    for name in with_token:
        assert IdempotentParameterMismatch.code in model[name].errors


# -- a call ----------------------------------------------------------------------------------------------------------


def test_an_operation_gets_the_grant_of_its_caller_with_the_request(house: House) -> None:
    echo = Echo()
    request = {"CollectionId": "staff", "UserId": "eve"}
    assert handler(house, echo)(CALLER, request, "r1") == Result(members={"calls": 1})
    (call,) = echo.calls
    assert (call.request, call.request_id) == (request, "r1")
    assert call.grant.caller == Caller(principal=CALLER, channel=Channel.AWS, request_id="r1")
    assert call.grant.act == Act(action=Action.ENROL, operation="CreateUser", collection="staff")


def test_a_grant_ends_with_the_call(house: House) -> None:
    echo = Echo()
    handler(house, echo)(CALLER, {"CollectionId": "staff"}, "r1")
    grant: Grant = echo.calls[0].grant
    with pytest.raises(RuntimeError, match="has ended"):
        grant.require(Action.ENROL, "staff")


def test_a_token_is_performed_once(house: House) -> None:
    echo = Echo()
    handle, request = handler(house, echo), {"CollectionId": "staff", "UserId": "ada"}
    assert handle(CALLER, request, "r1") == Result(members={"calls": 1})
    for request_id in ("r2", "r3"):
        again = handle(CALLER, request | {"ClientRequestToken": "t"}, request_id)
        assert again == Result(members={"calls": 2})
    assert [call.request for call in echo.calls] == [request, request | {"ClientRequestToken": "t"}]
    assert [call.request_id for call in echo.calls] == ["r1", "r2"]


def test_what_the_gate_refuses_is_neither_performed_nor_answered_from_memory(house: House) -> None:
    echo = Echo()
    request = {"CollectionId": "staff", "UserId": "ada", "ClientRequestToken": "t"}
    refused = handler(house, echo, CLOSED)
    with pytest.raises(AccessDenied, match="this installation is closed"):
        refused(CALLER, request, "r1")
    assert echo.calls == []
    assert handler(house, echo)(CALLER, request, "r2") == Result(members={"calls": 1})
    with pytest.raises(AccessDenied):
        refused(CALLER, request, "r3")


def test_a_refused_operation_changes_nothing_and_others_go_on(operations: Operations, house: House) -> None:
    staff = house.collection()
    handle = operations.under(OPEN, Standing(lambda: nullcontext(house.database)))
    SuspensionRows(house.database).begin("collection", "staff", "a reason", None, datetime.now(UTC))
    with pytest.raises(AccessDenied):
        handle["IndexFaces"](CALLER, {"CollectionId": "staff", "Image": {"Bytes": b"any"}}, "r1")
    assert handle["DescribeCollection"](CALLER, {"CollectionId": "staff"}, "r2").members["FaceCount"] == 0
    assert house.size(staff) == 0


# -- those that look first -------------------------------------------------------------------------------------------


@dataclass
class Looking:
    """A family of one operation in two steps, which notes in which it was and whether a transaction was open."""

    house: House
    steps: list[str] = field(default_factory=list)

    def operations(self) -> dict[str, Operation]:
        return {"StartFaceDetection": LookFirst(self.look)}

    def look(self, call: Call[dict[str, object]]) -> Callable[[], Result]:
        self.note("looked")
        return lambda: self.act(call)

    def act(self, call: Call[dict[str, object]]) -> Result:
        self.note("acted")
        return Result(members={"JobId": f"job {len(self.steps)}"})

    def note(self, step: str) -> None:
        written: list[str] = []
        self.house.database.afterwards(lambda: written.append("at once"))
        self.steps.append(f"{step} {'outside' if written else 'inside'}")


def test_what_looks_first_has_no_transaction_open_and_is_not_asked_to_look_again(house: House) -> None:
    looking = Looking(house)
    idempotency = Idempotency(IdempotencyRows(house.database), lambda: datetime.now(UTC))
    handle = registry.handlers([looking], gate=Gate(OPEN), idempotency=idempotency)["StartFaceDetection"]
    request = {"Video": {"S3Object": {"Bucket": "b", "Name": "n"}}, "ClientRequestToken": "t"}
    first = handle(CALLER, request, "r1")
    assert looking.steps == ["looked outside", "acted inside"]
    assert handle(CALLER, request, "r2") == first
    assert looking.steps == ["looked outside", "acted inside"]
    with pytest.raises(IdempotentParameterMismatch):
        handle(CALLER, request | {"JobTag": "x"}, "r3")
    assert len(looking.steps) == 2
    assert handle(CALLER, {"Video": request["Video"]}, "r4") == Result(members={"JobId": "job 4"})
