"""On what basis faces are enrolled, as commands are told it."""

from __future__ import annotations

from typing import Annotated

import typer

from regard.accountability.enrolment_terms import Basis
from regard.errors import InvalidParameter

BasisOption = Annotated[
    str | None, typer.Option("--basis", help="Why the faces may be enrolled, where the profile asks for that.")
]
SourceOption = Annotated[str | None, typer.Option("--source", help="Where the pictures come from; goes with --basis.")]


def basis_of(basis: str | None, source: str | None) -> Basis | None:
    """None if neither was given. Raises InvalidParameter for one without the other."""
    if basis is None and source is None:
        return None
    if not basis or not source:
        raise InvalidParameter("Give both --basis, why they may be enrolled, and --source, where they come from.")
    return Basis(text=basis, source=source)
