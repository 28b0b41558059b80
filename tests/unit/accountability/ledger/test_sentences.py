"""Entries as people read them: who did what, or tried to, and what came of it."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from regard.accountability.ledger.sentences import deeds, sentence
from regard.operations.acts import ACTS

NAMES = {"p-1": "Ada (ada)", "s-1": "the gate camera"}


def said(operation: str, **more: Any) -> dict[str, Any]:
    return {"person": "p-1", "operation": operation, "outcome": "allowed", "facts": {}} | more


def test_every_act_has_its_words_and_no_words_are_of_an_act_that_is_gone() -> None:
    text = (files("regard.accountability") / "permissions.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    acts = set(ACTS) | set(table["routes"]) | set(table["commands"]) | set(table["sessions"])
    assert set(deeds()) == acts


@pytest.mark.parametrize(
    ("entry", "sentence_of_it"),
    [
        (
            said("SearchFacesByImage", collection="staff", purpose="missing", facts={"candidates": [{}, {}]}),
            "Ada (ada) searched in the collection staff for a face in a picture for missing, with 2 candidates.",
        ),
        (said("search", facts={"candidates": []}), "Ada (ada) searched for a face in a picture, with no candidates."),
        (said("CreateCollection", collection="staff"), "Ada (ada) created the collection staff."),
        (
            said("IndexFaces", action="enrol", collection="staff", facts={"faces": ["f"]}),
            "Ada (ada) enrolled faces in the collection staff, 1 face.",
        ),
        (
            said("jobs retry", outcome="refused", reason="it takes an overseer."),
            "Ada (ada) tried to try a job again, and was refused: it takes an overseer.",
        ),
        (
            said("DetectFaces", outcome="failed", error="InvalidImageFormatException"),
            "Ada (ada) tried to look for faces in a picture, and did not come to the end of it: "
            "InvalidImageFormatException.",
        ),
        (
            said("SearchFaces", service="s-1", authorisation="auth-7"),
            "The service the gate camera, for which Ada (ada) answers, searched for an enrolled face under auth-7.",
        ),
        ({"who": {}, "operation": "sweep"}, "Regard itself destroyed what the rules no longer allow to be kept."),
        (said("Unheard", collection="staff"), "Ada (ada) used Unheard in the collection staff."),
    ],
)
def test_an_entry_is_a_sentence(entry: dict[str, Any], sentence_of_it: str) -> None:
    assert sentence(entry, NAMES) == sentence_of_it


def test_braces_in_a_collections_name_are_no_placeholder() -> None:
    assert sentence(said("CreateCollection", collection="{in}"), NAMES) == "Ada (ada) created the collection {in}."
