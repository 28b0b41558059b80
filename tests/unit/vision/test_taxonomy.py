from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from regard.vision.images.object_decoders import CLASSES
from regard.vision.images.taxonomy import SCENES, taxonomy

#: Words for a person that tell, or guess, gender or age.
OF_PEOPLE = {"Adult", "Baby", "Boy", "Bride", "Bridegroom", "Bridesmaid", "Child", "Family", "Female", "Girl", "Lady"}
OF_PEOPLE |= {"Male", "Man", "Newborn", "Senior Citizen", "Teen", "Woman", "Pedestrian", "Tourist", "Student"}


@pytest.fixture(scope="module")
def listed(shared_data: Path) -> dict[str, dict[str, str]]:
    """Amazon's own list of labels: category, whether boxes are given, aliases."""
    with (shared_data / "labels" / "rekognition-labels-v3.tsv").open(encoding="utf-8", newline="") as file:
        return {row["label"]: row for row in csv.DictReader(file, delimiter="\t")}


def test_every_label_has_amazons_name_category_and_aliases(listed: dict[str, dict[str, str]]) -> None:
    known = taxonomy()
    assert len(known.names) > 750
    for name in known.names:
        assert name in listed, name
        assert known.categories[name] == listed[name]["category"], name
        assert sorted(known.entries[name].aliases) == sorted(filter(None, listed[name]["aliases"].split("|"))), name


def test_nobodys_gender_age_religion_or_profession_is_among_them() -> None:
    known = taxonomy()
    assert not OF_PEOPLE & set(known.names)
    assert not {"Religion", "Profession"} & set(known.categories.values())
    people = {name for name, category in known.categories.items() if category == "Person Description"}
    assert people == {"Person", "Face", "Head"}
    assert "Actions" not in known.categories.values()  # none was seen often enough to measure


def test_every_parent_is_a_label_and_none_its_own_ancestor() -> None:
    known = taxonomy()
    for name, entry in known.entries.items():
        assert set(entry.parents) <= set(known.names), name
        assert name not in known.ancestors(name)
        assert known.ancestors(name) >= {each for parent in entry.parents for each in known.ancestors(parent)}
    assert known.ancestors("Golden Retriever") == {"Dog", "Canine", "Pet", "Mammal", "Animal"}
    assert known.ancestors("Car") == {"Vehicle", "Transportation"}
    assert known.ancestors("Mobile Phone") == {"Phone", "Electronics"}


def test_every_class_of_the_detectors_has_one_label_and_no_class_of_the_classifier_has_two() -> None:
    known = taxonomy()
    assert sorted(known.object_names) == list(range(CLASSES))
    objects = [number for entry in known.entries.values() for number in entry.objects]
    scenes = [number for entry in known.entries.values() for number in entry.scenes]
    assert len(objects) == CLASSES
    assert len(scenes) == len(set(scenes)) > 900
    assert min(scenes) >= 0
    assert max(scenes) < SCENES


def test_a_label_is_as_probable_as_all_its_examples_together() -> None:
    known = taxonomy()
    probabilities = np.zeros((1, SCENES), np.float32)
    probabilities[0, [207, 208]] = 0.3, 0.4  # two retrievers
    probabilities[0, 281] = 0.2  # a tabby
    found = dict(zip(known.names, known.of_scenes(probabilities)[0].tolist(), strict=True))
    told = {name: round(share, 3) for name, share in found.items() if share}
    assert told == {
        "Golden Retriever": 0.3,
        "Labrador Retriever": 0.4,
        "Dog": 0.7,
        "Canine": 0.7,
        "Cat": 0.2,
        "Pet": 0.9,
        "Mammal": 0.9,
        "Animal": 0.9,
    }
