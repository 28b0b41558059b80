"""Which folders of the server's machine may be indexed by those who ask it from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.errors import AccessDenied, InvalidParameter

#: What the system keeps there is nobody's photographs.
_NEVER = tuple(map(Path, ("/proc", "/sys", "/dev")))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFolders:
    """The folders that are `open`, and all below them but what is hidden or lies in `home`, Regard's own; none, where
    the server is reached from elsewhere and nobody has named any."""

    open: Sequence[Path]
    home: Path

    def find(self, folder: str) -> Path:
        """The folder, links followed. Raises InvalidParameter where there is none that may be indexed, in the same
        words whether or not it is there; AccessDenied where none may be."""
        if not self.open:
            raise AccessDenied(
                "This server is reached from other machines: say in its settings, as [server] folders, which folders "
                "may be indexed; or index the folder at its command line, with `regard index`."
            )
        try:
            place = Path(folder).expanduser()
            found = place.resolve() if place.is_absolute() else None
            if found is not None and self._is_open(found) and found.is_dir():
                return found
        except (OSError, ValueError, RuntimeError):
            pass  # what no file system can hold, may not be looked at, or is the home of nobody
        raise InvalidParameter(
            "That is not a folder that may be indexed from here. Give the whole path of one in the home of the "
            "server's account, or in one of its setting [server] folders, that is not hidden and not Regard's own."
        )

    def _is_open(self, place: Path) -> bool:
        kept = self.home.resolve(), *_NEVER
        if any(place.is_relative_to(each) for each in kept):
            return False
        tops = (each.resolve() for each in self.open)
        return any(
            place.is_relative_to(top)
            and top != Path("/")
            and not any(step.startswith(".") for step in place.relative_to(top).parts)
            for top in tops
        )
