"""An installation where people are known: who may do what, with keys of their own, made by rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from live_server import Live

from regard.accountability.secret_box import SecretBox
from regard.accountability.secret_keys import new_id, new_secret
from regard.domain.people import Person, Role, Service, Training
from regard.store import database
from regard.store.database import Database
from regard.store.key_rows import KeyRow, KeyRows
from regard.store.people_rows import PeopleRows

#: What `[accountability]` says in tests of people.
KNOWN: Mapping[str, Any] = {"profile": "public-safety", "assessment": "DPIA-7"}
ROLES = {
    "ann": (Role.ADMINISTRATOR,),
    "eve": (Role.ENROLLER,),
    "sam": (Role.SEARCHER,),
    "sue": (Role.SEARCHER,),
    "rob": (Role.REVIEWER,),
    "ray": (Role.REVIEWER,),
    "aud": (Role.AUDITOR,),
    "ove": (Role.OVERSEER,),
    "oda": (Role.OVERSEER,),
}


@dataclass
class Staff:
    """People by login, each with an id that begins with it; and an access key of each."""

    home: Path
    database: Database
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def people(self) -> PeopleRows:
        return PeopleRows(self.database)

    def add(self, login: str, *roles: Role, trained: bool = True) -> str:
        now = datetime.now(UTC)
        person_id = f"{login}-0001"
        self.people.add(Person(id=person_id, name=login.title(), login=login, created_at=now))
        self.people.grant(person_id, roles, None, now)
        if trained:
            self.train(person_id, now + timedelta(days=300))
        self.keys[login] = self.key(person_id)
        return person_id

    def train(self, person_id: str, expires_at: datetime) -> None:
        training = Training(
            person_id=person_id,
            subject="face comparison",
            reference="T-1",
            completed_at=expires_at - timedelta(days=365),
            expires_at=expires_at,
        )
        self.people.add_training(training, None, datetime.now(UTC))

    def service(self, name: str, person_id: str, *roles: Role) -> str:
        now, service_id = datetime.now(UTC), f"service-{name}"
        self.people.add_service(Service(id=service_id, name=name, person_id=person_id, created_at=now))
        self.people.grant(service_id, roles, None, now)
        self.keys[name] = self.key(service_id)
        return service_id

    def key(self, holder_id: str) -> tuple[str, str]:
        """Another access key of theirs."""
        access_key_id, secret = new_id("RGRD"), new_secret()
        sealed = SecretBox(self.home / "seal.key").encrypt(secret, access_key_id)
        row = KeyRow(
            access_key_id=access_key_id,
            name=f"of {holder_id}",
            sealed_secret=sealed,
            created_at=datetime.now(UTC),
            holder_id=holder_id,
        )
        KeyRows(self.database).add(row)
        return access_key_id, secret


def staffed(home: Path, url: str | None = None) -> Staff:
    """Everybody in ROLES, in the database of a home."""
    staff = Staff(home, database.open(url or f"sqlite:///{home / 'regard.db'}"))
    for login, roles in ROLES.items():
        staff.add(login, *roles)
    return staff


def client_of(live: Live, login: str, staff: Staff, service: str = "rekognition") -> Any:
    """A client with somebody's own key."""
    return client_with(live, *staff.keys[login], service=service)


def client_with(live: Live, key: str, secret: str, token: str | None = None, service: str = "rekognition") -> Any:
    made = boto3.client(
        service,
        endpoint_url=live.url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )
    live.clients.callback(made.close)
    return made


def taken(live: Live, credentials: Mapping[str, str], service: str = "rekognition") -> Any:
    """A client with the Credentials that STS answered."""
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return client_with(live, *(credentials[name] for name in names), service=service)
