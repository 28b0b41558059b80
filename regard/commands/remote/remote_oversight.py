"""Reviews, cases, suspensions and the ledger of a server that somebody signed in to."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from regard.accountability.abuse_signals import Signal
from regard.accountability.cases import CaseFile
from regard.accountability.reviews import Pair, ReviewerRates
from regard.commands.remote.server_client import Server, noun, step
from regard.domain.cases import Case, CaseCandidate, CaseState, Corroboration, PairKind, RankedCandidate
from regard.domain.comparisons import Judgement
from regard.domain.incidents import Incident
from regard.domain.reporting import Progress
from regard.domain.suspensions import Suspension


class RemoteReviews:
    """As `Reviews`, but for the grant."""

    def __init__(self, server: Server, collection: str | None) -> None:
        self._server = server
        self._of = {"collection": collection}

    def next(self) -> Pair | None:
        pair = self._server.post("/reviews/next", query=self._of)["pair"]
        if pair is None:
            return None
        probe, candidate = (base64.b64decode(pair[name]) for name in ("probe", "candidate"))
        return Pair(number=pair["number"], probe=probe, candidate=candidate)

    def decide(self, number: int, said: Judgement) -> None:
        body = {"opinion": said.opinion, "components": dict(said.components), "reason": said.reason}
        self._server.post(f"/reviews/{number}", body, self._of)

    def rates(self) -> list[ReviewerRates]:
        found = self._server.get("/reviews/rates")["reviewers"]
        return [noun(ReviewerRates, each, reviewer_id=each["person_id"]) for each in found]


class RemoteCases:
    """As `Cases`, but for the grant."""

    def __init__(self, server: Server, collection: str | None) -> None:
        self._server = server
        self._of = {"collection": collection}

    def all(self, states: Collection[CaseState] = ()) -> list[Case]:
        found = self._server.get("/cases", {**self._of, "state": [str(each) for each in states]})
        return [_case(each) for each in found["cases"]]

    def show(self, case_id: str) -> CaseFile:
        said = self._server.get(f"/cases/{step(case_id)}", self._of)
        case, told = _case(said["case"]), said["candidates"]
        return CaseFile(
            case=case,
            searches=[],
            reviews=[],
            candidates=[_candidate(case, each) for each in told],
            corroborations=[
                noun(Corroboration, each, key=0, case_id=case.id, person_id="", added_at=case.opened_at)
                for each in said["corroborations"]
            ],
            without_picture=said["without_picture"],
            identified={each["number"]: _identified(each) for each in told if each["state"] == "verified"},
            corroborations_needed=said["corroborations_needed"],
        )

    def corroborate(self, case_id: str, kind: str, reference: str, *, independent: bool) -> CaseState:
        body = {"kind": kind, "reference": reference, "independent": independent}
        return CaseState(self._server.post(f"/cases/{step(case_id)}/corroborations", body, self._of)["state"])


class RemoteSuspensions:
    """As `Suspensions`, but for the grant."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def begin(self, kind: str, subject: str, reason: str) -> Suspension:
        return _suspension(self._server.post("/suspensions", {"kind": kind, "subject": subject, "reason": reason}))

    def list(self, *, ended: bool = False) -> Sequence[Suspension]:
        found = self._server.get("/suspensions", {"ended": "true" if ended else None})["suspensions"]
        return [_suspension(each) for each in found]

    def lift(self, key: int) -> Suspension:
        return _suspension(self._server.post(f"/suspensions/{key}/lift"))


class RemoteIncidents:
    """As `Incidents` and `AbuseWatch`, but for the grant."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def open(self, kind: str, severity: str, description: str, recipients: Sequence[str] = ()) -> Incident:
        body = {"kind": kind, "severity": severity, "description": description, "recipients": list(recipients)}
        return _incident(self._server.post("/incidents", body))

    def list(self, *, closed: bool = False) -> Sequence[Incident]:
        found = self._server.get("/incidents", {"closed": "true" if closed else None})["incidents"]
        return [_incident(each) for each in found]

    def get(self, incident_id: str) -> Incident:
        return _incident(self._server.get(f"/incidents/{step(incident_id)}"))

    def notify(self, incident_id: str, recipient: str, reference: str | None = None) -> Incident:
        body = {"recipient": recipient, "reference": reference}
        return _incident(self._server.post(f"/incidents/{step(incident_id)}/notices", body))

    def close(self, incident_id: str, resolution: str) -> Incident:
        return _incident(self._server.post(f"/incidents/{step(incident_id)}/close", {"resolution": resolution}))

    def signals(self, lasting: timedelta) -> Sequence[Signal]:
        found = self._server.get("/incidents/signals", {"days": str(lasting / timedelta(days=1))})["signals"]
        return [noun(Signal, each) for each in found]


@dataclass(frozen=True, slots=True)
class RemoteCheckpoint:
    """A signed note, and of how many entries."""

    size: int
    note: str


class RemoteLedger:
    """As `LedgerAccess`, but for the grant, and for what is only done on the server's own machine."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def keys(self) -> Sequence[str]:
        return [str(each) for each in self._server.get("/ledger/keys")["keys"]]

    def checkpoint(self) -> RemoteCheckpoint:
        said = self._server.post("/ledger/checkpoint")
        return RemoteCheckpoint(said["size"], said["note"])

    def receipt_of(self, entry: str) -> str:
        return str(self._server.get(f"/ledger/receipts/{step(entry)}")["receipt"])

    def export(self, folder: Path, progress: Progress) -> RemoteCheckpoint:
        content = self._server.raw("GET", "/ledger/export")
        progress("Unpacking", 0, 1)
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar.getmembers():
                member.name = member.name.removeprefix("ledger").lstrip("/") or "."
                tar.extract(member, folder, filter="data")
        progress("Unpacking", 1, 1)
        note = (folder / "checkpoint").read_text("utf-8")
        return RemoteCheckpoint(int(note.splitlines()[1]), note)


def _case(said: Mapping[str, Any]) -> Case:
    return noun(Case, said, id=said["case_id"], opened_by=None)


def _candidate(case: Case, said: Mapping[str, Any]) -> CaseCandidate:
    """Its `face_id` is an alias until it is verified."""
    return noun(CaseCandidate, said, case_id=case.id, search_id=None, alias=said["face_id"], kind=PairKind.CANDIDATE)


def _identified(said: Mapping[str, Any]) -> RankedCandidate:
    """The server tells neither rank nor similarity."""
    return noun(RankedCandidate, said, rank=0, similarity=0.0)


def _suspension(said: Mapping[str, Any]) -> Suspension:
    return noun(Suspension, said, key=said["number"])


def _incident(said: Mapping[str, Any]) -> Incident:
    notices = [{**each, "key": 0, "notified_by": None} for each in said["notices"]]
    return noun(Incident, said, closed_by=None, notices=notices)
