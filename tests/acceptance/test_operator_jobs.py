"""Jobs for celebrities and for pictures of a manifest, asked for through the native API and done by a real worker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import clip
from live_server import with_models
from native import PASSWORD, Office, office
from people import encoded, head
from staff import KNOWN, ROLES, Staff

from regard.accountability.passwords import Passwords
from regard.bootstrap.job_workers import working_on_jobs

PATIENCE_SECONDS = 120
FILM = {"object": {"bucket": "photos", "name": "stars.mp4"}}


def staffed(live: Any, home: Path) -> Office:
    stores, kept = live.engine.stores, Passwords().hash(PASSWORD)
    staff = Staff(home, stores.database)
    for login in ("sam", "eve", "rob"):
        stores.sign_ins.set_password(staff.add(login, *ROLES[login]), kept, None)
    return Office(live)


@pytest.fixture(scope="module")
def film() -> bytes:
    grey = np.full((240, 320, 3), 96, np.uint8)
    grey[20:220, 60:260] = head(200)
    return clip([grey] * 25 + [np.zeros_like(grey)] * 10)


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory, film: bytes) -> Iterator[Office]:
    """Under `open`, with a collection of one celebrity."""
    home = tmp_path_factory.mktemp("stars")
    (home / "celebrities.toml").write_text('["eileen.collins"]\nname = "Eileen Collins"\nurls = []\n')
    with with_models(models, home, celebrities={"collection": "stars"}) as live:
        client, picture = live.client(), {"Bytes": encoded(head(200), quality=92)}
        client.create_collection(CollectionId="stars")
        [record] = client.index_faces(CollectionId="stars", Image=picture)["FaceRecords"]
        client.create_user(CollectionId="stars", UserId="eileen.collins")
        client.associate_faces(CollectionId="stars", UserId="eileen.collins", FaceIds=[record["Face"]["FaceId"]])
        live.put("stars.mp4", film)
        with working_on_jobs(live.engine):
            yield staffed(live, home)


def ended(desk: Office, job: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := desk.get("sam", f"/jobs/{job}")["job"])["state"] not in ("SUCCEEDED", "FAILED", "CANCELLED"):
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.2)
    return found


@pytest.mark.slow
def test_a_film_is_looked_through_for_those_whom_the_operator_chose(desk: Office) -> None:
    offered = desk.get("sam", "/celebrities")
    assert offered == {"collection": "stars", "threshold": 90.0, "reason": None}
    job = desk.post("sam", "/jobs/celebrities", FILM)
    assert (job["kind"], job["collection"]) == ("CELEBRITY_RECOGNITION", "stars")
    assert ended(desk, job["job_id"])["state"] == "SUCCEEDED"
    [kind] = desk.get("sam", f"/jobs/{job['job_id']}/timeline")["kinds"]
    assert [each["title"] for each in kind["lanes"]] == ["Eileen Collins"]


def test_pictures_of_a_manifest_are_looked_through_and_the_results_written_and_told(desk: Office) -> None:
    desk.live.put("ada.jpg", encoded(head(200), quality=92))
    lines = ['{"source-ref": "s3://photos/ada.jpg", "id": 7}', '{"source-ref": "s3://photos/none.jpg"}', "no json"]
    desk.live.put("lists/all.jsonl", "\n".join(lines).encode())
    [entry] = desk.get("sam", "/buckets/photos/objects?prefix=lists/")["objects"]
    assert entry["kind"] == "manifest"
    given = {
        "object": {"bucket": "photos", "name": "lists/all.jsonl"},
        "bucket": "photos",
        "prefix": "found",
        "threshold": 0,
    }
    job = desk.post("eve", "/jobs/manifest", given)
    assert (job["kind"], job["name"], job["own"]) == ("MEDIA_ANALYSIS", "lists/all.jsonl", True)
    assert ended(desk, job["job_id"])["state"] == "SUCCEEDED"
    first = desk.get("eve", f"/jobs/{job['job_id']}/results?most=2")
    rest = desk.get("eve", f"/jobs/{job['job_id']}/results?after={first['next']}")
    found = first["items"] + rest["items"]
    assert [set(each) for each in found] == [{"Line"}, {"Fault"}, {"Fault"}]
    assert found[0]["Line"]["detect-moderation-labels"]["ModerationLabels"][0]["Name"]
    assert [each["Fault"]["code"] for each in found[1:]] == ["INVALID_S3_OBJECT", "INVALID_JSON_LINE"]
    folder = desk.live.engine.settings.buckets_folder / "photos" / "found"
    results = (folder / f"{job['job_id']}-results.jsonl").read_text().splitlines()
    assert [json.loads(each)["id"] for each in results] == [7]
    assert desk.ask("sam", "POST", "/jobs/manifest", given | {"bucket": "no/bucket"}).status == 422
    nowhere = desk.ask("sam", "POST", "/jobs/manifest", given | {"object": {"bucket": "photos", "name": "none.jsonl"}})
    assert (nowhere.status, nowhere.json["code"]) == (400, "InvalidS3Object")


@pytest.mark.slow
def test_where_nobody_was_chosen_it_says_what_to_do(tmp_path: Path) -> None:
    with office(tmp_path, profile="open", assessment=None) as made:
        made.live.put("stars.mp4", b"no film is opened")
        offered = made.get("sam", "/celebrities")
        assert (offered["collection"], offered["threshold"]) == (None, None)
        assert "name it as `collection` in the section [celebrities] of regard.toml" in offered["reason"]
        said = made.ask("sam", "POST", "/jobs/celebrities", FILM)
        assert (said.status, said.json["detail"]) == (403, offered["reason"])


@pytest.mark.parametrize(("profile", "reason"), [("public-safety", "has candidates reviewed before anybody is told")])
def test_where_candidates_are_reviewed_nobody_is_named_before(
    models: Path, tmp_path: Path, film: bytes, profile: str, reason: str
) -> None:
    with with_models(
        models, tmp_path, accountability={**KNOWN, "profile": profile}, celebrities={"collection": "stars"}
    ) as live:
        stores, kept = live.engine.stores, Passwords().hash(PASSWORD)
        staff = Staff(tmp_path, stores.database)
        for login in ("ann", "sam", "rob"):
            stores.sign_ins.set_password(staff.add(login, *ROLES[login]), kept, None)
        made = Office(live)
        live.put("stars.mp4", film)
        assert made.ask("ann", "POST", "/collections", {"collection_id": "stars"}).status == 201
        assert reason in made.get("sam", "/celebrities")["reason"]
        refused = made.ask("sam", "POST", "/jobs/celebrities", FILM)
        assert refused.status == 403
        assert made.ask("rob", "GET", "/celebrities").status == 403
        assert made.get("ann", "/jobs")["jobs"] == []
