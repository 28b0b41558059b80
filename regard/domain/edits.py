"""How a probe's picture was made from an original, as parameters: what was cut, turned and brightened, and no more.

What adds to a face what the camera did not see is no edit: it makes another face, and a search for it finds others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: By an edit's name, its parameters, and what each must be.
_RATIO: Final[Callable[[float], bool]] = lambda value: 0 <= value <= 1  # noqa: E731
_ANGLE: Final[Callable[[float], bool]] = lambda value: -360 <= value <= 360  # noqa: E731
_GAMMA: Final[Callable[[float], bool]] = lambda value: 0.1 <= value <= 10  # noqa: E731
ALLOWED: Final[Mapping[str, Sequence[tuple[str, Callable[[float], bool]]]]] = {
    "crop": (("left", _RATIO), ("top", _RATIO), ("width", _RATIO), ("height", _RATIO)),
    "rotate": (("degrees", _ANGLE),),
    "levels": (("black", _RATIO), ("white", _RATIO), ("gamma", _GAMMA)),
}
#: What is refused by name, so that whoever declares it learns why.
REFUSED: Final = frozenset({"sketch", "composite", "generated", "pose", "expression", "age", "inpaint", "restore"})


class UnknownEdit(ValueError):
    """An edit that may not be made, or is not written as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    kind: str
    parameters: Mapping[str, float]


def parse(text: str) -> Edit:
    """An edit as it is typed, `crop=0.1,0.2,0.5,0.5`. Raises UnknownEdit."""
    kind, _, values = text.partition("=")
    if kind in REFUSED:
        raise UnknownEdit(
            f"{kind} puts into a face what no camera saw; only photographs are searched for, and edits of them are "
            f"{', '.join(ALLOWED)}."
        )
    if kind not in ALLOWED:
        raise UnknownEdit(f"{kind!r} is no edit that may be made; these are: {', '.join(ALLOWED)}.")
    wanted = ALLOWED[kind]
    try:
        numbers = [float(each) for each in values.split(",")]
    except ValueError:
        numbers = []
    fits = len(numbers) == len(wanted) and all(
        allows(number) for number, (_, allows) in zip(numbers, wanted, strict=True)
    )
    if not fits:
        raise UnknownEdit(f"Write it as {kind}={','.join(name.upper() for name, _ in wanted)}, not {text!r}.")
    return Edit(kind=kind, parameters={name: number for (name, _), number in zip(wanted, numbers, strict=True)})
