"""`regard index` with processes of its own: the same rows, whatever is killed; and how long it will take."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cli_home import Person
from people import loaded

from regard.bootstrap import worker
from regard.bootstrap.worker import ONE_PROCESS_PHOTOS, photo_analyzer_elsewhere, processes_for
from regard.commands.enrolment_progress import Pace, duration, forecast, spread
from regard.config.settings import Settings
from regard.engine.analysis.photo_batches import Bounds, PhotoAnalyzer
from regard.engine.bulk.folder_walk import Photo
from regard.errors import SettingsError
from regard.vision.session import cores


def portraits(user: Person, count: int) -> None:
    for number in range(count):
        user.portrait(f"{number:02}.png", side=110 + number)


def rows(user: Person, collection: str) -> tuple[list[object], list[object]]:
    """All that is stored of a collection's faces and indexed files, but keys and times."""
    with closing(sqlite3.connect(user.home / "regard.db")) as database:
        which = "where collection_key = (select key from collections where id = ?)"
        columns = 'face_id, image_id, external_image_id, "left", top, width, height, confidence, embedding'
        faces = database.execute(f"select {columns} from faces {which} order by key", [collection])  # noqa: S608
        columns = "path, size, modified_ns, image_id, outcome"
        files = database.execute(f"select {columns} from indexed_files {which} order by path", [collection])  # noqa: S608
        return faces.fetchall(), files.fetchall()


@contextmanager
def indexing(user: Person, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`regard index` in a process group of its own, as a terminal runs it, with at least six files done."""
    report = user.home / "report.csv"
    whole = [sys.executable, "-m", "regard", "index", str(user.pictures), "--collection", "people", *words]
    with subprocess.Popen(
        [*whole, "--processes", "2", "--batch", "2", "--report", str(report), "--home", str(user.home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            while process.poll() is None and (not report.exists() or report.read_text().count("\n") < 7):
                time.sleep(0.01)
            assert process.poll() is None, process.communicate()
            yield process
        finally:
            process.kill()


def workers(parent: int) -> list[int]:
    """The processes that a running job has started to work for it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                told = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if int(told[1]) == parent and told[0] != "Z" and "spawn_main" in command:
                found.append(int(entry.name))
    return found


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def all_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 20
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(alive, pids))


@pytest.mark.slow
def test_one_process_and_two_store_the_same_rows(user: Person) -> None:
    portraits(user, 9)
    user.wall()
    (user.pictures / "broken.jpg").write_text("text")
    for collection, processes in (("one", 1), ("two", 2)):
        said = user.run("index", user.pictures, "--collection", collection, "--processes", processes, "--batch", 2)
        assert said.code == 0, said.err
    faces, files = rows(user, "one")
    assert (len(faces), len(files)) == (9, 11)
    assert rows(user, "two") == (faces, files)


@pytest.mark.slow
def test_ctrl_c_ends_the_workers_too_and_the_next_run_finishes(user: Person) -> None:
    portraits(user, 36)
    with indexing(user) as process:
        started = workers(process.pid)
        assert len(started) == 2
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Run the same command to resume." in err
    assert "Traceback" not in out + err
    assert all_gone(started)
    stored, done = rows(user, "people")
    assert 6 <= len(done) == len(stored) < 36
    assert user.run("index", user.pictures, "--collection", "people").code == 0
    assert len(rows(user, "people")[0]) == 36


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_no_picture(user: Person) -> None:
    portraits(user, 30)
    with indexing(user) as process:
        os.kill(workers(process.pid)[0], signal.SIGKILL)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "holds 30 faces" in out
    assert "cannot be analysed" not in out


@pytest.mark.slow
def test_a_job_that_is_killed_leaves_no_workers_behind_and_goes_on_later(user: Person) -> None:
    portraits(user, 36)
    with indexing(user) as process:
        started = workers(process.pid)
        process.kill()
        process.wait(10)
    assert all_gone(started)
    assert user.run("index", user.pictures, "--collection", "people").code == 0
    assert len(rows(user, "people")[0]) == 36


def test_a_machine_of_a_cluster_whose_embeddings_are_of_another_model_is_refused(
    user: Person, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGARD_HOME", str(user.home))
    monkeypatch.setattr(worker, "limit_core_dumps", lambda: None)  # this process is the tests'
    with pytest.raises(SettingsError, match=r"makes embeddings of .+, this one of another-1\.0\. Install the same"):
        photo_analyzer_elsewhere("centerface", "fr-feature", 1, Bounds(), "another-1.0")
    version = loaded(models).embedder().version
    assert isinstance(photo_analyzer_elsewhere("centerface", "fr-feature", 1, Bounds(), version), PhotoAnalyzer)


# -- how long it takes -------------------------------------------------------------------------------------------


def test_an_estimate_says_how_long_and_stores_nothing(user: Person) -> None:
    portraits(user, 26)
    said = user.run("index", user.pictures, "--collection", "people", "--estimate", "--batch", 1)
    assert said.code == 0
    assert re.search(r"^26 photographs, about \d+ s at [\d.]+/s on 1 process\.$", said.out, re.MULTILINE)
    assert user.run("collections", "list", "--json").json == []


@pytest.mark.slow
def test_the_time_is_foretold_from_a_sample_and_for_what_is_left(user: Person) -> None:
    portraits(user, 3)
    user.run("index", user.pictures, "--collection", "people")
    for number in range(30):
        user.portrait(f"new/{number:02}.png", side=150 + number)
    said = user.run("index", user.pictures, "--collection", "people", "--batch", 1)
    assert re.search(r"^30 of 33 photographs are left, about \d+ s at [\d.]+/s on 1 process\.$", said.err, re.MULTILINE)
    assert "holds 33 faces" in said.out
    said = user.run("index", user.pictures, "--collection", "people", "--estimate")
    assert said.out == "No photographs are left to index.\n"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(7.4, "7 s"), (99, "99 s"), (130, "2 min"), (5400, "90 min"), (9000, "2 h 30 min"), (32258, "8 h 58 min"),
     (50000, "14 h"), (300000, "3.5 days")],
)  # fmt: skip
def test_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_forecast_is_what_is_left_over_the_rate() -> None:
    said = "300,000 photographs, about 8 h 58 min at 9.3/s on 2 processes."
    assert forecast(300_000, 300_000, 9.3, "2 processes") == said
    assert forecast(10, 20, 1, "1 process") == "10 of 20 photographs are left, about 10 s at 1.0/s on 1 process."


def test_a_sample_comes_from_all_over_the_list_and_the_rest_keeps_its_order() -> None:
    photos = [Photo(str(number), 0, 0) for number in range(1000)]
    sample, others = spread(photos, 10)
    assert [int(each.path) for each in sample] == list(range(0, 1000, 100))
    assert others == [each for each in photos if each not in sample]
    assert spread(photos[:30], 10) == ([], photos[:30])


def test_the_pace_is_nothing_before_anything_is_done() -> None:
    pace = Pace()
    assert pace.rate == 0
    time.sleep(0.1)
    pace.add(5)
    assert 5 < pace.rate <= 50


def test_a_few_photographs_stay_in_this_process_and_many_get_one_for_each_share_of_the_cores() -> None:
    assert processes_for(Settings(home=Path()), ONE_PROCESS_PHOTOS - 1) == 1
    assert processes_for(Settings(home=Path()), ONE_PROCESS_PHOTOS) == cores()
    assert processes_for(Settings(home=Path()).with_threads(1000), ONE_PROCESS_PHOTOS) == 1
