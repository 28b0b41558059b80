"""An approved authorisation, as a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from regard.domain.authorisations import Authorisation, AuthorisationKind, AuthorisationState, Scope


def approved(holder: str, **given: Any) -> Authorisation:
    """One of `holder`'s under public-safety, good for a week; what is given differs."""
    now = datetime.now(UTC)
    plain: dict[str, Any] = {
        "id": "A-7F3K9Q2M",
        "kind": AuthorisationKind.INVESTIGATION,
        "purpose": "violent-crime",
        "offence": "robbery",
        "basis": "order 9",
        "document_sha256": None,
        "case_reference": "file 3",
        "declaration": "no protected activity",
        "scope": Scope(),
        "on_behalf_of": None,
        "profile": "public-safety",
        "searches_allowed": None,
        "searches_done": 0,
        "starts_at": now - timedelta(hours=1),
        "ends_at": now + timedelta(days=7),
        "confirm_by": None,
        "state": AuthorisationState.APPROVED,
        "holder_id": holder,
        "requested_by": holder,
        "requested_at": now,
    }
    return Authorisation(**plain | given)
