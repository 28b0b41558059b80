"""Guides whose examples are programs: run as they stand on a server that is new, and once more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import Live, with_models
from people import crowd, encoded, head

from benchmarks.printed_pages import printed
from regard.commands.chance import odds
from regard.domain.identifiers import name_of, spelled
from regard.vision.cards import catalogue

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


@pytest.fixture
def fresh(models: Path, tmp_path: Path) -> Iterator[Live]:
    """A server in a home that nobody has used."""
    with with_models(models, tmp_path / "home") as live:
        yield live


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the programs find their pictures: three of Ada, her at the door, and a crowd with her in it."""
    place = tmp_path / "program"
    place.mkdir()
    for number, side in enumerate((200, 240, 280), 1):
        (place / f"ada-{number}.jpg").write_bytes(encoded(head(side), quality=92))
    (place / "ada.jpg").write_bytes(encoded(head(220), quality=92))
    (place / "at-the-door.jpg").write_bytes(encoded(head(260), quality=92))
    (place / "photo.jpg").write_bytes(encoded(crowd(1, 2, 160), quality=95))
    return place


def examples(guide: str, language: str = "python") -> list[str]:
    text = (GUIDES / guide).read_text(encoding="utf-8")
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    assert found
    return [textwrap.dedent(each) for each in found]


def run(program: str, live: Live, folder: Path) -> list[str]:
    """What a program prints that has nothing but the environment of the guides."""
    environment = {
        "AWS_ACCESS_KEY_ID": live.key,
        "AWS_SECRET_ACCESS_KEY": live.secret,
        "AWS_ENDPOINT_URL_REKOGNITION": live.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [sys.executable, "-c", program.replace("http://127.0.0.1:8080", live.url)],
        cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_the_guide_to_users_runs_on_a_fresh_server_and_again(fresh: Live, folder: Path) -> None:
    (program,) = examples("users.md")
    for _ in range(2):
        (line,) = run(program, fresh, folder)
        name, similarity = line.split()
        assert name == "ada"
        assert float(similarity) > 99
    listed = fresh.client().list_faces(CollectionId="people")["Faces"]
    assert [face["UserId"] for face in listed] == ["ada"] * 3


@pytest.mark.slow
def test_the_guide_from_rekognition_runs_on_a_fresh_server_and_again(fresh: Live, folder: Path) -> None:
    where, program = examples("from-rekognition.md")
    assert run(where, fresh, folder) == [fresh.url]
    for _ in range(2):
        match, *ages = run(program, fresh, folder)
        assert match == "ada True"
        assert len(ages) == 2
        assert all(re.fullmatch(r"\d+ (not known|True|False)", line) for line in ages)


@pytest.mark.slow
def test_the_guide_to_labels_runs(fresh: Live, folder: Path) -> None:
    (program,) = examples("labels.md")
    (folder / "street.jpg").write_bytes(encoded(crowd(1, 2, 160), quality=95))
    *labels, colour = run(program, fresh, folder)
    assert any(line.startswith("Person ") and "'Width'" in line for line in labels)
    assert colour.isalpha()


@pytest.mark.slow
def test_the_guide_to_text_runs(fresh: Live, folder: Path) -> None:
    (program,) = examples("text.md")
    (folder / "receipt.jpg").write_bytes(encoded(printed(size=30, width=700, height=300, words=12).pixels, quality=92))
    first, *_ = run(program, fresh, folder)
    assert re.fullmatch(r" *\d+\.\d All human beings are born free and equal in", first)


def test_the_guide_to_moderation_runs(fresh: Live, folder: Path) -> None:
    (program,) = examples("moderation.md")
    (folder / "upload.jpg").write_bytes(encoded(head(260), quality=92))
    assert run(program, fresh, folder) == []


@pytest.mark.slow
def test_the_guide_to_celebrities_runs_and_its_names_are_those_of_its_file(
    models: Path, folder: Path, tmp_path: Path
) -> None:
    (program,) = examples("celebrities.md")
    setting, names = examples("celebrities.md", "toml")
    chosen, home = tomllib.loads(setting), tmp_path / "home"
    collection = chosen["celebrities"]["collection"]
    (folder / "premiere.jpg").write_bytes(encoded(crowd(1, 2, 160), quality=95))
    with with_models(models, home, **chosen) as live:
        (home / "celebrities.toml").write_text(names, encoding="utf-8")
        client = live.client()
        client.create_collection(CollectionId=collection)
        client.create_user(CollectionId=collection, UserId="ada.lovelace")
        picture = {"Bytes": encoded(head(260), quality=92)}
        (record,) = client.index_faces(CollectionId=collection, Image=picture, MaxFaces=1)["FaceRecords"]
        faces = [record["Face"]["FaceId"]]
        client.associate_faces(CollectionId=collection, UserId="ada.lovelace", FaceIds=faces)
        *known, others = run(program, live, folder)
    assert others.endswith(" others")
    assert all(re.fullmatch(r"\w{8} Ada Lovelace \d+\.\d+ \['www.wikidata.org/wiki/Q7259'\]", line) for line in known)
    assert known


@pytest.mark.parametrize(("similarity", "said"), [(80, "1 in 10,000"), (90, "1 in 100,000"), (95, "1 in 360,000")])
def test_the_guide_says_the_odds_that_the_calibration_says(similarity: int, said: str) -> None:
    calibration = catalogue()["sface"].calibration
    assert calibration is not None
    assert odds(calibration, similarity) == said
    assert re.search(
        rf"\| {similarity}\b[^|]*\| {said}\b", (GUIDES / "from-rekognition.md").read_text(encoding="utf-8")
    )


def test_the_guide_to_folders_reads_names_back_as_regard_does() -> None:
    program = next(each for each in examples("indexing-a-folder.md") if "unquote" in each)
    for name in ("Zoë Müller", "田中", "a  b", "1:3 (4)", "Nguyễn"):
        found: dict[str, str] = {}
        exec(re.sub(r'identifier = ".*"', f"identifier = {spelled(name)!r}", program), found)  # noqa: S102
        assert found["name"] == name == name_of(spelled(name))
