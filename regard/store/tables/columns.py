"""The types of columns. What lies in a database may be damaged, and one value must not keep all others from being read:
reading what is no value of its type gives the one that each type names, and `damage_rows` finds it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Float, Integer, LargeBinary
from sqlalchemy.types import TypeDecorator, TypeEngine

from regard.domain.instants import EPOCH, instant, microseconds

Read = Callable[[Any], Any]

#: SQLite numbers rows by itself only when the column's type is INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")


class Bytes(TypeDecorator[bytes]):
    """Bytes; read as none where it is damaged."""

    impl = LargeBinary
    cache_ok = True

    def result_processor(self, _: Dialect, __: object) -> Read:
        def read(value: Any) -> bytes | None:
            if value is None or type(value) is bytes:
                return value
            return bytes(value) if isinstance(value, bytearray | memoryview) else b""

        return read


class Instant(TypeDecorator[datetime]):
    """A moment, kept as whole microseconds since 1970 UTC: the same in every engine, and exact. Read as 1970 where it
    is damaged."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, _: Dialect) -> datetime | None:
        if value is None:
            return None
        try:
            return instant(value)
        except (TypeError, OverflowError):
            return EPOCH


class Whole(TypeDecorator[int]):
    """A whole number; read as 0 where it is damaged."""

    impl = BigInteger
    cache_ok = True

    def process_result_value(self, value: Any, _: Dialect) -> int | None:
        # As a decimal PostgreSQL gives the sum of such numbers.
        whole = int(value) if isinstance(value, Decimal) else value
        return whole if whole is None or isinstance(whole, int) else 0


class OtherKey(Whole):
    """A key that is not its row's own."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())


class Number(TypeDecorator[float]):
    """A number, or none where the column allows it; read as 0 where it is damaged."""

    impl = Float
    cache_ok = True

    def process_result_value(self, value: Any, _: Dialect) -> float | None:
        if value is None:
            return None
        return float(value) if isinstance(value, float | int) else 0.0


class JsonObject(TypeDecorator[dict[str, Any]]):
    """An object as JSON; read as an empty one where it is damaged."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Read:
        parse = super().result_processor(dialect, coltype)

        def read(value: Any) -> dict[str, Any]:
            try:
                found = parse(value) if parse else value
            except (ValueError, TypeError, RecursionError):
                found = None
            return found if isinstance(found, dict) else {}

        return read


class FilePath(TypeDecorator[str]):
    """A file's path, kept as the bytes the file system knows: old archives hold names that are not UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> bytes | None:
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, _: Dialect) -> str | None:
        return None if value is None else os.fsdecode(value)
