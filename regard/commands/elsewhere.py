"""What is not done at a server that somebody signed in to, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping

from regard.commands.remote.kept_sign_in import kept_sign_in
from regard.config.settings import Settings
from regard.errors import InvalidParameter

#: What only looks at the pictures that are named, and at this machine.
_OF_THIS_MACHINE = frozenset({"compare", "doctor", "faces find", "labels", "text", "video"})
#: By the command, or its first word.
_INSTEAD: Mapping[str, str] = {
    "cases line-up": "Take the marked picture from the case in the console, or from its `GET /v1/cases/CASE/pictures`",
    "evaluate": "Send the pictures to its `POST /v1/evaluations`, and see the result with `regard evaluations list`",
    "faces": "Use its `/v1/collections/NAME/faces`, the console, or an AWS client with a key of yours",
    "index": "Send pictures to its `POST /v1/collections/NAME/faces`, use the console, or IndexFaces with your key",
    "keys": "There a key is somebody's: `regard people key` and `regard services key` create one at the server",
    "jobs": "Use the console, or an AWS client with a key of yours",
    "video": "Use StartFaceSearch with a key of yours",
}


def check_here(chosen: Settings, command: str, collection: str | None = None) -> None:
    """Raises InvalidParameter where somebody has signed in to a server, and would have to do this on the server's own
    machine: it would be done in the home of this one, which they do not mean."""
    kept = kept_sign_in(chosen.home)
    if kept is None or (command in _OF_THIS_MACHINE and collection is None):
        return
    instead = _INSTEAD.get(command) or _INSTEAD.get(command.partition(" ")[0])
    raise InvalidParameter(
        f"You are signed in to {kept.server}, and `regard {command}` is done on the server's own machine. "
        + (f"{instead}. " if instead else "")
        + "`regard sign-out` has commands work in this machine's home again, and `--home FOLDER` in another."
    )
