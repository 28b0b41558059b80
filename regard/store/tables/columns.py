"""The types of columns."""

from __future__ import annotations

import os
from datetime import datetime

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary
from sqlalchemy.types import TypeDecorator

from regard.domain.instants import instant, microseconds


class Instant(TypeDecorator[datetime]):
    """A moment, kept as whole microseconds since 1970 UTC: the same in every engine, and exact."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, _: Dialect) -> datetime | None:
        return None if value is None else instant(value)


class FilePath(TypeDecorator[str]):
    """A file's path, kept as the bytes the file system knows: old archives hold names that are not UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> bytes | None:
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, _: Dialect) -> str | None:
        return None if value is None else os.fsdecode(value)


#: SQLite numbers rows by itself only when the column's type is INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")
