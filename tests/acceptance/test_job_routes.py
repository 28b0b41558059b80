"""Work on films through the native API: asked for, followed, minded, and what came of it, by a real worker."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import clip
from native import Office, office
from people import head
from sqlalchemy import delete, select, update

from regard.bootstrap.job_workers import working_on_jobs
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.store.job_rows import JobRows
from regard.store.tables.jobs import job_chunks, jobs

PATIENCE_SECONDS = 120
HEADER = "x_regard_authorisation"


@pytest.fixture(scope="module")
def film() -> bytes:
    """A second of the astronaut's head on grey, one of stripes, and one of black."""
    grey = np.full((240, 320, 3), 96, np.uint8)
    grey[20:220, 60:260] = head(200)
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::2] = 255
    return clip([grey] * 25 + [stripes] * 25 + [np.zeros((240, 320, 3), np.uint8)] * 25)


@contextmanager
def archive(desk: Office, film: bytes) -> Iterator[Office]:
    for name in ("a.mp4", "b.mp4"):
        desk.live.put(name, film)
    yield desk


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory, film: bytes) -> Iterator[Office]:
    """Under `open`; nobody works on jobs until a test lets somebody."""
    home = tmp_path_factory.mktemp("jobs")
    with office(home, models, profile="open", assessment=None) as made, archive(made, film):
        yield made


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, film: bytes) -> Iterator[Office]:
    """Under a profile that knows people."""
    with office(tmp_path_factory.mktemp("guarded")) as made, archive(made, film):
        yield made


def asked(desk: Office, login: str = "sam", kind: str = "SEGMENT_DETECTION", name: str = "a.mp4") -> Any:
    return desk.post(login, "/jobs", {"object": {"bucket": "photos", "name": name}, "kind": kind})


def ended(desk: Office, job: str, login: str = "sam") -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := desk.get(login, f"/jobs/{job}")["job"])["state"] not in ("SUCCEEDED", "FAILED", "CANCELLED"):
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.2)
    return found


@pytest.mark.slow
def test_a_film_is_looked_through_and_its_shots_are_on_a_timeline(desk: Office) -> None:
    with working_on_jobs(desk.live.engine):
        segments, faces = asked(desk), asked(desk, kind="FACE_DETECTION")
        assert segments["state"] == "QUEUED"
        assert {ended(desk, each["job_id"])["state"] for each in (segments, faces)} == {"SUCCEEDED"}
    line = desk.get("sam", f"/jobs/{segments['job_id']}/timeline")
    assert (line["width"], line["height"]) == (320, 240)
    assert line["duration_ms"] == pytest.approx(3000, abs=50)
    shots, cues = line["kinds"]
    assert [each["words"] for each in shots["lanes"][0]["stretches"]] == ["Shot 1", "Shot 2", "Shot 3"]
    assert "Black frames" in [each["title"] for each in cues["lanes"]]
    [seen] = desk.get("sam", f"/jobs/{faces['job_id']}/timeline")["kinds"][0]["lanes"]
    assert seen["stretches"][0]["from_ms"] == 0
    first = desk.get("sam", f"/jobs/{segments['job_id']}/results?most=1")
    assert len(first["items"]) == 1
    rest = desk.get("sam", f"/jobs/{segments['job_id']}/results?after={first['next']}")
    aws = desk.live.client().get_segment_detection
    with pytest.raises(Exception, match="Could not find JobId"):
        aws(JobId=segments["job_id"])  # another access key's
    assert {each["Type"] for each in first["items"] + rest["items"]} == {"SHOT", "TECHNICAL_CUE"}
    assert not [name for each in rest["items"] for name in each if name[:1].islower()]


def test_jobs_are_listed_by_page_and_by_what_is_asked_for(desk: Office) -> None:
    jobs = [asked(desk, name="b.mp4")["job_id"] for _ in range(3)]
    listed = desk.get("sam", "/jobs?bucket=photos&name=b.mp4")["jobs"]
    assert [each["job_id"] for each in listed] == jobs[::-1]
    page = desk.get("sam", "/jobs?most=2&state=QUEUED")
    assert [each["job_id"] for each in page["jobs"]] == jobs[:0:-1]
    behind = desk.get("sam", f"/jobs?most=2&state=QUEUED&before={page['next']}")
    assert [each["job_id"] for each in behind["jobs"]] == [jobs[0]]
    assert desk.get("sam", "/jobs?kind=TEXT_DETECTION")["jobs"] == []
    assert desk.ask("sam", "GET", "/jobs?bucket=photos").status == 422
    for each in jobs:
        desk.post("sam", f"/jobs/{each}/cancel")


def test_a_job_is_paused_resumed_cancelled_retried_and_put_first(desk: Office) -> None:
    job = asked(desk)["job_id"]
    for word, state in [("pause", "PAUSED"), ("resume", "QUEUED"), ("cancel", "CANCELLED"), ("retry", "QUEUED")]:
        assert desk.post("sam", f"/jobs/{job}/{word}")["state"] == state
    first = desk.ask("sam", "PUT", f"/jobs/{job}/priority", {"priority": 7})
    assert (first.status, first.json["priority"]) == (200, 7)
    assert desk.ask("sam", "PUT", f"/jobs/{job}/priority", {"priority": 101}).status == 422
    assert desk.ask("sam", "POST", f"/jobs/{job}/resume").json["code"] == "InvalidParameter"
    desk.post("sam", f"/jobs/{job}/cancel")
    assert desk.ask("sam", "PUT", f"/jobs/{job}/priority", {"priority": 1}).status == 400


def test_no_more_jobs_are_retried_than_may_be_under_way(desk: Office) -> None:
    cancelled = asked(desk)["job_id"]
    desk.post("sam", f"/jobs/{cancelled}/cancel")
    others = [asked(desk)["job_id"] for _ in range(20)]
    refused = desk.ask("sam", "POST", f"/jobs/{cancelled}/retry")
    assert (refused.status, refused.json["code"]) == (409, "LimitExceeded")
    assert desk.get("sam", f"/jobs/{cancelled}")["job"]["state"] == "CANCELLED"
    desk.post("sam", f"/jobs/{others.pop()}/cancel")
    assert desk.post("sam", f"/jobs/{cancelled}/retry")["state"] == "QUEUED"
    for each in [cancelled, *others]:
        desk.post("sam", f"/jobs/{each}/cancel")


def test_a_paused_job_is_not_kept_for_ever(desk: Office) -> None:
    job = asked(desk)["job_id"]
    desk.post("sam", f"/jobs/{job}/pause")
    rows, now = JobRows(desk.live.engine.stores.database), datetime.now(UTC)
    with rows.database.write() as connection:
        connection.execute(
            update(jobs).where(jobs.c.id == job).values(expires_at=now, created_at=now - timedelta(days=7))
        )
    caller = Caller(principal=Principal(access_key_id="", name="sweeper"), channel=Channel.WORKER)
    act = Act(action=Action.DELETE, operation="sweep")
    desk.live.engine.keeping.retention.sweep(lambda _: desk.live.engine.gate.open(caller, act))
    found = rows.get(job)
    assert found is not None
    assert (found.state, found.expires_at > datetime.now(UTC)) == ("CANCELLED", True)


def test_nothing_is_started_on_what_is_not_there(desk: Office) -> None:
    body = {"object": {"bucket": "photos", "name": "gone.mp4"}, "kind": "FACE_DETECTION"}
    assert desk.ask("sam", "POST", "/jobs", body).json["code"] == "InvalidS3Object"
    body["object"] = {"bucket": "photos", "name": "a.mp4"}
    assert desk.ask("sam", "POST", "/jobs", body | {"kind": "FACE_SEARCH"}).status == 422
    missing = desk.ask("sam", "POST", "/collections/nobody/jobs", {"object": body["object"]})
    assert (missing.status, missing.json["code"]) == (404, "ResourceNotFound")
    assert desk.ask("sam", "GET", "/jobs/" + "0" * 64).status == 404


@pytest.mark.slow
def test_people_of_a_collection_are_looked_for_in_a_film(desk: Office, portrait: bytes) -> None:
    desk.post("sam", "/collections", {"collection_id": "known"})
    picture = {"image": base64.b64encode(portrait).decode(), "external_image_id": "ada"}
    desk.post("sam", "/collections/known/faces", picture)
    job = desk.post("sam", "/collections/known/jobs", {"object": {"bucket": "photos", "name": "a.mp4"}})
    assert job["collection"] == "known"
    with working_on_jobs(desk.live.engine):
        assert ended(desk, job["job_id"])["state"] == "SUCCEEDED"
    [kind] = desk.get("sam", f"/jobs/{job['job_id']}/timeline")["kinds"]
    [lane] = kind["lanes"]
    assert (kind["title"], lane["title"], lane["measure"]) == ("Possible matches", "ada", "Similarity")
    assert lane["sure"] > 90


def test_whoever_has_a_page_open_hears_of_jobs_though_there_is_no_ledger(desk: Office) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", desk.live.port, timeout=30)
    connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {desk.token('sam')}"})
    response = connection.getresponse()
    for _ in range(3):
        response.readline()
    job = asked(desk)["job_id"]
    heard: list[str] = []
    while not heard:
        line = response.readline().decode()
        heard = json.loads(line.removeprefix("data: "))["changed"] if line.startswith("data: ") else []
    assert heard == ["jobs"]
    response.close()
    connection.close()
    desk.post("sam", f"/jobs/{job}/cancel")


def approved(desk: Office, login: str) -> str:
    body = {"purpose": "violent-crime", "offence": "robbery", "basis": "CCTV", "declaration": "no protected activity"}
    made = desk.post(login, "/authorisations", body)
    return str(desk.post("ove", f"/authorisations/{made['id']}/approve", {})["id"])


def test_people_see_their_own_jobs_and_overseers_everybodys_but_not_what_they_found(guarded: Office) -> None:
    job = asked(guarded, "sam")["job_id"]
    other = asked(guarded, "eve")["job_id"]
    assert [each["job_id"] for each in guarded.get("sam", "/jobs")["jobs"]] == [job]
    for login in ("ann", "aud", "ove"):
        listed = guarded.get(login, "/jobs")["jobs"]
        assert {(each["job_id"], each["own"]) for each in listed} == {(job, False), (other, False)}
        assert guarded.ask(login, "GET", f"/jobs/{job}/results").status == 403
        assert guarded.ask(login, "GET", f"/jobs/{job}/timeline").status == 403
    for word in ("results", "timeline"):
        assert guarded.ask("eve", "GET", f"/jobs/{job}/{word}").status == 404
    assert guarded.ask("eve", "GET", f"/jobs/{job}").status == 404
    assert guarded.ask("eve", "POST", f"/jobs/{job}/cancel").status == 404
    assert guarded.ask("aud", "POST", f"/jobs/{job}/cancel").status == 403
    assert guarded.ask("sam", "PUT", f"/jobs/{job}/priority", {"priority": 1}).status == 403
    assert guarded.ask("rob", "GET", "/jobs").status == 403
    assert guarded.post("ove", f"/jobs/{other}/cancel")["state"] == "CANCELLED"
    assert guarded.post("sam", f"/jobs/{job}/cancel")["state"] == "CANCELLED"


@pytest.mark.control(1)
def test_nobody_looks_for_somebody_in_a_film_without_an_authorisation(guarded: Office) -> None:
    film = {"object": {"bucket": "photos", "name": "a.mp4"}}
    guarded.ask("ann", "POST", "/collections", {"collection_id": "suspects"})
    for path in ("/jobs/people", "/collections/suspects/jobs"):
        refused = guarded.ask("sam", "POST", path, film)
        assert (refused.status, "authorisation" in refused.json["detail"]) == (403, True)
        assert guarded.ask("eve", "POST", path, film, **{HEADER: approved(guarded, "sam")}).status == 403


def test_what_a_search_found_is_not_there_for_whoever_searches_no_more(guarded: Office) -> None:
    job = asked(guarded, "sam")["job_id"]
    assert guarded.ask("sam", "GET", f"/jobs/{job}/results").status == 200
    with guarded.live.engine.stores.database.write() as connection:
        act = connection.execute(select(jobs.c.act).where(jobs.c.id == job)).scalar_one()
        connection.execute(update(jobs).where(jobs.c.id == job).values(act=act | {"action": "search"}))
    assert guarded.ask("sam", "GET", f"/jobs/{job}/results").status == 200
    guarded.post("ann", "/people/sam/grant", {"roles": ["enroller"]})
    guarded.post("ann", "/people/sam/withdraw", {"roles": ["searcher"]})
    for word in ("results", "timeline"):
        assert guarded.ask("sam", "GET", f"/jobs/{job}/{word}").status == 404
    guarded.post("ann", "/people/sam/grant", {"roles": ["searcher"]})
    guarded.post("sam", f"/jobs/{job}/cancel")


def test_a_shortened_id_tells_nothing_of_others_jobs(guarded: Office) -> None:
    mine, other = asked(guarded, "sam")["job_id"], asked(guarded, "eve")["job_id"]
    with guarded.live.engine.stores.database.write() as connection:
        alike = mine[:8] + other[8:]
        connection.execute(delete(job_chunks).where(job_chunks.c.job_id == other))
        connection.execute(update(jobs).where(jobs.c.id == other).values(id=alike))
    assert guarded.get("sam", f"/jobs/{mine[:8]}")["job"]["job_id"] == mine
    assert guarded.ask("ove", "GET", f"/jobs/{mine[:8]}").status == 400
    guarded.post("sam", f"/jobs/{mine}/cancel")
    guarded.post("ove", f"/jobs/{alike}/cancel")
