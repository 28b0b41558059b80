"""A pair judged by answering: a key for each component of the face, then the opinion, and why."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import typer

from regard.commands import terminal
from regard.domain.cases import Opinion
from regard.domain.comparisons import COMPONENTS, Judgement, Mark

Choice = TypeVar("Choice", bound=StrEnum)
_MARKS: Mapping[str, Mark] = {"s": Mark.SIMILAR, "d": Mark.DIFFERENT, "n": Mark.NOT_VISIBLE}
_OPINIONS: Mapping[str, Opinion] = {"s": Opinion.SAME, "d": Opinion.DIFFERENT, "i": Opinion.INCONCLUSIVE}


def asked(number: int) -> Judgement:
    """What the reviewer answers. Raises Abort where they stop, and nothing is recorded."""
    terminal.say(f"Pair {number}: a key for each part of the face. {_keys(_MARKS)}; Ctrl-C stops.")
    components = {name: _chosen(name, _MARKS) for name in COMPONENTS}
    terminal.say(f"Is it the same person? {_keys(_OPINIONS)}.")
    opinion = _chosen("opinion", _OPINIONS)
    reason = typer.prompt("Why")
    typer.confirm(f"Say {opinion} of the pair {number}, once and for good?", abort=True)
    return Judgement(opinion=opinion, components=components, reason=reason)


def _keys(choices: Mapping[str, StrEnum]) -> str:
    return ", ".join(f"{key} {value}" for key, value in choices.items())


def _chosen(name: str, choices: Mapping[str, Choice]) -> Choice:
    """What the first key that means something chooses."""
    while True:
        key = typer.getchar()
        if not key:
            raise typer.Abort
        if (choice := choices.get(key.lower())) is not None:
            terminal.say(f"  {name}: {choice}")
            return choice
