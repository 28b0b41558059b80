"""Real people, through the wire: who is indexed is found again, and nobody else."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from people import encoded

from regard.domain.arrays import ByteArray
from regard.media.image_decoder import decode

PEOPLE, ACROSS = 30, 6
#: The middle of a photograph, where its owner is; at the edges others look in, who may be larger.
MIDDLE = slice(40, 210)
Couples = dict[str, tuple[ByteArray, ByteArray]]


@pytest.fixture(scope="module")
def couples(shared_data: Path) -> Couples:
    """Two photographs each of PEOPLE people, spread over the alphabet."""
    folders = [folder for folder in sorted((shared_data / "lfw-dev").glob("*/")) if len(list(folder.glob("*.jpg"))) > 1]
    chosen = list(islice(folders, 0, None, len(folders) // PEOPLE))[:PEOPLE]
    return {folder.name: (_middle(folder, 0), _middle(folder, 1)) for folder in chosen}


def _middle(folder: Path, number: int) -> ByteArray:
    return decode(sorted(folder.glob("*.jpg"))[number].read_bytes()).pixels[MIDDLE, MIDDLE]


def sent(pixels: ByteArray) -> dict[str, bytes]:
    return {"Bytes": encoded(pixels, quality=95)}


@pytest.fixture(scope="module")
def gallery(client: Any, couples: Couples) -> Any:
    """A collection of everyone's first photograph, the largest face of each."""
    client.create_collection(CollectionId="people")
    for name, (first, _) in couples.items():
        answer = client.index_faces(CollectionId="people", Image=sent(first), ExternalImageId=name, MaxFaces=1)
        assert len(answer["FaceRecords"]) == 1
    yield "people"
    client.delete_collection(CollectionId="people")


@pytest.mark.slow
def test_everyone_is_found_by_another_photograph(client: Any, gallery: str, couples: Couples) -> None:
    named = {}
    for name, (_, second) in couples.items():
        found = client.search_faces_by_image(CollectionId=gallery, Image=sent(second), FaceMatchThreshold=0)
        assert len(found["FaceMatches"]) == PEOPLE
        best, runner_up = found["FaceMatches"][:2]
        named[name] = best["Face"]["ExternalImageId"]
        assert runner_up["Similarity"] < 90
    assert sum(name == found for name, found in named.items()) >= PEOPLE - 1


def test_at_the_default_threshold_strangers_do_not_match(client: Any, couples: Couples) -> None:
    photographs = [second for _, second in couples.values()]
    sources = zip(photographs, photographs[1:] + photographs[:1], strict=True)
    matches = 0
    for source, target in islice(sources, 15):
        answer = client.compare_faces(SourceImage=sent(source), TargetImage=sent(target))
        matches += len(answer["FaceMatches"])
        assert len(answer["FaceMatches"]) + len(answer["UnmatchedFaces"]) >= 1
    assert matches == 0


@pytest.mark.slow
def test_everyone_is_named_in_a_picture_of_all(client: Any, gallery: str, couples: Couples) -> None:
    names, tiles = list(couples), [second for _, second in couples.values()]
    rows = [np.concatenate(tiles[start : start + ACROSS], axis=1) for start in range(0, PEOPLE, ACROSS)]
    records = client.index_faces(
        CollectionId=gallery, Image=sent(np.concatenate(rows)), ExternalImageId="mosaic", QualityFilter="NONE"
    )["FaceRecords"]
    right = set()
    for face in (record["Face"] for record in records):
        box = face["BoundingBox"]
        row = int((box["Top"] + box["Height"] / 2) * PEOPLE / ACROSS)
        column = int((box["Left"] + box["Width"] / 2) * ACROSS)
        found = client.search_faces(CollectionId=gallery, FaceId=face["FaceId"], FaceMatchThreshold=0)["FaceMatches"]
        best = next(match["Face"] for match in found if match["Face"]["ExternalImageId"] != "mosaic")
        if best["ExternalImageId"] == names[row * ACROSS + column]:
            right.add(best["ExternalImageId"])
    client.delete_faces(CollectionId=gallery, FaceIds=[record["Face"]["FaceId"] for record in records])
    assert len(right) >= PEOPLE - 1
