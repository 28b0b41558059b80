"""Folders: what a run makes of them, and going on after an interruption."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from granting import Granting
from people import crowd, head
from PIL import Image
from toy_gallery import House

from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import uuid_of
from regard.engine.analysis.photo_batches import Bounds, PhotoAnalyzer, ended_its_worker
from regard.engine.bulk.folder_indexing import Namer, PhotoPool, PhotoWork, Unnamed
from regard.engine.bulk.folder_walk import Outcome, Photo, walk
from regard.engine.work.this_process import ThisProcess
from regard.engine.work.worker_pool import WorkerPool
from regard.errors import InternalServerError, ResourceNotFound

PEOPLE = ("ann", "bob", "cat")


@pytest.fixture
def collection(house: House) -> Collection:
    return house.collection("people")


@pytest.fixture
def pool(analyzer: FaceAnalyzer) -> Iterator[PhotoPool]:
    """One thread of this process."""
    photo_analyzer = PhotoAnalyzer(analyzer, Bounds())
    with WorkerPool(lambda: ThisProcess(photo_analyzer), 1, lost=ended_its_worker) as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three portraits in their folders, and what else is found among photographs."""
    place = tmp_path / "photos"
    for number, person in enumerate(PEOPLE):
        (place / person).mkdir(parents=True)
        Image.fromarray(head(160 + 20 * number)).save(place / person / "Portrait.JPG", "JPEG")
    (place / "broken.jpg").write_text("this is text")
    Image.new("RGB", (40, 40)).save(place / "small.png")
    Image.new("RGB", (200, 200), "grey").save(place / "wall.jpeg")
    (place / "notes.txt").write_text("no picture")
    (place / ".thumbnail.jpg").write_text("hidden")
    return place


def by_name(file: Path) -> str | None:
    return file.parent.name


@dataclass(frozen=True)
class Indexing:
    """A collection, and a pool to index a folder into it with."""

    house: House
    collection: Collection
    pool: PhotoPool

    def runs(self, photos: Sequence[Photo], namer: Namer = by_name, batch: int = 16) -> Iterator[list[Outcome]]:
        """Index `photos`; closing it is what Ctrl-C does."""
        grant = self.house.may(Action.ENROL, "people")
        return self.house.folders.run(grant, self.collection, self.work(photos, namer, batch))

    def all(self, photos: Sequence[Photo], namer: Namer = by_name) -> list[Outcome]:
        return [outcome for batch in self.runs(photos, namer) for outcome in batch]

    def folder(self, folder: Path) -> list[Outcome]:
        """Index what is left of a folder."""
        return self.all(self.left(walk(folder)[0]))

    def left(self, photos: Sequence[Photo]) -> list[Photo]:
        return self.house.folders.left(self.house.may(Action.ENROL, "people"), self.collection, photos)

    def size(self) -> int:
        return self.house.folders.size(self.house.may(Action.ENROL, "people"), self.collection)

    def work(self, photos: Sequence[Photo], namer: Namer = by_name, batch: int = 16) -> PhotoWork:
        return PhotoWork(photos=photos, namer=namer, pool=self.pool, batch=batch)


@pytest.fixture
def indexing(house: House, collection: Collection, pool: PhotoPool) -> Indexing:
    return Indexing(house, collection, pool)


# -- a run -------------------------------------------------------------------------------------------------------


def test_every_good_picture_is_enrolled_and_every_bad_one_named_with_its_reason(
    indexing: Indexing, folder: Path
) -> None:
    outcomes = {str(Path(each.path).relative_to(folder)): each for each in indexing.folder(folder)}
    for person in PEOPLE:
        assert outcomes[f"{person}/Portrait.JPG"].enrolled == 1
    assert outcomes["wall.jpeg"] == Outcome(path=str(folder / "wall.jpeg"))
    assert str(outcomes["wall.jpeg"]) == "no face"
    reasons = {name: each.skipped.reason for name, each in outcomes.items() if each.skipped}
    assert reasons == {"broken.jpg": "not a whole JPEG or PNG", "small.png": "too small"}
    faces = indexing.house.faces(indexing.collection)
    assert sorted(str(face.external_image_id) for face in faces) == sorted(PEOPLE)
    files = indexing.house.indexed_files.path_of(indexing.collection.key, [face.image_id for face in faces])
    assert sorted(files.values()) == [str(folder / person / "Portrait.JPG") for person in PEOPLE]


def test_a_second_run_finds_nothing_left_but_what_has_changed(indexing: Indexing, folder: Path) -> None:
    indexing.folder(folder)
    assert not indexing.folder(folder)
    os.utime(folder / "wall.jpeg", ns=(0, 0))
    assert [Path(each.path).name for each in indexing.folder(folder)] == ["wall.jpeg"]


def test_an_interrupted_run_goes_on_where_it_was(indexing: Indexing, folder: Path) -> None:
    run = indexing.runs(walk(folder)[0], batch=2)
    first = next(run)
    run.close()  # as Ctrl-C does
    assert len(first) == 2
    rest = indexing.folder(folder)
    assert {each.path for each in first} | {each.path for each in rest} == {each.path for each in walk(folder)[0]}
    assert not {each.path for each in first} & {each.path for each in rest}
    assert indexing.size() == len(PEOPLE)


def test_faces_and_their_files_are_recorded_together_or_not_at_all(
    indexing: Indexing, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        assert indexing.size() == len(PEOPLE), "the faces are stored first, and seen within the transaction"
        raise InternalServerError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(indexing.house.indexed_files, "record", full)
        with pytest.raises(InternalServerError, match="The disk is full"):
            indexing.folder(folder)
    assert indexing.size() == 0
    assert len(indexing.left(walk(folder)[0])) == 6
    indexing.folder(folder)
    assert indexing.size() == len(PEOPLE)


def test_a_picture_with_more_faces_than_were_to_be_enrolled_says_so(
    house: House, collection: Collection, analyzer: FaceAnalyzer, tmp_path: Path
) -> None:
    Image.fromarray(crowd(1, 2, 160)).save(tmp_path / "two.png")
    Image.fromarray(head(200)).save(tmp_path / "one.png")
    photo_analyzer = PhotoAnalyzer(analyzer, Bounds(most=1))
    with WorkerPool(lambda: ThisProcess(photo_analyzer), 1, lost=ended_its_worker) as pool:
        outcomes = Indexing(house, collection, pool).folder(tmp_path)
    assert [(Path(each.path).name, each.enrolled, each.has_more) for each in outcomes] == [
        ("one.png", 1, False),
        ("two.png", 1, True),
    ]


def test_other_formats_are_enrolled_under_the_id_of_their_own_bytes(indexing: Indexing, tmp_path: Path) -> None:
    names = ("a.jfif", "b.jpe", "c.webp", "d.tif", "e.TIFF", "f.avif")
    for number, name in enumerate(names):
        kind = {"jfif": "JPEG", "jpe": "JPEG", "tif": "TIFF"}.get(name[2:])
        Image.fromarray(head(150 + 10 * number)).save(tmp_path / name, kind)
    outcomes = indexing.folder(tmp_path)
    assert [(Path(each.path).name, each.enrolled) for each in outcomes] == [(name, 1) for name in names]
    ids = {face.image_id for face in indexing.house.faces(indexing.collection)}
    assert ids == {uuid_of(b"image", (tmp_path / name).read_bytes()) for name in names}


def test_a_format_without_its_decoder_is_named_and_tried_again_once_it_is_there(
    indexing: Indexing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)  # as where the extra is not installed
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "b.webp").write_bytes(b"RIFF\x40\0\0\0WEBPVP8 nothing")
    heic, damaged = indexing.folder(tmp_path)
    assert heic.skipped is not None
    assert (heic.skipped.reason, heic.skipped.lasting) == ("HEIC is not read here", False)
    assert "pip install 'regard[heic]'" in heic.skipped.detail
    assert damaged.skipped is not None
    assert (damaged.skipped.reason, damaged.skipped.lasting) == ("not a whole picture", True)
    assert [Path(photo.path).name for photo in indexing.left(walk(tmp_path)[0])] == ["a.heic"]


def test_a_batch_that_was_stored_but_not_recorded_is_not_stored_twice(indexing: Indexing, folder: Path) -> None:
    indexing.folder(folder)
    again = indexing.all(walk(folder)[0])
    assert sum(each.enrolled for each in again) == len(PEOPLE)
    assert indexing.size() == len(PEOPLE)


def test_a_file_without_a_name_is_skipped_and_tried_again_next_time(indexing: Indexing, folder: Path) -> None:
    def choosy(file: Path) -> str | None:
        if file.parent.name == PEOPLE[0]:
            raise Unnamed("names.csv has no row for it.")
        return None

    photos = [photo for photo in walk(folder)[0] if photo.path.endswith("JPG")]
    outcomes = indexing.all(photos, choosy)
    assert [each.enrolled for each in outcomes] == [0, 1, 1]
    assert outcomes[0].skipped is not None
    assert outcomes[0].skipped.detail == "names.csv has no row for it."
    assert indexing.left(photos) == photos[:1]


def test_a_file_that_vanishes_is_reported_and_not_taken_for_done(indexing: Indexing, folder: Path) -> None:
    photos = [photo for photo in walk(folder)[0] if photo.path.endswith("wall.jpeg")]
    Path(photos[0].path).unlink()
    [[outcome]] = indexing.runs(photos)
    assert outcome.skipped is not None
    assert outcome.skipped.reason == "cannot be read"
    assert indexing.left(photos) == photos


def test_a_huge_file_is_not_read(indexing: Indexing, tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    [[outcome]] = indexing.runs(walk(tmp_path)[0])
    assert outcome.skipped is not None
    assert outcome.skipped.reason == "too large"
    assert "105 MB" in outcome.skipped.detail


def test_a_collection_that_goes_away_stops_the_run(indexing: Indexing, folder: Path) -> None:
    indexing.house.delete("people")
    with pytest.raises(ResourceNotFound):
        indexing.folder(folder)


def test_what_is_only_analysed_leaves_no_trace(indexing: Indexing, folder: Path) -> None:
    photos = walk(folder)[0]
    grant = indexing.house.may(Action.ENROL)
    found = list(indexing.house.folders.analyses(grant, indexing.work(photos, batch=4)))
    assert [len(batch) for batch, _ in found] == [len(findings) for _, findings in found] == [4, 2]
    assert indexing.left(photos) == photos
    assert indexing.size() == 0


# -- the collection ----------------------------------------------------------------------------------------------------


def test_a_collection_is_made_where_there_is_none_and_found_where_there_is(house: House) -> None:
    grant = house.may(Action.ENROL, "people")
    assert house.folders.collection(grant, "people") is None
    made, new = house.folders.find_or_create(grant, "people")
    assert new
    assert made.face_model == house.matcher.models.default.version
    assert house.folders.find_or_create(grant, "people") == (made, False)
    assert house.folders.collection(grant, "people") == made


def test_of_two_processes_that_make_a_collection_at_once_both_have_it(house: House) -> None:
    with ThreadPoolExecutor(4) as pool:
        grants = [house.may(Action.ENROL, "people") for _ in range(4)]
        made = list(pool.map(lambda grant: house.folders.find_or_create(grant, "people"), grants))
    assert len({collection.key for collection, _ in made}) == 1
    assert sum(new for _, new in made) == 1


# -- the gate ----------------------------------------------------------------------------------------------------------


def test_no_door_opens_to_a_grant_for_another_act_or_collection(indexing: Indexing, folder: Path) -> None:
    folders, collection, photos = indexing.house.folders, indexing.collection, walk(folder)[0]
    opens_only_to, work = indexing.house.opens_only_to, indexing.work(photos)
    opens_only_to(Action.ENROL, "people", lambda grant: folders.collection(grant, "people"))
    opens_only_to(Action.ENROL, "people", lambda grant: folders.find_or_create(grant, "people"))
    opens_only_to(Action.ENROL, "people", lambda grant: folders.size(grant, collection))
    opens_only_to(Action.ENROL, "people", lambda grant: folders.left(grant, collection, photos))
    opens_only_to(Action.ENROL, "people", lambda grant: list(folders.run(grant, collection, work)))
    opens_only_to(Action.READ, "people", lambda grant: folders.files(grant, collection, []))
    opens_only_to(Action.ENROL, None, lambda grant: list(folders.analyses(grant, work)))
    assert indexing.size() == 0


def test_a_run_ends_with_its_grant(indexing: Indexing, folder: Path) -> None:
    with Granting() as granting:
        grant = granting.may(Action.ENROL, "people")
        run = indexing.house.folders.run(grant, indexing.collection, indexing.work(walk(folder)[0], batch=2))
        next(run)
    with pytest.raises(RuntimeError, match="the grant to enrol has ended"):
        next(run)
