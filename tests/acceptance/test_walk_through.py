"""One search from request to erasure, under every profile that has candidates reviewed, by unmodified boto3: refused,
authorised, pending, reviewed, verified, supported, reported, expired, purged; and the ledger verified by somebody who
has nothing but its export and its key."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agency import Agency, agency, portrait
from botocore.exceptions import ClientError
from sqlalchemy import update
from test_reviewed_search import SUSPECTS, case_of, decided

from regard.accountability.authorisations import Authorisations, Request
from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.profiles.rules import Rules
from regard.bootstrap.ledger import ledger_access
from regard.bootstrap.reports import reports
from regard.domain.authorisations import AuthorisationKind
from regard.domain.cases import CaseState, Opinion
from regard.store.case_rows import CaseRows
from regard.store.picture_rows import PictureRows
from regard.store.tables.cases import cases, searches

PROBE = {"Bytes": portrait(dark=0.9)}
#: The strictest one is walked through with every change, the others with all that take long.
REVIEWING = [
    pytest.param(name, marks=() if name == "public-safety" else pytest.mark.slow)
    for name, rules in PROFILES.items()
    if rules.review.agreements
]


def authorised(station: Agency, rules: Rules, who: str, boss: str = "olga", *, purpose: str = "investigation") -> str:
    """What one person requests and another approves, as this profile wants it."""
    stores = station.live.engine.stores
    door = Authorisations(stores.authorisations, stores.people, stores.collections)
    kinds = rules.authorisation.kinds
    asked = Request(
        kind=AuthorisationKind.WARRANT if AuthorisationKind.WARRANT in kinds else kinds[0],
        purpose=(rules.authorisation.purposes or (purpose,))[0],
        basis="Warrant 26-114",
        offence="robbery",
        document_sha256="ab" * 32,
        case_reference="2026-114",
        declaration="No protected activity is the reason.",
        statistics={"place": "Market Square"},
    )
    with station.acting(who, "authorise request") as grant:
        made = door.request(grant, asked)
    with station.acting(boss, "authorise approve") as grant:
        return door.approve(grant, made.id).id


def enrolled(station: Agency, rules: Rules) -> None:
    client = station.session("erin", authorised(station, rules, "erin"))
    client.index_faces(**SUSPECTS, Image={"Bytes": portrait()}, ExternalImageId="eileen")
    if rules.retention.watchlist_hours is not None:
        with station.acting("olga", "watchlists review", "suspects") as grant:
            station.live.engine.keeping.watchlists.review(grant, "suspects")


@pytest.mark.control(7, 9, 10, 15, 18, 32, 36)
@pytest.mark.parametrize("profile", REVIEWING)
def test_a_search_from_its_request_to_its_erasure(profile: str, models: Path, tmp_path: Path) -> None:
    rules = PROFILES[profile]
    with agency(models, tmp_path / "home", profile=profile) as station:
        enrolled(station, rules)
        with pytest.raises(ClientError, match="takes an authorisation"):
            station.client("sam").search_faces_by_image(**SUSPECTS, Image=PROBE)
        authorisation = authorised(station, rules, "sam")
        sam = station.session("sam", authorisation)
        answer = sam.search_faces_by_image(**SUSPECTS, Image=PROBE)
        (match,) = answer["FaceMatches"]
        case, alias = case_of(answer), match["Face"]["FaceId"]
        assert match["Face"]["ExternalImageId"].startswith("review-pending:")
        _reviewed(station, rules, case)
        (face,) = sam.list_faces(**SUSPECTS, FaceIds=[alias])["Faces"]
        assert face["ExternalImageId"] == "eileen"
        _reported(station, case, rules)
        _ended(station, authorisation, sam)
        _purged(station, case)
        _verified(station, tmp_path)


def _reviewed(station: Agency, rules: Rules, case: str) -> None:
    reviewers = ["rita", "ron"][: rules.review.agreements]
    decided(station, dict.fromkeys(reviewers, Opinion.SAME), case)
    with station.acting("sam", "cases corroborate") as grant:
        state = station.live.engine.cases.corroborate(grant, case, "documents", "passport", independent=True)
    assert state is CaseState.ACTIONABLE


def _reported(station: Agency, case: str, rules: Rules) -> None:
    engine, now = station.live.engine, datetime.now(UTC)
    doors = reports(engine.settings, engine.stores, engine.known_models)
    with station.acting("alice", "report case") as grant:
        bundle = doors.cases.case(grant, case)
    said: Any = bundle.report.data
    assert len(said["reviews"]) == rules.review.agreements
    assert said["authorisation"].basis == "Warrant 26-114"
    assert len(bundle.proofs) >= 1 + rules.review.agreements
    with station.acting("olga", "report audit") as grant:
        audited = doors.audit.run(grant, now - timedelta(days=1), now + timedelta(days=1))
    assert audited.data["exceptions"] == []
    assert audited.data["searches"] == 1


def _ended(station: Agency, authorisation: str, sam: Any) -> None:
    stores = station.live.engine.stores
    door = Authorisations(stores.authorisations, stores.people, stores.collections)
    with station.acting("olga", "authorise end") as grant:
        door.end(grant, authorisation)
    with pytest.raises(ClientError) as refused:
        sam.search_faces_by_image(**SUSPECTS, Image=PROBE)
    assert refused.value.response["Error"]["Code"] == "ExpiredTokenException"


def _purged(station: Agency, case: str) -> None:
    """The time of the case is over: what was seen of it is gone, and a receipt says so."""
    before = datetime.now(UTC) - timedelta(days=2)
    with station.database.write() as connection:
        connection.execute(update(cases).values(purge_after=before))
        connection.execute(update(searches).values(purge_after=before))
    kept = station.live.engine.keeping.retention
    kept.sweep(lambda collection: station.acting("olga", "sweep", collection))
    found = CaseRows(station.database).find(case)
    assert found is None or found.state is CaseState.PURGED
    assert PictureRows(station.database).of_case(case) == {}
    with station.acting("olga", "sweep") as grant:
        assert "cases" in {each.kind for each in kept.receipts(grant, 20)}


def _verified(station: Agency, tmp_path: Path) -> None:
    engine = station.live.engine
    access = ledger_access(engine.settings, engine.stores)
    with station.acting("alice", "ledger keys") as grant:
        (key, *_) = access.keys(grant)
    with station.acting("alice", "ledger export") as grant:
        access.export(grant, tmp_path / "export", lambda *_: None)
    alone = [sys.executable, "-m", "regard", "ledger", "verify", str(tmp_path / "export"), "--key", key]
    said = subprocess.run(alone, check=False, capture_output=True, text=True, cwd=tmp_path, env={"HOME": str(tmp_path)})
    assert said.returncode == 0, said.stderr
    assert "entries" in said.stdout


@pytest.mark.control(9, 21, 28, 53)
@pytest.mark.slow
def test_somebody_agrees_is_found_and_takes_it_back_under_consented(models: Path, tmp_path: Path) -> None:
    """No police and no reviewers: a gate that opens for members, each of whom has agreed in writing."""
    rules, agreed = PROFILES["consented"], "entrance"
    with agency(models, tmp_path / "home", profile="consented") as station:
        consents, image = station.live.engine.keeping.consents, {"Bytes": portrait()}
        erin = station.session("erin", authorised(station, rules, "erin", purpose=agreed))
        with pytest.raises(ClientError, match="no valid consent for eileen"):
            erin.index_faces(**SUSPECTS, Image=image, ExternalImageId="eileen")
        with station.acting("erin", "consents record", "suspects") as grant:
            given = {"text": "We compare your face at the door.", "signed_name": "Eileen C."}
            consents.record(grant, "suspects", "eileen", agreed, **given)
        other = station.session("erin", authorised(station, rules, "erin", purpose="advertising"))
        with pytest.raises(ClientError, match="no valid consent for eileen"):
            other.index_faces(**SUSPECTS, Image=image, ExternalImageId="eileen")
        assert len(erin.index_faces(**SUSPECTS, Image=image, ExternalImageId="eileen")["FaceRecords"]) == 1
        with pytest.raises(ClientError, match="takes an authorisation"):
            station.client("sam").search_faces_by_image(**SUSPECTS, Image=PROBE)
        authorisation = authorised(station, rules, "sam", purpose=agreed)
        sam = station.session("sam", authorisation)
        (match,) = sam.search_faces_by_image(**SUSPECTS, Image=PROBE)["FaceMatches"]
        assert match["Face"]["ExternalImageId"] == "eileen", "nothing is reviewed here"
        with station.acting("erin", "consents withdraw", "suspects") as grant:
            assert consents.withdraw(grant, "suspects", "eileen") == [match["Face"]["FaceId"]]
        assert sam.search_faces_by_image(**SUSPECTS, Image=PROBE)["FaceMatches"] == []
        _ended(station, authorisation, sam)
        _verified(station, tmp_path)
