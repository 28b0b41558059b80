"""A server where people are known, and authorisations of theirs, made by rows; for tests of whoever builds on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from approved import approved
from live_server import Live, with_models
from people import encoded, head
from staff import KNOWN, Staff, client_of, staffed

from regard.domain.authorisations import Authorisation
from regard.store.authorisation_rows import AuthorisationRows

ROLE = "arn:aws:iam::000000000000:role/searcher"
PHOTO = {"Bytes": encoded(head(200))}
Authorise = Callable[..., Authorisation]


@pytest.fixture(scope="module")
def known_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authorised")


@pytest.fixture(scope="module")
def staff(known_home: Path) -> Iterator[Staff]:
    made = staffed(known_home)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def known(known_home: Path, staff: Staff, models: Path) -> Iterator[Live]:
    (known_home / "regard.toml").write_text(
        f'[models]\nfolder = "{models}"\n[accountability]\nprofile = "public-safety"\nassessment = "DPIA-7"\n'
    )
    with with_models(models, known_home, accountability=KNOWN) as result:
        client_of(result, "ann", staff).create_collection(CollectionId="suspects")
        yield result


@pytest.fixture
def authorise(staff: Staff) -> Callable[..., Authorisation]:
    """An approved authorisation of Sam's, by rows; what is given differs."""

    def make(**given: Any) -> Authorisation:
        count = len(AuthorisationRows(staff.database).all())
        plain = {"id": f"A-TEST{count:04}", "decided_by": "ove-0001", "decided_at": datetime.now(UTC)}
        made = approved("sam-0001", **plain | given)
        AuthorisationRows(staff.database).add(made)
        return made

    return make


def assume(live: Live, staff: Staff, name: str, login: str = "sam", **given: Any) -> dict[str, Any]:
    wanted = {"RoleArn": ROLE, "RoleSessionName": name} | given
    return dict(client_of(live, login, staff, "sts").assume_role(**wanted))


def search(client: Any, **given: Any) -> Any:
    return client.search_faces_by_image(**{"CollectionId": "suspects", "Image": PHOTO} | given)


def left(staff: Staff, found: Authorisation) -> int:
    again = AuthorisationRows(staff.database).get(found.id)
    assert again is not None
    return again.searches_done
