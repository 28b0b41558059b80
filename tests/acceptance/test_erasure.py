"""What is deleted leaves the disk while the server runs, and nothing in the home is for others."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from damaged_home import Home

from regard.bootstrap.home import keep_private

#: What the page promises, and some seconds for a busy machine.
A_MINUTE = 75


@pytest.fixture
def home(models: Path, tmp_path: Path) -> Home:
    return Home(tmp_path / "home", models)


def soon(met: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


@pytest.mark.slow
def test_within_a_minute_no_file_of_a_running_server_holds_a_deleted_face(home: Home) -> None:
    faces, vectors = home.enrol("people", 300)
    with home.serving() as client:
        for at in range(0, 200, 50):
            gone = client.delete_faces(CollectionId="people", FaceIds=faces[at : at + 50])["DeletedFaces"]
            assert len(gone) == 50
        before = home.holding(vectors[:200])
        assert soon(lambda: not home.holding(vectors[:200]), A_MINUTE), home.holding(vectors[:200])
        assert before, "they were gone before anything was done for it"
        assert home.holding(vectors[200:]) == {"regard.db": 100}


@pytest.mark.slow
def test_after_a_kill_the_next_start_lets_go_of_what_was_deleted(home: Home) -> None:
    faces, vectors = home.enrol("people", 100)
    with home.serving() as client:
        client.delete_faces(CollectionId="people", FaceIds=faces)
        home.kill()
        assert home.holding(vectors)
    with home.serving():
        assert home.holding(vectors) == {}


@pytest.mark.slow
def test_the_segments_of_an_index_let_go_of_a_collection_that_a_command_deletes(home: Home) -> None:
    """With a server, which has them open, and without one."""
    _, first = home.enrol("first", 16_500)
    _, second = home.enrol("second", 16_500, seed=1)
    with home.serving():
        assert soon(lambda: len(list(home.folder.glob("index/*/faces/*/*.segment"))) == 2, 60)
        assert home.run("collections", "delete", "first", "--yes").returncode == 0
        assert soon(lambda: len(list(home.folder.glob("index/*/faces/*/*.segment"))) == 1, A_MINUTE)
        assert soon(lambda: home.holding(first[:200]) == {}, A_MINUTE)
    assert home.run("collections", "delete", "second", "--yes").returncode == 0
    assert list(home.folder.glob("index/*/faces/*/*.segment")) == []
    assert home.holding(second[:200]) == {}


# -- others ----------------------------------------------------------------------------------------------------------


def open_to_others(folder: Path) -> list[str]:
    kept = [folder, *folder.rglob("*")]
    return [str(each.relative_to(folder)) for each in kept if stat.S_IMODE(each.lstat().st_mode) & 0o077]


@pytest.mark.slow
def test_nothing_a_server_makes_in_its_home_is_for_others(home: Home) -> None:
    with home.serving() as client:
        client.create_collection(CollectionId="people")
        assert {"regard.db", "seal.key", "index", "buckets"} <= {each.name for each in home.folder.iterdir()}
        assert open_to_others(home.folder) == []


def test_a_home_of_before_is_mended_and_what_is_not_regards_is_left_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for folder in ("index/x/faces/1", "models", "buckets/photos/2026", "mine"):
        (home / folder).mkdir(parents=True, mode=0o755)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (home / "buckets" / "linked").symlink_to(elsewhere)
    (home / "models" / "linked").symlink_to(elsewhere)
    for file in ("regard.db", "regard.db-wal", "regard.toml", "index/x/faces/1/0-0.segment", "models/a.onnx", "mine/a"):
        (home / file).touch(mode=0o644)
    keep_private(home)
    assert open_to_others(home / "index") == []
    assert [name for name in open_to_others(home) if not name.endswith("linked")] == [
        each for each in open_to_others(home) if each.startswith(("mine", "buckets/photos/"))
    ]
    assert stat.S_IMODE((home / "models" / "a.onnx").stat().st_mode) == 0o600
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755
    assert stat.S_IMODE((home / "mine" / "a").stat().st_mode) == 0o644


@pytest.mark.slow
def test_a_server_has_set_its_limit_for_core_dumps_to_nothing(home: Home) -> None:
    with home.serving():
        assert home.process is not None
        limits = (Path("/proc") / str(home.process.pid) / "limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
