"""What the faces of a file must be: what the service model allows, and what this server could have stored itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regard.domain.identifiers import EXTERNAL_IMAGE_ID, USER_ID, UUID_PATTERN
from regard.domain.instants import EARLIEST, LATEST, instant
from regard.engine.galleries.user_vectors import MOST_USER_FACES
from regard.errors import InvalidParameter
from regard.media.parquet_columns import Columns

#: The pattern of each id, and whether it may be missing.
_IDS = {
    "face_id": (UUID_PATTERN, False),
    "image_id": (UUID_PATTERN, False),
    "external_image_id": (EXTERNAL_IMAGE_ID.pattern, True),
    "user_id": (USER_ID.pattern, True),
}
#: A box may leave its picture by a little, as a face's that is cut off by the edge does.
_FURTHEST = 2.0
_NUMBERS = {
    "left": (-_FURTHEST, 1.0),
    "top": (-_FURTHEST, 1.0),
    "width": (0.0, 1 + 2 * _FURTHEST),
    "height": (0.0, 1 + 2 * _FURTHEST),
    "confidence": (0.0, 100.0),
    "utility": (0.0, 100.0),
}
#: Of these a face may have none: not a number.
_UNKNOWN = ("utility",)
_INSTANTS = ("created_at", "user_created_at")
#: Face ids that are held before they are first looked through; then again whenever there are twice as many.
_FIRST_LOOK = 65_536


class FaceChecks:
    """Checks the columns of one file, piece by piece. Each method raises InvalidParameter, with the row and column.

    Columns that are not there are not checked.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rows = 0
        self._ids = _Ids(file)
        self._faces_of: Counter[str] = Counter()

    def add(self, columns: Columns) -> None:
        """Check the next rows."""
        for name, (allowed, optional) in _IDS.items():
            for at, value in enumerate(columns.get(name, ())):
                if value is None and not optional:
                    raise self._fault(at, f"{name} is missing")
                if value is not None and not allowed.fullmatch(value):
                    raise self._fault(at, f"{name} is {value[:300]!r}; allowed is {allowed.pattern}")
        for name, (least, most) in _NUMBERS.items():
            if name in columns:
                self._check_numbers(name, columns[name], least, most)
        for name in _INSTANTS:
            if name in columns:
                self._check_instants(name, columns[name], columns.get("user_id"))
        self._count(columns.get("user_id", ()))
        self._ids.add(columns.get("face_id", ()))
        self._rows += len(columns["embedding"])

    def end(self) -> None:
        """Check what can only be known of all rows."""
        self._ids.check_once()

    def _check_numbers(self, name: str, numbers: Any, least: float, most: float) -> None:
        right = (numbers >= least) & (numbers <= most)
        if name in _UNKNOWN:
            right |= np.isnan(numbers)
        if not right.all():
            at = int(np.argmin(right))
            raise self._fault(at, f"{name} is not a number from {least:g} to {most:g} but {numbers[at]:.6g}")

    def _check_instants(self, name: str, moments: Sequence[int | None], user_ids: Sequence[str | None] | None) -> None:
        wanted: Iterable[bool] = [True] * len(moments)
        if name == "user_created_at":
            wanted = [user_id is not None for user_id in user_ids or [None] * len(moments)]
        for at, (moment, due) in enumerate(zip(moments, wanted, strict=True)):
            if (moment is not None) != due:
                raise self._fault(at, f"{name} is missing" if due else f"{name} is there without a user_id")
            if moment is not None and not EARLIEST <= moment <= LATEST:
                years = f"{instant(EARLIEST).year} to {instant(LATEST).year}"
                raise self._fault(at, f"{name} is {moment:,} microseconds since 1970; it must be in the years {years}")

    def _count(self, user_ids: Sequence[str | None]) -> None:
        for at, user_id in enumerate(user_ids):
            if user_id is not None:
                self._faces_of[user_id] += 1
                if self._faces_of[user_id] > MOST_USER_FACES:
                    raise self._fault(at, f"the user {user_id} has more than {MOST_USER_FACES} faces")

    def _fault(self, at: int, said: str) -> InvalidParameter:
        return InvalidParameter(f"{self._file}, row {self._rows + at + 1}: {said}.")


class _Ids:
    """The face ids of a file, 16 bytes each."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = bytearray()
        self._next_look = 16 * _FIRST_LOOK

    def add(self, face_ids: Sequence[str]) -> None:
        self._seen += bytes.fromhex("".join(face_ids).replace("-", ""))
        if len(self._seen) >= self._next_look:  # so that one id a billion times does not fill the memory
            self.check_once()
            self._next_look = 2 * len(self._seen)

    def check_once(self) -> None:
        ids = np.frombuffer(bytes(self._seen), ">u8").reshape(-1, 2)
        order = np.lexsort((ids[:, 1], ids[:, 0]))
        same = np.flatnonzero((ids[order[1:]] == ids[order[:-1]]).all(axis=1))
        if same.size:
            first, second = sorted(int(order[same[0] + after]) + 1 for after in (0, 1))
            raise InvalidParameter(f"{self._file}, row {second}: face_id is the same as in row {first}.")
