"""One server, collections of two face models: each is enrolled in, searched and described by its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_server import Live, with_models
from people import loaded

from regard.domain.faces import Detail
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.media.image_decoder import decode
from regard.vision.cards import catalogue

VERSIONS = {name: catalogue()[name].version for name in ("fr-feature", "sface")}


@dataclass(frozen=True)
class Persons:
    """Two photographs of each of eight persons: one to enrol, one to search with."""

    enrolled: dict[str, bytes]
    probes: dict[str, bytes]


@pytest.fixture(scope="module")
def persons(shared_data: Path) -> Persons:
    folders = [each for each in sorted((shared_data / "lfw-dev").iterdir()) if len(list(each.glob("*.jpg"))) >= 2][:8]
    two = {each.name: sorted(each.glob("*.jpg"))[:2] for each in folders}
    assert len(two) == 8
    return Persons(*({name: files[at].read_bytes() for name, files in two.items()} for at in (0, 1)))


@pytest.fixture(scope="module", params=["fr-feature", "sface"])
def both(
    request: pytest.FixtureRequest, models: Path, persons: Persons, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A server of this default model, its collection `new`, and `old`, made when the other model was the default."""
    home, default = tmp_path_factory.mktemp("home"), request.param
    (other,) = set(VERSIONS) - {default}
    with with_models(models, home, models={"embedder": other}) as live:
        enrol(live.client(), "old", persons)
    with with_models(models, home, models={"embedder": default}) as live:
        enrol(live.client(), "new", persons)
        yield live


def enrol(client: Any, name: str, persons: Persons) -> None:
    client.create_collection(CollectionId=name)
    for person, photo in persons.enrolled.items():
        indexed = client.index_faces(
            CollectionId=name, Image={"Bytes": photo}, ExternalImageId=person, MaxFaces=1, QualityFilter="NONE"
        )
        (record,) = indexed["FaceRecords"]
        client.create_user(CollectionId=name, UserId=person)
        faces = [record["Face"]["FaceId"]]
        client.associate_faces(CollectionId=name, UserId=person, FaceIds=faces, UserMatchThreshold=0)


def models_of(live: Live) -> tuple[str, str]:
    """The versions of the default model and of the other."""
    default = live.engine.known_models.default.version
    (other,) = set(VERSIONS.values()) - {default}
    return default, other


def found(client: Any, name: str, photo: bytes) -> list[str]:
    answer = client.search_faces_by_image(CollectionId=name, Image={"Bytes": photo}, FaceMatchThreshold=80)
    return [match["Face"]["ExternalImageId"] for match in answer["FaceMatches"]]


def test_each_collection_is_described_by_its_own_model(both: Live) -> None:
    client, (default, other) = both.client(), models_of(both)
    versions = {"new": default, "old": other}
    listed = client.list_collections()
    assert dict(zip(listed["CollectionIds"], listed["FaceModelVersions"], strict=True)) == versions
    for name, version in versions.items():
        assert client.describe_collection(CollectionId=name)["FaceModelVersion"] == version
        assert client.list_faces(CollectionId=name)["FaceModelVersion"] == version


def test_a_new_collection_has_the_default_model(both: Live) -> None:
    client, (default, _) = both.client(), models_of(both)
    assert client.create_collection(CollectionId="newer")["FaceModelVersion"] == default
    client.delete_collection(CollectionId="newer")


@pytest.mark.parametrize("name", ["old", "new"])
@pytest.mark.slow
def test_people_are_found_in_each_by_faces_and_by_users(both: Live, persons: Persons, name: str) -> None:
    client = both.client()
    for person, photo in persons.probes.items():
        assert found(client, name, photo) == [person]
        users = client.search_users_by_image(CollectionId=name, Image={"Bytes": photo}, UserMatchThreshold=80)
        assert [match["User"]["UserId"] for match in users["UserMatches"]] == [person]


@pytest.mark.slow
def test_both_are_searched_at_once(both: Live, persons: Persons) -> None:
    client = both.client()
    asked = [(name, person) for person in persons.probes for name in ("old", "new")] * 2
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda each: found(client, each[0], persons.probes[each[1]]), asked)
    assert list(answers) == [[person] for _, person in asked]


@pytest.mark.parametrize("name", ["old", "new"])
def test_similarity_is_that_of_the_collections_own_embedding_and_calibration(
    both: Live, models: Path, persons: Persons, name: str
) -> None:
    version = both.client().describe_collection(CollectionId=name)["FaceModelVersion"]
    person, photo = next(iter(persons.probes.items()))
    cosine = cosine_of(models, version, photo, persons.enrolled[person])
    expected = loaded(models).embedder(version).calibration.similarity(np.float32([cosine]))[0]
    answer = both.client().search_faces_by_image(CollectionId=name, Image={"Bytes": photo})
    assert answer["FaceMatches"][0]["Similarity"] == pytest.approx(float(expected), abs=0.2)


def test_pictures_are_compared_by_the_default_model(both: Live, models: Path, persons: Persons) -> None:
    person, photo = next(iter(persons.probes.items()))
    default, _ = models_of(both)
    cosine = cosine_of(models, default, photo, persons.enrolled[person])
    expected = loaded(models).embedder(default).calibration.similarity(np.float32([cosine]))[0]
    answer = both.client().compare_faces(
        SourceImage={"Bytes": photo}, TargetImage={"Bytes": persons.enrolled[person]}, SimilarityThreshold=0
    )
    assert answer["FaceMatches"][0]["Similarity"] == pytest.approx(float(expected), abs=0.2)


def cosine_of(models: Path, version: str, *photos: bytes) -> float:
    """Of the largest faces of two photographs."""
    analyzer = FaceAnalyzer(loaded(models)).using(version)
    one, other = analyzer.faces([decode(each) for each in photos], Detail.EMBEDDING, limit=1)
    assert one.embeddings is not None
    assert other.embeddings is not None
    return float(one.embeddings[0] @ other.embeddings[0])


@pytest.mark.parametrize("name", ["old", "new"])
def test_the_false_candidates_to_expect_are_those_of_its_own_calibration(both: Live, name: str) -> None:
    client = both.client()
    face = client.list_faces(CollectionId=name)["Faces"][0]["FaceId"]
    answer = client.search_faces(CollectionId=name, FaceId=face, FaceMatchThreshold=30)
    version = client.describe_collection(CollectionId=name)["FaceModelVersion"]
    calibration = both.engine.models.embedder(version).calibration
    told = float(answer["ResponseMetadata"]["HTTPHeaders"]["x-regard-expected-false"])
    assert told == pytest.approx(8 * calibration.false_match_rate(30), rel=1e-3)
    similarities = [match["Similarity"] for match in answer["FaceMatches"]]
    assert all(30 <= each < 80 for each in similarities)  # strangers


# -- a model whose file is missing -----------------------------------------------------------------------------------


@pytest.fixture
def lacking(both: Live, models: Path, tmp_path: Path) -> Iterator[tuple[Live, Path]]:
    """Another server on a copy of that home, whose folder of models lacks the file of `old`; and where it belongs."""
    folder, home = tmp_path / "models", tmp_path / "home"
    _, other = models_of(both)
    lost = next(card.file for card in catalogue().values() if card.version == other)
    shutil.copytree(models, folder, ignore=shutil.ignore_patterns(lost, ".*"))
    shutil.copytree(both.engine.settings.home, home)
    default = both.engine.settings.models.embedder
    with with_models(folder, home, models={"embedder": default}) as live:
        yield live, folder / lost


def test_the_start_says_which_collections_cannot_be_searched(both: Live, lacking: tuple[Live, Path]) -> None:
    live, file = lacking
    _, other = models_of(both)
    (fault,) = live.engine.load_models()
    assert f"Collections of the face model {other} cannot be searched" in fault
    assert str(file) in fault
    assert f"regard models pull {other.rpartition('-')[0]}" in fault
    assert both.engine.load_models() == []


def test_a_collection_whose_model_is_missing_says_so_and_the_others_are_served(
    both: Live,
    lacking: tuple[Live, Path],
    models: Path,
    persons: Persons,
    refused: Callable[..., tuple[str, str]],
) -> None:
    live, file = lacking
    client, (_, other) = live.client(), models_of(both)
    person, photo = next(iter(persons.probes.items()))
    asked = {"CollectionId": "old", "Image": {"Bytes": photo}}
    calls: Sequence[Callable[..., Any]] = (
        client.search_faces_by_image,
        client.search_users_by_image,
        client.index_faces,
    )
    for call in calls:
        code, message = refused(call, **asked)
        assert code == "ResourceNotReadyException"
        assert message.startswith(f"The collection old holds faces of the model {other}, which cannot be used here")
        assert f"regard models pull {other.rpartition('-')[0]}" in message
        assert str(file.parent) not in message
    assert found(client, "new", photo) == [person]
    face = client.list_faces(CollectionId="old")["Faces"][0]["FaceId"]
    assert client.search_faces(CollectionId="old", FaceId=face, FaceMatchThreshold=0)["FaceMatches"]
    shutil.copy(models / file.name, file)
    assert found(client, "old", photo) == [person]  # without another start
