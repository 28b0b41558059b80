"""Reports of a server that somebody signed in to: each kind of file is asked of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from regard.accountability.reports.notice_report import Sign
from regard.commands.remote.server_client import Query, Server, step


@dataclass(frozen=True, slots=True)
class RemoteReport:
    """A report as the server says it, and the proofs that it rests on, by the names of their files."""

    data: Mapping[str, Any]
    _asked: Callable[[str], bytes] = field(repr=False)
    proofs: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.data["report"])

    def made(self, suffix: str) -> bytes:
        return self._asked(suffix.removeprefix("."))


class RemoteReports:
    """The routes of reports. Days are by UTC."""

    def __init__(self, server: Server, collection: str | None) -> None:
        self._server = server
        self._of: Query = {"collection": collection}

    def accountability(self) -> RemoteReport:
        return self._report("GET", "accountability")

    def assessment(self) -> RemoteReport:
        return self._report("GET", "assessment")

    def transparency(self, first: date, last: date, demographics: Mapping[str, Mapping[str, str]]) -> RemoteReport:
        """A period is published once: asked for again, it is that report."""
        period = {"since": f"{first:%Y-%m-%d}", "until": f"{last:%Y-%m-%d}"}
        if demographics:
            self._server.post("/reports/transparency", period | {"demographics": demographics})
        return self._report("POST", "transparency", period)

    def notice(self, sign: Sign) -> RemoteReport:
        return self._report("POST", "notice", _body(sign))

    def override(self, sign: Sign, reason: str) -> RemoteReport:
        return self._report("POST", "override", _body(sign) | {"reason": reason})

    def audit(self, first: date, last: date) -> RemoteReport:
        return self._report("GET", "audit", query={"since": f"{first:%Y-%m-%d}", "until": f"{last:%Y-%m-%d}"})

    def case(self, case_id: str) -> RemoteReport:
        path = f"cases/{step(case_id)}"
        proofs = self._server.get(f"/reports/{path}/proofs", self._of)["proofs"]
        return self._report("GET", path, query=self._of, proofs=proofs)

    def warrant(self, case_id: str) -> RemoteReport:
        return self._report("GET", f"warrants/{step(case_id)}", query=self._of)

    def searches(self, face_id: str) -> RemoteReport:
        return self._report("GET", f"searches/{step(face_id)}", query=self._of)

    def _report(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Query | None = None,
        proofs: Mapping[str, str] | None = None,
    ) -> RemoteReport:
        def asked(form: str) -> bytes:
            return self._server.raw(method, f"/reports/{path}", body, {**(query or {}), "form": form})

        return RemoteReport(json.loads(asked("json")), asked, proofs or {})


def _body(sign: Sign) -> dict[str, Any]:
    return {"place": sign.place, "since": sign.since, "until": sign.until}
