"""An agency whose candidates are reviewed: people with roles, keys and training, and authorisations, put there by rows;
everything else is done by unmodified clients and by the doors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import numpy as np
import PIL.Image
from approved import approved
from botocore.config import Config
from live_server import Live, with_models
from people import astronaut, encoded
from sqlalchemy import update

from regard.accountability.gate import Grant
from regard.accountability.reviews import Pair
from regard.domain.authorisations import Scope
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.cases import Opinion
from regard.domain.comparisons import COMPONENTS, Judgement, Mark
from regard.domain.people import Person, Role, Training
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.people_rows import PeopleRows
from regard.store.tables.access_keys import access_keys

PUBLIC_SAFETY = {"profile": "public-safety", "assessment": "DPIA-2026-1"}
ROLE = "arn:aws:iam::000000000000:role/search"
_ACTS = {"review": Action.REVIEW, "read": Action.READ, "export": Action.EXPORT}


def portrait(*, dark: float = 1.0, left: int = 0) -> bytes:
    """The astronaut, whole or a little darker and shifted: another picture of the same person."""
    pixels = astronaut()[:, left:] if left else astronaut()
    return encoded((pixels * dark).astype(np.uint8))


def stranger() -> bytes:
    """A face of nobody's: the astronaut's picture, stretched until nobody would say it is she."""
    picture = PIL.Image.fromarray(astronaut()[0:260, 90:350]).resize((420, 620))
    return encoded(np.asarray(picture)[::-1, ::-1][::-1, :])


def judgement(opinion: Opinion = Opinion.SAME, reason: str = "The marks beside the nose agree.") -> Judgement:
    mark = {Opinion.SAME: Mark.SIMILAR, Opinion.DIFFERENT: Mark.DIFFERENT}.get(opinion, Mark.NOT_VISIBLE)
    return Judgement(opinion=opinion, components=dict.fromkeys(COMPONENTS, mark), reason=reason)


@dataclass
class Agency:
    """A running server, and who works there."""

    live: Live
    people: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Any:
        return self.live.engine.stores.database

    def hire(self, name: str, *roles: Role, trained_until: timedelta | None = timedelta(days=300)) -> str:
        """A person with these roles; their id."""
        rows, now, person_id = PeopleRows(self.database), datetime.now(UTC), str(uuid4())
        rows.add(Person(id=person_id, name=name, login=name, created_at=now))
        rows.grant(person_id, roles, None, now)
        if trained_until is not None:
            training = Training(
                person_id=person_id,
                subject="facial comparison",
                reference="T-1",
                completed_at=now - timedelta(days=400),
                expires_at=now + trained_until,
            )
            rows.add_training(training, None, now)
        self.people[name] = person_id
        return person_id

    def key(self, name: str) -> tuple[str, str]:
        """A new access key of theirs."""
        key, secret = self.live.engine.access_keys.create(name)
        with self.database.write() as connection:
            mine = update(access_keys).where(access_keys.c.access_key_id == key)
            connection.execute(mine.values(holder_id=self.people[name]))
        return key, secret

    def client(self, name: str) -> Any:
        key, secret = self.key(name)
        return self.live.client(aws_access_key_id=key, aws_secret_access_key=secret)

    def authorise(
        self,
        name: str,
        *,
        searches: int | None = None,
        poor_probes: str | None = None,
        collections: tuple[str, ...] | None = None,
    ) -> str:
        """An approved authorisation for somebody; its id."""
        new = approved(
            self.people[name],
            id=f"auth-{uuid4().hex[:12]}",
            scope=Scope(poor_probes=poor_probes, collections=collections),
            searches_allowed=searches,
            decided_by=self.people["olga"],
            decided_at=datetime.now(UTC),
        )
        AuthorisationRows(self.database).add(new)
        return new.id

    def session(self, name: str, authorisation: str) -> Any:
        """An unmodified client under an authorisation, which is the name of its session."""
        key, secret = self.key(name)
        options = {
            "endpoint_url": self.live.url,
            "region_name": "us-east-1",
            "config": Config(retries={"total_max_attempts": 1}),
        }
        sts = boto3.client("sts", aws_access_key_id=key, aws_secret_access_key=secret, **options)
        given = sts.assume_role(RoleArn=ROLE, RoleSessionName=authorisation)["Credentials"]
        sts.close()
        client = boto3.client(
            "rekognition",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            **options,
        )
        self.live.clients.callback(client.close)
        return client

    @contextmanager
    def acting(self, name: str, operation: str, collection: str | None = None) -> Iterator[Grant]:
        """The gate, opened by somebody at the command line."""
        from regard.commands.acts import ACTS  # noqa: PLC0415 - a table, read when it is needed

        caller = Caller(principal=Principal(access_key_id="", name=name), channel=Channel.CLI, request_id=str(uuid4()))
        act = Act(action=ACTS[operation], operation=operation, collection=collection)
        with self.live.engine.gate.open(caller, act) as grant:
            yield grant

    def next_pair(self, name: str) -> Pair | None:
        with self.acting(name, "review next") as grant:
            return self.live.engine.reviews.next(grant)

    def decide(self, name: str, number: int, said: Judgement) -> None:
        with self.acting(name, "review decide") as grant:
            self.live.engine.reviews.decide(grant, number, said)

    def review(self, name: str, opinion: Opinion = Opinion.SAME) -> Pair:
        """The next pair, judged."""
        pair = self.next_pair(name)
        assert pair is not None
        self.decide(name, pair.number, judgement(opinion))
        return pair

    def enrol(self, collection: str, pictures: Mapping[str, bytes]) -> dict[str, str]:
        """Faces by their external image ids; their ids."""
        client = self.session("erin", self.authorise("erin"))
        found = {}
        for name, content in pictures.items():
            answer = client.index_faces(CollectionId=collection, Image={"Bytes": content}, ExternalImageId=name)
            found[name] = answer["FaceRecords"][0]["Face"]["FaceId"]
        return found


@contextmanager
def agency(models: Path, home: Path, **accountability: Any) -> Iterator[Agency]:
    """Sam and sue search; rita, ron and ruth review; erin enrols, olga oversees, adam administers, alice audits."""
    with with_models(models, home, accountability=PUBLIC_SAFETY | accountability) as live:
        made = Agency(live)
        staff: Sequence[tuple[str, Role]] = (
            ("adam", Role.ADMINISTRATOR),
            ("olga", Role.OVERSEER),
            ("alice", Role.AUDITOR),
            ("erin", Role.ENROLLER),
            ("sam", Role.SEARCHER),
            ("sue", Role.SEARCHER),
            ("rita", Role.REVIEWER),
            ("ron", Role.REVIEWER),
            ("ruth", Role.REVIEWER),
        )
        for name, role in staff:
            made.hire(name, role)
        made.client("adam").create_collection(CollectionId="suspects")
        yield made
