"""What faces of a file must be, each fault with its row and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regard.domain.instants import LATEST
from regard.engine.analysis.image_loader import uuid_of
from regard.engine.transfer import face_checks
from regard.engine.transfer.face_checks import FaceChecks
from regard.errors import InvalidParameter

FILE = Path("people.parquet")
ROWS = 3


def rows_of(**columns: Any) -> dict[str, Any]:
    return {"embedding": np.ones((ROWS, 4), np.float16), **columns}


def test_what_this_server_could_have_stored_is_taken() -> None:
    checks = FaceChecks(FILE)
    for piece in range(2):
        checks.add(
            rows_of(
                face_id=[uuid_of(b"face", bytes([piece, row])) for row in range(ROWS)],
                image_id=[uuid_of(b"image", b"")] * ROWS,
                external_image_id=[None, "ada:1", "x" * 255],
                user_id=[None, "ada", "bob"],
                user_created_at=[None, 0, LATEST],
                created_at=[0, 1, LATEST],
                left=np.array([-0.5, 0, 0.99]),
                width=np.array([0.1, 1, 2]),
                confidence=np.array([0, 50, 100.0]),
            )
        )
    checks.end()
    FaceChecks(FILE).add(rows_of())


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"image_id": [uuid_of(b"", b""), "x", None]}, "row 5: image_id is 'x'"),
        ({"image_id": [None] * 3}, "row 4: image_id is missing"),
        ({"external_image_id": [None, "a b", None]}, "row 5: external_image_id is 'a b'"),
        ({"external_image_id": [None, None, "x" * 256]}, "row 6: external_image_id is 'xxx"),
        ({"user_id": ["a", "a" * 129, None]}, "row 5: user_id is 'aaa"),
        ({"user_id": ["", "a", None]}, "row 4: user_id is ''"),
        ({"user_id": ["a", None, None], "user_created_at": [None] * 3}, "row 4: user_created_at is missing"),
        ({"user_id": [None] * 3, "user_created_at": [None, 5, None]}, "row 5: user_created_at is there without"),
        ({"user_created_at": [5, None, None]}, "row 4: user_created_at is there without"),
        ({"created_at": [0, None, 0]}, "row 5: created_at is missing"),
        ({"created_at": [0, 0, -1]}, "row 6: created_at is -1 micro.*in the years 1970 to 2099"),
        ({"created_at": [0, LATEST + 1, 0]}, "row 5: created_at is 4,10"),
        ({"left": np.array([0, 0, 1.1])}, "row 6: left is not a number from -2 to 1 but 1.1"),
        ({"top": np.array([-2.1, 0, 0])}, "row 4: top is not a number"),
        ({"width": np.array([0.1, -0.1, 0.1])}, "row 5: width is not a number from 0 to 5 but -0.1"),
        ({"height": np.array([0.1, 0.1, np.inf])}, "row 6: height is not a number from 0 to 5 but inf"),
        ({"confidence": np.array([1.0, np.nan, 1.0])}, "row 5: confidence is not a number from 0 to 100 but nan"),
        ({"confidence": np.array([1.0, 1.0, 101.0])}, "row 6: confidence is not a number from 0 to 100 but 101"),
    ],
)
def test_any_other_is_refused_with_its_row(columns: dict[str, Any], said: str) -> None:
    checks = FaceChecks(FILE)
    checks.add(rows_of())
    with pytest.raises(InvalidParameter, match=rf"people\.parquet, {said}"):
        checks.add(rows_of(**columns))


def test_a_user_has_a_hundred_faces_at_most() -> None:
    checks = FaceChecks(FILE)
    for _ in range(33):
        checks.add(rows_of(user_id=["ada"] * ROWS))
    with pytest.raises(InvalidParameter, match="row 102: the user ada has more than 100 faces"):
        checks.add(rows_of(user_id=["bob", "ada", "ada"]))


def test_a_face_id_that_is_there_twice_is_found_at_the_end_or_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (
        rows_of(face_id=[uuid_of(b"face", bytes([piece, row])) for row in range(ROWS)]) for piece in range(2)
    )
    checks = FaceChecks(FILE)
    for piece in (first, second, first):
        checks.add(piece)
    with pytest.raises(InvalidParameter, match="row 7: face_id is the same as in row 1"):
        checks.end()
    monkeypatch.setattr(face_checks, "_FIRST_LOOK", 4)
    checks = FaceChecks(FILE)
    checks.add(first)
    with pytest.raises(InvalidParameter, match="face_id is the same as in row 1"):
        checks.add(first)
