from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import PIL.Image

from regard.domain.images import Box, Image
from regard.domain.labels import Instance, Label
from regard.media.drawing import MARK, PAPER, Rectangle, caption_plate
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


def test_names_of_objects_that_overlap_do_not_cover_each_other() -> None:
    picture, taken = PIL.Image.fromarray(GREY.pixels), list[Rectangle]()
    boxes = [(140 + 6 * step, 120 + 2 * step, 210 + 6 * step, 260) for step in range(6)] + [(0, 0, 400, 300)] * 3
    for number, box in enumerate(boxes):
        taken.append(caption_plate(picture, box, f"Tie {number} %", taken))
    for one, other in combinations(taken, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1], (one, other)
    assert all(left >= 0 and top >= 0 and right <= 400 and bottom <= 300 for left, top, right, bottom in taken)
    there = caption_plate(picture, boxes[0], "one more", [(0, 0, 400, 300)])
    assert there == caption_plate(picture, boxes[0], "one more")  # there is room nowhere: it is written all the same


RIDER, HORSE, DOG = (270, 12, 351, 226), (208, 76, 423, 368), (143, 204, 196, 345)


def test_a_name_stands_on_nothing_but_what_it_names() -> None:
    picture = PIL.Image.fromarray(np.full((375, 500, 3), 120, np.uint8))
    horse = caption_plate(picture, HORSE, "Horse 98 %", others=[RIDER, DOG])
    assert horse[2] < RIDER[0] + 20  # in the middle above the horse is the rider
    rider = caption_plate(picture, RIDER, "Person 99 %", [horse], others=[HORSE, DOG])
    assert rider[3] < HORSE[1]
    car = caption_plate(picture, (3, 105, 132, 195), "Car 80 %", [horse, rider], others=[RIDER, HORSE, DOG])
    assert (car[0] >= 0, 80 < car[1] < 105) == (True, True)  # where nothing is in the way, right above it


def test_a_name_that_can_stand_nowhere_alone_stands_in_its_own_box() -> None:
    picture = PIL.Image.fromarray(np.full((300, 400, 3), 120, np.uint8))
    inside = (150.0, 100.0, 250.0, 200.0)
    plate = caption_plate(picture, inside, "Cup 60 %", others=[(0, 0, 400, 300)])
    assert plate[0] >= 150
    assert plate[1] >= 100
    assert plate[2] <= 250
    assert plate[3] <= 200


def test_a_single_object_is_as_certain_in_the_picture_as_in_the_table() -> None:
    box = Box(left=0.25, top=0.25, width=0.5, height=0.5)
    dog = label("Dog", box)
    likelier = replace(dog, confidence=95.0)
    one = replace(dog, instances=(Instance(box=box, confidence=95),), confidence=95.0)
    np.testing.assert_array_equal(
        np.asarray(annotate_labels(GREY, [likelier])), np.asarray(annotate_labels(GREY, [one]))
    )
    two = replace(likelier, instances=(dog.instances[0], *label("Dog", replace(box, width=0.2)).instances))
    surer = replace(two, confidence=99.0)
    np.testing.assert_array_equal(np.asarray(annotate_labels(GREY, [two])), np.asarray(annotate_labels(GREY, [surer])))


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
