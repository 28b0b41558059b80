"""Searching a film under public-safety: the authorisation goes with the job, and bystanders are nowhere."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import PIL.Image
import pytest
from agency import ROLE, Agency, agency, portrait
from clips import clip

from regard.bootstrap.job_workers import working_on_jobs
from regard.domain.authorisations import AuthorisationState
from regard.store.authorisation_rows import AuthorisationRows

Refused = Callable[..., tuple[str, str]]
PATIENCE_SECONDS = 300
VIDEO = {"S3Object": {"Bucket": "photos", "Name": "street.mp4"}}


def pixels(content: bytes, side: int = 220) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(content)).convert("RGB").resize((side, side)))


def street(bystander: bytes) -> bytes:
    """A suspect and a bystander side by side for two seconds."""
    frame = np.full((300, 560, 3), 90, np.uint8)
    frame[40:260, 30:250], frame[40:260, 310:530] = pixels(portrait()), pixels(bystander)
    return clip([frame] * 50)


@pytest.fixture(scope="module")
def office(models: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    with agency(models, tmp_path_factory.mktemp("office")) as made:
        bystander = next((shared_data / "lfw-dev" / "Al_Pacino").glob("*.jpg")).read_bytes()
        made.live.put("street.mp4", street(bystander))
        made.enrol("suspects", {"ada": portrait()})
        yield made


def both(office: Agency, authorisation: str) -> tuple[Any, Any]:
    """Sam's client under an authorisation, and one of the same key without."""
    key, secret = office.key("sam")
    access = {"endpoint_url": office.live.url, "region_name": "us-east-1"}
    with closing(boto3.client("sts", aws_access_key_id=key, aws_secret_access_key=secret, **access)) as sts:
        given = sts.assume_role(RoleArn=ROLE, RoleSessionName=authorisation)["Credentials"]
    session = office.live.client(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    return session, office.live.client(aws_access_key_id=key, aws_secret_access_key=secret)


def start(client: Any) -> str:
    job: str = client.start_face_search(Video=VIDEO, CollectionId="suspects")["JobId"]
    return job


def ended(client: Any, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := client.get_face_search(JobId=job))["JobStatus"] == "IN_PROGRESS":
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.3)
    return dict(answer)


def end(office: Agency, authorisation: str) -> None:
    rows, olga = AuthorisationRows(office.database), office.people["olga"]
    before, after = {AuthorisationState.APPROVED}, AuthorisationState.ENDED
    assert rows.decide(authorisation, before, after, olga, datetime.now(UTC))


def test_a_film_is_searched_and_people_followed_only_under_an_authorisation(office: Agency, refused: Refused) -> None:
    sam = office.client("sam")
    for operation, more in ((sam.start_face_search, {"CollectionId": "suspects"}), (sam.start_person_tracking, {})):
        code, message = refused(operation, Video=VIDEO, **more)
        assert code == "AccessDeniedException"
        assert "takes an authorisation" in message
    assert sam.start_segment_detection(Video=VIDEO, SegmentTypes=["SHOT"])["JobId"]


@pytest.mark.slow
def test_the_authorisation_goes_with_the_job_counts_once_and_stops_it_when_it_ends(
    office: Agency, refused: Refused
) -> None:
    once, over = office.authorise("sam", searches=1), office.authorise("sam")
    sam, plain = both(office, once)
    late, plain_late = both(office, over)
    found, stopped = start(sam), start(late)
    end(office, over)  # before anybody has begun
    with working_on_jobs(office.live.engine):
        answer, none = ended(plain, found), ended(plain_late, stopped)
    assert answer["JobStatus"] == "SUCCEEDED", answer
    assert len({each["Person"]["Index"] for each in answer["Persons"]}) == 1  # the bystander is nowhere
    matches = [match for each in answer["Persons"] for match in each["FaceMatches"]]
    assert len(matches) >= len(answer["Persons"]) > 0
    assert {match["Face"].get("ExternalImageId") for match in matches} != {"ada"}  # nobody has reviewed it yet
    assert (none["JobStatus"], none["Persons"]) == ("FAILED", [])
    assert over in none["StatusMessage"]
    used = AuthorisationRows(office.database).get(once)
    assert used is not None
    assert used.searches_done == 1
    assert refused(sam.start_face_search, Video=VIDEO, CollectionId="suspects")[0] == "AccessDeniedException"
