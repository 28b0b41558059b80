"""Authorisations, people, services and thresholds of a server that somebody signed in to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from regard.accountability.authorisations import Request
from regard.accountability.people import PersonShown
from regard.accountability.services import ServiceShown
from regard.accountability.temporary_credentials import TemporaryKey
from regard.commands.remote.server_client import Server, noun, step
from regard.domain.authorisations import Authorisation
from regard.domain.callers import TemporaryCredential
from regard.domain.people import Person, Role, Service, Training
from regard.domain.thresholds import ThresholdChange
from regard.errors import ResourceNotFound


class RemoteAuthorisations:
    """As `Authorisations`, but for the grant."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def request(self, asked: Request) -> Authorisation:
        said = _without_none(asdict(asked))
        scope, behalf = _without_none(asdict(asked.scope)), said.pop("on_behalf_of", None)
        if behalf is not None:
            said["on_behalf_of"] = {name: value for name, value in behalf.items() if value}
        return self._told(self._server.post("/authorisations", said | {"scope": scope}))

    def approve(
        self,
        authorisation_id: str,
        *,
        document_sha256: str | None = None,
        ends_at: datetime | None = None,
        searches: int | None = None,
    ) -> Authorisation:
        body = {"document_sha256": document_sha256, "ends_at": ends_at, "searches": searches}
        return self._decided(authorisation_id, "approve", body)

    def refuse(self, authorisation_id: str) -> Authorisation:
        return self._decided(authorisation_id, "refuse")

    def agree_to_poor_probes(self, authorisation_id: str) -> Authorisation:
        return self._decided(authorisation_id, "agree")

    def end(self, authorisation_id: str, statistics: Mapping[str, str] | None = None) -> Authorisation:
        return self._decided(authorisation_id, "end", {"statistics": dict(statistics or {})})

    def all(self) -> list[Authorisation]:
        return [self._told(each) for each in self._server.get("/authorisations")["authorisations"]]

    def get(self, authorisation_id: str) -> Authorisation:
        said = self._server.get(f"/authorisations/{step(authorisation_id)}")
        self._server.names |= said["names"]
        return self._told(said["authorisation"])

    def _decided(self, authorisation_id: str, how: str, body: object = None) -> Authorisation:
        return self._told(self._server.post(f"/authorisations/{step(authorisation_id)}/{how}", body))

    def _told(self, said: Mapping[str, Any]) -> Authorisation:
        return noun(Authorisation, said)


class RemoteCredentials:
    """As `AuthorisedCredentials`, but for the grant."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def temporary(self, authorisation_id: str, *, role: str, lasting: timedelta) -> tuple[TemporaryKey, str]:
        body = {"role": role, "seconds": int(lasting.total_seconds())}
        said = self._server.post(f"/authorisations/{step(authorisation_id)}/credentials", body)
        credential = TemporaryCredential(
            access_key_id=said["access_key_id"],
            role=role,
            name=authorisation_id,
            expires_at=datetime.fromisoformat(said["expires_at"]),
        )
        key = TemporaryKey(secret=said["secret_access_key"], parent="", temporary_credential=credential)
        return key, said["session_token"]

    def web_identity(self, authorisation_id: str) -> str:
        return str(self._server.post(f"/authorisations/{step(authorisation_id)}/web-identity")["token"])


class RemotePeople:
    """As `People`, but for the grant."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def add(self, name: str, login: str | None, roles: Collection[Role]) -> Person:
        body = {"name": name, "login": login, "roles": list(roles)}
        return noun(Person, self._server.post("/people", body))

    def list(self) -> Sequence[PersonShown]:
        return [_person(each) for each in self._server.get("/people")["people"]]

    def names(self, ids: Iterable[str | None]) -> dict[str, str]:
        return {each: self._server.names.get(each, each) for each in ids if each is not None}

    def show(self, who: str) -> PersonShown:
        said = self._server.get(f"/people/{step(who)}")
        person = _person(said["person"])
        return PersonShown(
            person=person.person,
            roles=person.roles,
            trainings=[noun(Training, each, person_id=person.person.id) for each in said["trainings"]],
            services=said["services"],
            keys=said["keys"],
        )

    def end(self, who: str) -> tuple[Person, Sequence[str]]:
        found = self.show(who).person
        return found, self._server.post(f"/people/{step(found.id)}/end")["keys"]

    def grant(self, who: str, roles: Collection[Role]) -> Person:
        return self._changed(who, "grant", {"roles": list(roles)})

    def withdraw(self, who: str, roles: Collection[Role]) -> Person:
        return self._changed(who, "withdraw", {"roles": list(roles)})

    def train(self, training: Training) -> Person:
        body = {name: getattr(training, name) for name in ("subject", "reference", "completed_at", "expires_at")}
        return self._changed(training.person_id, "trainings", body)

    def _changed(self, who: str, what: str, body: object) -> Person:
        self._server.post(f"/people/{step(who)}/{what}", body)
        return self.show(who).person


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whose it was, by their name: more is not told to everybody."""

    name: str


class RemoteMeans:
    """As `SignInMeans`, but for the grant, and for what is only done on the server's own machine."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def set_password(self, who: str, password: str) -> Somebody:
        return self._changed("PUT", who, "password", {"password": password})

    def remove_password(self, who: str) -> Somebody:
        return self._changed("DELETE", who, "password")

    def new_codes(self, who: str) -> tuple[Somebody, str]:
        said = self._server.post(f"/people/{step(who)}/codes")
        return Somebody(said["name"]), said["address"]

    def remove_codes(self, who: str) -> Somebody:
        return self._changed("DELETE", who, "codes")

    def _changed(self, method: str, who: str, what: str, body: object = None) -> Somebody:
        return Somebody(self._server.ask(method, f"/people/{step(who)}/{what}", body)["name"])


class RemoteServices:
    """As `Services`, but for the grant."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def add(self, name: str, answers: str, roles: Collection[Role]) -> ServiceShown:
        body = {"name": name, "answers": answers, "roles": list(roles)}
        return _service(self._server.post("/services", body))

    def list(self) -> Sequence[ServiceShown]:
        return [_service(each) for each in self._server.get("/services")["services"]]

    def end(self, name: str) -> tuple[Service, Sequence[str]]:
        found = self._found(name)
        return found, self._server.post(f"/services/{step(found.id)}/end")["keys"]

    def grant(self, name: str, roles: Collection[Role]) -> Service:
        return self._changed(name, "grant", {"roles": list(roles)})

    def withdraw(self, name: str, roles: Collection[Role]) -> Service:
        return self._changed(name, "withdraw", {"roles": list(roles)})

    def key(self, name: str, key_name: str | None = None) -> tuple[str, str]:
        said = self._server.post(f"/services/{step(self._found(name).id)}/keys", {"name": key_name or name})
        return said["access_key_id"], said["secret_access_key"]

    def key_of_person(self, who: str, key_name: str | None = None) -> tuple[str, str, Person]:
        person = RemotePeople(self._server).show(who).person
        said = self._server.post(f"/people/{step(person.id)}/keys", {"name": key_name})
        return said["access_key_id"], said["secret_access_key"], person

    def _changed(self, name: str, what: str, body: object) -> Service:
        found = self._found(name)
        self._server.post(f"/services/{step(found.id)}/{what}", body)
        return found

    def _found(self, name: str) -> Service:
        """The service of that name, which may have what no step of a path can."""
        found = [each.service for each in self.list() if name in (each.service.name, each.service.id)]
        if found:
            return found[0]
        raise ResourceNotFound(f"There is no service {name}; `regard services list` shows those that there are.")


class RemoteThresholds:
    """As `Thresholds`, but for the grant."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def lower(self, collection_id: str, threshold: float, *, reason: str, evaluation_id: str) -> ThresholdChange:
        body = {"threshold": threshold, "reason": reason, "evaluation_id": evaluation_id}
        return self._changed(collection_id, "lower", body)

    def approve(self, collection_id: str, threshold: float) -> ThresholdChange:
        return self._changed(collection_id, "approve", {"threshold": threshold})

    def raise_to(self, collection_id: str, threshold: float, *, reason: str) -> ThresholdChange:
        return self._changed(collection_id, "raise", {"threshold": threshold, "reason": reason})

    def of(self, collection_id: str) -> list[ThresholdChange]:
        return [_change(each) for each in self._server.get(f"/thresholds/{step(collection_id)}")["changes"]]

    def _changed(self, collection_id: str, how: str, body: object) -> ThresholdChange:
        return _change(self._server.post(f"/thresholds/{step(collection_id)}/{how}", body))


def _person(said: Mapping[str, Any]) -> PersonShown:
    return PersonShown(person=noun(Person, said), roles=frozenset(map(Role, said["roles"])))


def _service(said: Mapping[str, Any]) -> ServiceShown:
    answers = noun(Person, said, id=said["answers_id"], name=said["answers"], login=None, ended_at=None)
    return ServiceShown(
        service=noun(Service, said, person_id=said["answers_id"]),
        person=answers,
        roles=frozenset(map(Role, said["roles"])),
    )


def _change(said: Mapping[str, Any]) -> ThresholdChange:
    """Its keys are the database's, and nobody else's."""
    return noun(ThresholdChange, said, key=0, collection_key=0)


def _without_none(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
