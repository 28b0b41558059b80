"""What the ledger's entries tell of acts, as far as signs of abuse are looked for in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from regard.accountability.hands import Change, change_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One act, as far as signs are looked for in it. `who` is the person, or the access key or name of the caller."""

    at: datetime
    who: str
    operation: str
    action: str
    outcome: str
    collection: str | None
    threshold: float | None
    facts: Mapping[str, Any]
    authorisation: str | None = None

    @property
    def probe(self) -> str | None:
        """Whom a search was for, if that was a face that is enrolled; or else its best candidate, where candidates are
        reviewed by a pseudonym, which `read` puts there."""
        asked = self.facts.get("probe_face") or self.facts.get("probe_user") or self.facts.get("subject")
        candidates = self.facts.get("candidates") or ()
        first = candidates[0] if candidates else {}
        return asked or first.get("face") or first.get("user")


def read(bodies: Iterable[bytes], pseudonyms: Mapping[str, str]) -> Iterator[Deed]:
    """The deeds that entries of the ledger tell of, with the best candidates' pseudonyms by search, which no entry
    holds. The sweeper's own are left out."""
    for body in bodies:
        said = json.loads(body)
        who, facts = said.get("who", {}), said.get("facts", {})
        best = pseudonyms.get(facts.get("search", ""))
        if said.get("channel") == "worker":
            continue
        yield Deed(
            at=datetime.strptime(said["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
            who=said.get("person") or who.get("access_key") or who.get("name") or "",
            operation=said["operation"],
            action=said["action"],
            outcome=said["outcome"],
            collection=said.get("collection"),
            threshold=said.get("threshold"),
            facts=facts if best is None else {**facts, "subject": best},
            authorisation=said.get("authorisation"),
        )


def change_by(deed: Deed) -> Change | None:
    """What it changed of how somebody acts, if it was allowed and changed something of the kind."""
    return change_of(deed.at, deed.who, deed.operation, deed.facts) if deed.outcome == "allowed" else None


def named(done: Sequence[Deed], *operations: str) -> list[Deed]:
    """Those of these operations that were allowed."""
    return [each for each in done if each.operation in operations and each.outcome == "allowed"]
