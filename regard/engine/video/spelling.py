"""How findings are spelled as a client gets them: the operations' own words for pictures, handed down to this floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regard.domain.faces import Detail, Faces
from regard.domain.galleries import Match
from regard.domain.images import Box
from regard.domain.labels import Label
from regard.domain.text import Line
from regard.engine.analysis.text_analyzer import TextFilter

Shape = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """Each is AWS's JSON of what it is called after.

    `face` spells a row of faces with the attributes that are asked for, `detail` says what these take; `text` spells
    all lines of one picture; `text_filter` reads a request's filter.
    """

    box: Callable[[Box], Shape]
    face: Callable[[Faces, int, Sequence[str]], dict[str, Any]]
    detail: Callable[[Sequence[str]], Detail]
    label: Callable[[Label], dict[str, Any]]
    match: Callable[[Match], dict[str, Any]]
    text: Callable[[list[Line]], list[dict[str, Any]]]
    text_filter: Callable[[Any], TextFilter]
