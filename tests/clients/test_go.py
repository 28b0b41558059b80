"""What a program in Go does with faces, as `faces.go` has it, built as its users build it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from live_server import Live

from .conftest import Photographs
from .installing import go_program

pytestmark = pytest.mark.slow


@pytest.fixture
def said(live: Live, photographs: Photographs, tmp_path: Path) -> list[tuple[str, Any]]:
    """The operations that it calls and what each answers, in their order."""
    files = [tmp_path / "first.jpg", tmp_path / "second.jpg"]
    for file, content in zip(files, next(iter(photographs.values())), strict=True):
        file.write_bytes(content)
    environment = os.environ | {"AWS_ACCESS_KEY_ID": live.key, "AWS_SECRET_ACCESS_KEY": live.secret}
    command = [str(go_program()), live.url, *map(str, files)]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, encoding="utf-8").stdout
    return [each for line in printed.splitlines() for each in json.loads(line).items()]


def test_a_program_in_go_enrols_searches_compares_and_turns_pages(said: list[tuple[str, Any]]) -> None:
    answers = dict(said)
    enrolled = [answer["FaceRecords"][0]["Face"] for name, answer in said if name == "IndexFaces"]
    assert [face["ExternalImageId"] for face in enrolled] == ["gopher-0", "gopher-1"]
    best, other = answers["SearchFacesByImage"]["FaceMatches"]
    assert (best["Face"]["FaceId"], other["Face"]["FaceId"]) == (enrolled[1]["FaceId"], enrolled[0]["FaceId"])
    assert other["Similarity"] > 90
    assert len(answers["DetectFaces"]["FaceDetails"][0]["Landmarks"]) == 30
    assert answers["CompareFaces"]["FaceMatches"][0]["Similarity"] > 90
    pages = [[face["FaceId"] for face in answer["Faces"]] for name, answer in said if name == "ListFaces"]
    assert pages == [[face["FaceId"]] for face in enrolled]
    assert answers["DeleteCollection"]["StatusCode"] == 200


def test_a_program_in_go_is_told_awss_codes_and_sentences(said: list[tuple[str, Any]]) -> None:
    answers = dict(said)
    assert answers["CreateCollectionAgain"] == {
        "Code": "ResourceAlreadyExistsException",
        "Message": "The collection id: gophers already exists.",
    }
    assert answers["SearchFaces"] == {
        "Code": "InvalidParameterException",
        "Message": "faceId was not found in the collection.",
    }
