"""The judge judged: every way to break the service's word is seen."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from .caller import JSON, NOBODY, Answer
from .conformity import faults
from .strategies import Edit, Request

LISTING = Request("ListFaces", {"CollectionId": "a"})
FACE = {"FaceId": NOBODY, "Confidence": 99.5}
GOOD = Answer(200, {"content-type": JSON, "x-amzn-requestid": NOBODY}, b'{"Faces":[],"FaceModelVersion":"x"}', 0.01)


def refusal(code: str = "InvalidParameterException", message: str = "Request has invalid parameters") -> Answer:
    body = {"__type": code, "Code": code, "Message": message}
    return replace(GOOD, status=400, body=json.dumps(body).encode())


def result(**body: Any) -> Answer:
    return replace(GOOD, body=json.dumps(body).encode())


def judged(request: Request, answer: Answer, *built: str) -> str:
    return "; ".join(faults(request, answer, frozenset(built or ("ListFaces",))))


@pytest.mark.parametrize("answer", [GOOD, refusal(), result(Faces=[FACE]), refusal("AccessDeniedException")])
def test_what_keeps_the_services_word_has_no_faults(answer: Answer) -> None:
    assert judged(LISTING, answer) == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (replace(refusal("InternalServerError"), status=500), "status 500"),
        (replace(GOOD, seconds=11.0), "11.0 s"),
        (replace(GOOD, headers={"content-type": JSON, "x-amzn-requestid": ""}), "no request id"),
        (replace(GOOD, headers=GOOD.headers | {"content-type": "text/html"}), "the content type text/html"),
        (refusal(message="Traceback (most recent call last)"), "the inside of the program: "),
        (refusal(message="cannot open /tmp/x/regard.db, sorry"), "the inside of the program: "),
        (refusal(message="'NoneType' object is not iterable"), "the inside of the program: "),
        (refusal(message="KeyError: 'CollectionId' of request"), "the inside of the program: "),
        (refusal(message="No."), "the message 'No.'"),
        (refusal("ConflictException"), "ConflictException, which is not an error of ListFaces"),
        (refusal("SerializationException"), "refused, though the service model allows it"),
        (refusal(message="1 validation error detected: ..."), "refused, though the service model allows it"),
        (result(Faces=[FACE | {"FaceId": "x"}]), "ListFaces.Faces[0].FaceId is 'x': not of the form [0-9a-f]{8}-"),
        (result(Faces=[FACE | {"Confidence": 101}]), "ListFaces.Faces[0].Confidence is 101: not within 0 and 100"),
        (result(Faces=[FACE | {"Confidence": None}]), "ListFaces.Faces[0].Confidence is None, no float"),
        (result(Faces={}), "ListFaces.Faces is {}, no list"),
        (result(Faces=[], Extra=1), "ListFaces.Extra is no member"),
    ],
)
def test_what_breaks_the_services_word_is_named(answer: Answer, words: str) -> None:
    assert words in judged(LISTING, answer)


def test_what_the_model_forbids_may_not_be_taken() -> None:
    assert (
        judged(replace(LISTING, broken=("null",), refused=True), GOOD) == "taken, though the service model forbids it"
    )
    assert judged(replace(LISTING, edit=Edit("twice")), GOOD) == ""


def test_an_operation_that_is_not_built_says_so() -> None:
    assert judged(LISTING, refusal(), "DetectFaces") == "InvalidParameterException of an operation that is not built"
    assert judged(LISTING, refusal("AccessDeniedException"), "DetectFaces") == ""


@pytest.mark.parametrize("body", [b'{"Faces":[],"Faces":[]}', b'{"Faces":[{"Confidence":NaN}]}', b"\xff", b""])
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises((AssertionError, ValueError)):
        judged(LISTING, replace(GOOD, body=body))
