"""Folders: what the walk finds, what a run makes of it, and going on after an interruption."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from people import head
from PIL import Image

from regard import app
from regard.app import Regard
from regard.config.settings import load_settings
from regard.domain.galleries import Collection
from regard.engine.analysis.photo_batches import Bounds, PhotoAnalyzer
from regard.engine.bulk.folder_indexing import FolderIndexer, Namer, Outcome, Photo, Unnamed, walk
from regard.engine.work.worker_pool import ThisProcess, WorkerPool
from regard.errors import InvalidParameter, ResourceNotFound

PEOPLE = ("ann", "bob", "cat")


@pytest.fixture(scope="module")
def regard(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regard]:
    built = app.build(load_settings({}, home=tmp_path_factory.mktemp("home"), model_dir=models))
    yield built
    built.close()


@pytest.fixture
def collection(regard: Regard) -> Iterator[Collection]:
    made = regard.services.gallery.create("people", {})
    yield made
    with suppress(ResourceNotFound):
        regard.services.gallery.delete(made.id)


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


def runs(
    regard: Regard, collection: Collection, photos: Sequence[Photo], namer: Namer = by_name, batch: int = 16
) -> Iterator[list[Outcome]]:
    """Index `photos` in this process; closing it is what Ctrl-C does."""
    photo_analyzer = PhotoAnalyzer(regard.services.analyzer, collection.face_model, Bounds())
    with WorkerPool(lambda: ThisProcess(photo_analyzer), 1) as worker_pool:
        folders = FolderIndexer(regard.services.gallery, regard.sources, batch)
        yield from folders.run(worker_pool, collection, photos, namer)


def left(regard: Regard, collection: Collection, photos: Sequence[Photo]) -> list[Photo]:
    return FolderIndexer(regard.services.gallery, regard.sources).left(collection, photos)


def index(regard: Regard, collection: Collection, folder: Path) -> list[Outcome]:
    photos = left(regard, collection, walk(folder)[0])
    return [outcome for batch in runs(regard, collection, photos) for outcome in batch]


# -- the walk ----------------------------------------------------------------------------------------------------


def test_the_walk_finds_pictures_by_suffix_in_any_case_and_leaves_out_the_hidden(folder: Path) -> None:
    photos, unlisted = walk(folder)
    assert [str(Path(photo.path).relative_to(folder)) for photo in photos] == [
        "broken.jpg",
        "small.png",
        "wall.jpeg",
        *(f"{person}/Portrait.JPG" for person in PEOPLE),
    ]
    assert not unlisted
    assert photos[0].size == len("this is text")


def test_the_walk_says_which_files_it_could_not_look_at(tmp_path: Path) -> None:
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    photos, unlisted = walk(tmp_path)
    assert not photos
    assert [(Path(each.path).name, each.skipped and each.skipped.reason) for each in unlisted] == [
        ("lost.jpg", "cannot be read")
    ]


def test_a_pipe_with_a_pictures_name_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert walk(tmp_path) == ([], [])


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="is not a folder"):
        walk(tmp_path / "nothing")


# -- a run -------------------------------------------------------------------------------------------------------


def test_every_good_picture_is_enrolled_and_every_bad_one_named_with_its_reason(
    regard: Regard, collection: Collection, folder: Path
) -> None:
    outcomes = {str(Path(each.path).relative_to(folder)): each for each in index(regard, collection, folder)}
    for person in PEOPLE:
        assert outcomes[f"{person}/Portrait.JPG"].enrolled == 1
    assert outcomes["wall.jpeg"] == Outcome(path=str(folder / "wall.jpeg"))
    assert str(outcomes["wall.jpeg"]) == "no face"
    reasons = {name: each.skipped.reason for name, each in outcomes.items() if each.skipped}
    assert reasons == {"broken.jpg": "not a whole JPEG or PNG", "small.png": "too small"}
    faces = regard.services.gallery.faces(collection, 0, 10)
    assert sorted(str(face.external_image_id) for face in faces) == sorted(PEOPLE)
    files = regard.sources.path_of(collection.key, [face.image_id for face in faces])
    assert sorted(files.values()) == [str(folder / person / "Portrait.JPG") for person in PEOPLE]


def test_a_second_run_finds_nothing_left_but_what_has_changed(
    regard: Regard, collection: Collection, folder: Path
) -> None:
    index(regard, collection, folder)
    assert not index(regard, collection, folder)
    os.utime(folder / "wall.jpeg", ns=(0, 0))
    assert [Path(each.path).name for each in index(regard, collection, folder)] == ["wall.jpeg"]


def test_an_interrupted_run_goes_on_where_it_was(regard: Regard, collection: Collection, folder: Path) -> None:
    run = runs(regard, collection, walk(folder)[0], batch=2)
    first = next(run)
    run.close()  # as Ctrl-C does
    assert len(first) == 2
    rest = index(regard, collection, folder)
    assert {each.path for each in first} | {each.path for each in rest} == {each.path for each in walk(folder)[0]}
    assert not {each.path for each in first} & {each.path for each in rest}
    assert regard.services.gallery.size(collection) == len(PEOPLE)


def test_a_batch_that_was_stored_but_not_recorded_is_not_stored_twice(
    regard: Regard, collection: Collection, folder: Path
) -> None:
    index(regard, collection, folder)
    again = [each for batch in runs(regard, collection, walk(folder)[0]) for each in batch]
    assert sum(each.enrolled for each in again) == len(PEOPLE)
    assert regard.services.gallery.size(collection) == len(PEOPLE)


def test_a_file_without_a_name_is_skipped_and_tried_again_next_time(
    regard: Regard, collection: Collection, folder: Path
) -> None:
    def choosy(file: Path) -> str | None:
        if file.parent.name == PEOPLE[0]:
            raise Unnamed("names.csv has no row for it.")
        return None

    photos = [photo for photo in walk(folder)[0] if photo.path.endswith("JPG")]
    outcomes = [each for batch in runs(regard, collection, photos, choosy) for each in batch]
    assert [each.enrolled for each in outcomes] == [0, 1, 1]
    assert outcomes[0].skipped is not None
    assert outcomes[0].skipped.detail == "names.csv has no row for it."
    assert left(regard, collection, photos) == photos[:1]


def test_a_file_that_vanishes_is_reported_and_not_taken_for_done(
    regard: Regard, collection: Collection, folder: Path
) -> None:
    photos = [photo for photo in walk(folder)[0] if photo.path.endswith("wall.jpeg")]
    Path(photos[0].path).unlink()
    [[outcome]] = runs(regard, collection, photos)
    assert outcome.skipped is not None
    assert outcome.skipped.reason == "cannot be read"
    assert left(regard, collection, photos) == photos


def test_a_huge_file_is_not_read(regard: Regard, collection: Collection, tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    [[outcome]] = runs(regard, collection, walk(tmp_path)[0])
    assert outcome.skipped is not None
    assert outcome.skipped.reason == "too large"
    assert "105 MB" in outcome.skipped.detail


def test_a_collection_that_goes_away_stops_the_run(regard: Regard, collection: Collection, folder: Path) -> None:
    regard.services.gallery.delete(collection.id)
    with pytest.raises(ResourceNotFound):
        index(regard, collection, folder)


def test_what_is_examined_without_a_collection_leaves_no_trace(
    regard: Regard, collection: Collection, folder: Path
) -> None:
    photo_analyzer = PhotoAnalyzer(regard.services.analyzer, collection.face_model, Bounds())
    photos = walk(folder)[0]
    folders = FolderIndexer(regard.services.gallery, regard.sources, batch=4)
    with WorkerPool(lambda: ThisProcess(photo_analyzer), 1) as worker_pool:
        found = list(folders.examined(worker_pool, photos, by_name))
    assert [len(batch) for batch, _ in found] == [len(findings) for _, findings in found] == [4, 2]
    assert left(regard, collection, photos) == photos
    assert regard.services.gallery.size(collection) == 0
