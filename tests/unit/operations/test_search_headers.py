from __future__ import annotations

import pytest
from all_operations import Operations
from people import astronaut, encoded
from toy_gallery import House, unit_rows

from regard.operations.search_headers import EXPECTED_FALSE, GALLERY_SIZE, search_headers


def test_the_expected_false_candidates_are_spelt_with_all_their_digits() -> None:
    headers = search_headers(12, 1.2345678901234e-07)
    assert headers == {GALLERY_SIZE: "12", EXPECTED_FALSE: "1.2345678901234e-07"}
    assert float(headers[EXPECTED_FALSE]) == 1.2345678901234e-07


def test_every_search_says_how_many_were_compared_and_how_many_chance_would_give(
    operations: Operations, house: House
) -> None:
    faces = house.enrol(house.collection(), unit_rows(3))
    operations.ask("CreateUser", {"CollectionId": "staff", "UserId": "ada"})
    operations.ask("AssociateFaces", {"CollectionId": "staff", "UserId": "ada", "FaceIds": [faces[0].face_id]})
    picture = {"Image": {"Bytes": encoded(astronaut(), "PNG")}}
    for operation, request, size in (
        ("SearchFaces", {"FaceId": faces[0].face_id}, 3),
        ("SearchFacesByImage", picture, 3),
        ("SearchUsers", {"FaceId": faces[0].face_id}, 1),
        ("SearchUsers", {"UserId": "ada"}, 1),
        ("SearchUsersByImage", picture, 1),
    ):
        headers = operations.ask(operation, {"CollectionId": "staff", **request}).headers
        assert headers[GALLERY_SIZE] == str(size)
        assert float(headers[EXPECTED_FALSE]) == pytest.approx(size * 1e-4)
