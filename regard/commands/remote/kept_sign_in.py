"""That somebody signed in to a server: kept in their home, where only they can read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regard.errors import ExpiredToken, InvalidParameter
from regard.files import make_folder, replace_file

_FILE = "sign-in.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSignIn:
    """Where somebody signed in, as whom, with which token, and until when. `authority` is the file of certificates that
    the server's is checked with; the system's unless given."""

    server: str
    login: str
    token: str = field(repr=False)
    ends_at: datetime
    authority: str | None = None

    def check(self) -> None:
        """Raises ExpiredToken once it has ended."""
        if self.ends_at <= datetime.now(UTC):
            raise ExpiredToken(
                f"Your sign-in to {self.server} has ended. Sign in again: `regard sign-in {self.server}`."
            )

    def keep(self, home: Path) -> None:
        make_folder(home)
        said = asdict(self) | {"ends_at": self.ends_at.isoformat()}
        with replace_file(home / _FILE) as stream:
            stream.write(json.dumps(said).encode())


def kept_sign_in(home: Path) -> KeptSignIn | None:
    """The sign-in that is kept in a home, also one that has ended. Raises InvalidParameter if the file is damaged."""
    file = home / _FILE
    try:
        said: Mapping[str, Any] = json.loads(file.read_bytes())
        return KeptSignIn(**{**said, "ends_at": datetime.fromisoformat(said["ends_at"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidParameter(f"{file} is damaged. Delete it, and sign in again.") from error


def forget_sign_in(home: Path) -> None:
    (home / _FILE).unlink(missing_ok=True)
