from __future__ import annotations

from dataclasses import replace

import numpy as np

from regard.domain.images import Box, Image
from regard.domain.labels import Instance, Label
from regard.media.drawing import MARK, PAPER
from regard.media.label_drawing import annotate_labels

GREY = Image(pixels=np.full((300, 400, 3), 120, np.uint8), width=400, height=300)


def label(name: str, *boxes: Box) -> Label:
    instances = tuple(Instance(box=box, confidence=80) for box in boxes)
    return Label(name=name, confidence=80, instances=instances, category="Animals and Pets")


def test_every_instance_is_outlined_and_nothing_is_added_where_there_are_no_words() -> None:
    box = Box(left=0.25, top=0.25, width=0.5, height=0.5)
    drawn = annotate_labels(GREY, [label("Dog", box)])
    assert drawn.size == (400, 300)
    row = np.asarray(drawn)[150].astype(int)
    marked = np.flatnonzero(np.abs(row - MARK[:3]).max(axis=1) < 30)
    assert 95 < marked.min() < 110
    assert 290 < marked.max() < 305


def test_of_a_person_and_their_face_the_person_is_marked_and_the_face_is_a_word() -> None:
    body, head = Box(left=0.2, top=0.1, width=0.6, height=0.9), Box(left=0.4, top=0.2, width=0.2, height=0.2)
    person, face = label("Person", body), replace(label("Face", head), parents=("Head", "Person"))
    with_face = np.asarray(annotate_labels(GREY, [person, face]))
    np.testing.assert_array_equal(with_face[:300], np.asarray(annotate_labels(GREY, [person])))
    assert len(with_face) > 300
    assert not np.array_equal(np.asarray(annotate_labels(GREY, [face]))[:300], GREY.pixels)


def test_words_stand_below_in_as_many_rows_as_there_is_room_for() -> None:
    words = [label(f"Label number {number}") for number in range(40)]
    drawn = annotate_labels(GREY, words)
    assert drawn.width == 400
    assert 300 < drawn.height < 480
    assert (np.asarray(drawn)[:300] == 120).all()
    assert tuple(np.asarray(drawn)[-1, 0]) == PAPER[:3]
    assert annotate_labels(GREY, words[:1]).height < drawn.height


def test_a_word_wider_than_the_picture_is_cut() -> None:
    small = Image(pixels=np.zeros((80, 80, 3), np.uint8), width=80, height=80)
    drawn = annotate_labels(small, [label("A label that is far wider than such a picture")])
    assert drawn.width == 80
