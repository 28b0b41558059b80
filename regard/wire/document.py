"""A request's body: JSON text to Python values, with nothing in it that could surprise what follows."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from regard.errors import Serialization


def parse(body: bytes) -> dict[str, Any]:
    """The object that `body` spells. Raises Serialization if it is not UTF-8 JSON, or not an object."""
    try:
        value = json.loads(body.decode(), parse_constant=_refuse)
    except ValueError as error:
        # Without the text itself: the position is enough to find the fault, and the text may be an image.
        where = f" at character {error.pos}: {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
        raise Serialization(f"The request body is not valid JSON{where}") from error
    except RecursionError as error:
        raise Serialization("The request body is nested too deeply") from error
    if not isinstance(value, dict):
        raise Serialization("The request body is not a JSON object")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
