"""What a profile demands of the face that is searched for."""

from __future__ import annotations

from collections.abc import Callable

from regard.accountability.gate import Grant
from regard.errors import AccessDenied


def face_counter(grant: Grant) -> Callable[[int], None] | None:
    """What is to be told how many faces a picture shows, where that matters: it raises AccessDenied for several. AWS
    takes the largest and says nothing."""
    if not grant.rules.one_face:
        return None

    def check(count: int) -> None:
        if count > 1:
            raise AccessDenied(
                f"{grant.act.operation} is refused: the picture shows {count} faces, and under the profile "
                f"{grant.rules.name} nobody is searched for who is not meant. Crop it to the one face."
            )

    return check


def check_utility(grant: Grant, utility: float | None) -> None:
    """Raises AccessDenied for a face that is seen too badly (0 to 100), unless a second person has agreed to such."""
    least = grant.rules.least_probe_utility
    if not least or utility is None:
        return
    grant.note(probe_utility=round(utility, 1))
    if utility >= least:
        return
    found = grant.mandate.authorisation
    agreed = found.scope.poor_probes if found else None
    if agreed is None:
        raise AccessDenied(
            f"{grant.act.operation} is refused: the face can be seen too badly to search for it (utility "
            f"{utility:.0f}; the profile {grant.rules.name} asks for {least:g}). Use a better picture, or have a "
            "second person agree with `regard authorise agree`."
        )
    grant.note(poor_probe_agreed_by=agreed)
