"""Nothing of bystanders: after many searches with pictures full of strangers no file has anything of them."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import PIL.Image
import pytest
from approved import approved
from botocore.config import Config
from botocore.exceptions import ClientError
from damaged_home import Home
from people import astronaut, encoded
from test_closed_profile import contents

from regard.domain.arrays import FloatArray
from regard.domain.faces import Detail
from regard.domain.people import Person, Role, Training
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.media.image_decoder import decode
from regard.store import database
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.people_rows import PeopleRows
from regard.vision.cards import catalogue
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo

COUNTS = [pytest.param(120, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.long)]
PICTURES = 40
#: Tables that a search may write to, by profile.
LEDGER = {"ledger_entries", "ledger_tiles", "ledger_checkpoints"}
SIGNALLED = {"incidents", "incident_notices", "sqlite_sequence"}  # so many searches are a sign of abuse
WRITTEN = {
    "open": set[str](),
    "recorded": LEDGER | SIGNALLED,
    "public-safety": LEDGER
    | SIGNALLED
    | {"authorisations", "profile_versions", "cases", "searches", "case_candidates", "case_pictures"}
    | {"sqlite_sequence"},
}


def pictures(shared_data: Path) -> Iterator[bytes]:
    """Groups of four strangers, no two alike, the first the largest."""
    files = sorted((shared_data / "lfw-dev").glob("*/*_0001.jpg"))[::2]
    heads = (PIL.Image.open(file).convert("RGB").crop((50, 50, 200, 200)) for file in files)
    for _ in range(PICTURES):
        sheet = PIL.Image.new("RGB", (320, 250), "grey")
        for place, (head, side) in enumerate(zip(islice(heads, 4), (140, 100, 100, 100), strict=True)):
            sheet.paste(head.resize((side, side)), (150 * (place % 2) + 5, 145 * (place // 2) + 2))
        yield encoded(sheet, quality=95)


@functools.cache
def analyzer_of(models: Path) -> FaceAnalyzer:
    return FaceAnalyzer(FaceModels(Zoo(models, None, catalogue()), detector="centerface", embedder="sface"))


def embedded(models: Path, content: bytes) -> FloatArray:
    """Every face of a picture, as the server's default models embed it."""
    analyzer, image = analyzer_of(models), decode(content)
    (faces,) = analyzer.faces([image], Detail.NONE)
    (found,) = analyzer.embedded([image], [faces])
    assert found.embeddings is not None
    return found.embeddings


def needles(vectors: FloatArray) -> list[bytes]:
    """Pieces of what a vector would be in a file: as float32, float16, bfloat16 and int8, little-endian."""
    kept = []
    for vector in vectors:
        bfloat = (vector.astype("<f4").view("<u4") >> 16).astype("<u2")
        for form in (vector.astype("<f4"), vector.astype("<f2"), bfloat, np.round(vector * 127).astype(np.int8)):
            raw = form.tobytes()
            kept.append(raw[len(raw) // 4 : len(raw) // 4 + 24])
    return kept


def pieces(content: bytes) -> list[bytes]:
    """Of a picture's file, and of its pixels."""
    pixels = np.asarray(PIL.Image.open(io.BytesIO(content)).convert("RGB"))
    rows = [pixels[row, 40:56].tobytes() for row in range(30, 240, 20)]
    return [content[start : start + 32] for start in range(1000, len(content) - 32, 2000)] + rows


def holding(folders: list[Path], wanted: list[bytes]) -> dict[str, int]:
    found = {}
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and "models" not in file.parts:
                raw = file.read_bytes()
                if count := sum(each in raw for each in wanted):
                    found[str(file)] = count
    return found


def digests(folder: Path) -> dict[str, str]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {str(each): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def settle(home: Home) -> None:
    """Somebody who may search, with a training and an authorisation."""
    now = datetime.now(UTC)
    with closing(database.open(home.url)) as opened:
        people = PeopleRows(opened)
        people.add(Person(id="ann", name="Ann", login="ann", created_at=now))
        people.grant("ann", [Role.SEARCHER, Role.ENROLLER, Role.ADMINISTRATOR], None, now)
        year = now + timedelta(days=365)
        training = Training(person_id="ann", subject="faces", reference="1", completed_at=now, expires_at=year)
        people.add_training(training, None, now)
        AuthorisationRows(opened).add(approved("ann"))
        with opened.write() as connection:
            connection.exec_driver_sql("UPDATE access_keys SET holder_id = 'ann'")


def session(home: Home) -> Any:
    """A client under the authorisation."""
    where: dict[str, Any] = {"endpoint_url": f"http://127.0.0.1:{home.port}", "region_name": "us-east-1"}
    secret = {"aws_access_key_id": home.key["AccessKeyId"], "aws_secret_access_key": home.key["SecretAccessKey"]}
    with closing(boto3.client("sts", **where, **secret)) as sts:
        role = "arn:aws:iam::000000000000:role/searcher"
        taken = sts.assume_role(RoleArn=role, RoleSessionName="A-7F3K9Q2M")["Credentials"]
    return boto3.client(
        "rekognition",
        **where,
        aws_access_key_id=taken["AccessKeyId"],
        aws_secret_access_key=taken["SecretAccessKey"],
        aws_session_token=taken["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.control(1, 31)
@pytest.mark.parametrize(
    "count", [pytest.param(120, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("profile", WRITTEN)
def test_after_many_searches_no_file_has_anything_of_a_stranger(
    profile: str, count: int, models: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    home = Home(tmp_path / "home", models)
    home.folder.mkdir()
    home.key = json.loads(home.run("keys", "create", "--json").stdout)
    settings = f'[accountability]\nprofile = "{profile}"\n'
    (home.folder / "regard.toml").write_text(settings + ('assessment = "DPIA 1"\n' if profile != "open" else ""))
    settle(home)
    strangers = list(pictures(shared_data))
    known = encoded(astronaut(), quality=92)
    with home.serving() as plain, closing(session(home)) as client:
        plain.create_collection(CollectionId="staff")
        client.index_faces(CollectionId="staff", Image={"Bytes": known})
        before, files = contents(home.folder), digests(home.folder / "index")
        answered, refused = 0, set[str]()
        for number in range(count):
            content = strangers[number % PICTURES]
            if number % 2 and profile == "public-safety":  # there, a picture of four is refused
                content = encoded(PIL.Image.open(io.BytesIO(content)).crop((0, 0, 148, 143)), quality=95)
            try:
                client.search_faces_by_image(CollectionId="staff", Image={"Bytes": content}, QualityFilter="NONE")
                answered += 1
            except ClientError as error:
                refused.add(error.response["Error"]["Code"])
        assert refused <= {"AccessDeniedException", "InvalidParameterException"}
        assert answered >= (count // 20 if profile == "public-safety" else count), (answered, refused)
        after = contents(home.folder)
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed <= WRITTEN[profile]
        assert digests(home.folder / "index") == files
        vectors = np.concatenate([embedded(models, each) for each in strangers])
        assert len(vectors) >= 3 * PICTURES
        places = [tmp_path]
        assert holding(places, needles(vectors) + [piece for each in strangers for piece in pieces(each)]) == {}
        control = holding(places, needles(embedded(models, known)))
        assert any("regard.db" in name for name in control), "what is enrolled would be found"
    assert holding([tmp_path], needles(vectors)) == {}
