"""`regard serve`: a first start, a later start, a port in use, a good end."""

from __future__ import annotations

import hashlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_home import Person

from regard.commands.serve_command import _reachable


@pytest.fixture
def own_models(user: Person, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that a test may add to, which the settings name."""
    folder = tmp_path / "own-models"
    folder.mkdir()
    for file in models.glob("[!.]*.*"):
        (folder / file.name).symlink_to(file)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (user.home / "regard.toml").write_text(f'[models]\nfolder = "{folder}"\n')
    return folder


@contextmanager
def server(user: Person, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server and what it said when it was ready."""
    command = [sys.executable, "-m", "regard", "serve", "--home", str(user.home), "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "search_faces_by_image" not in said:
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            said += line
        try:
            yield process, said
        finally:
            process.kill()
            process.communicate()


def test_the_first_start_makes_a_key_and_its_snippet_works_when_pasted_twice(user: Person) -> None:
    photo = user.portrait("me.jpg")
    with server(user) as (process, said):
        assert re.search(r"SecretAccessKey: \w{40}\n", said)
        snippet = said[said.index("import boto3") :].replace("photo.jpg", str(photo))
        for _ in range(2):
            # As a person pastes it: line by line into Python's prompt, where an unfinished block would be an error.
            pasted = subprocess.run(
                [sys.executable, "-i", "-q"], input=snippet, capture_output=True, text=True, check=True
            )
            assert "Error" not in pasted.stderr, pasted.stderr
            assert "'ExternalImageId': 'somebody'" in pasted.stdout
            assert pasted.stdout.startswith("[{'BoundingBox'")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    with server(user) as (process, said):
        assert "SecretAccessKey:" not in said
        assert f"`regard keys create --home {user.home}` creates another" in said
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_a_port_in_use_is_said_before_any_model_is_loaded(user: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = user.run("serve", "--port", taken.getsockname()[1])
    assert said.code == 1
    assert "Address already in use" in said.err
    assert "--port" in said.err
    assert not (user.home / "regard.db").exists()


def test_a_host_that_is_unknown_is_an_error_in_words(user: Person) -> None:
    said = user.run("serve", "--port", "0", "--host", "no such host")
    assert said.code == 1
    assert "'no such host' is unknown" in said.err


def test_the_endpoint_shown_is_one_that_a_client_can_reach() -> None:
    assert _reachable("0.0.0.0") == "127.0.0.1"  # noqa: S104 - shown, not bound
    assert _reachable("::") == "[::1]"
    assert _reachable("192.0.2.7") == "192.0.2.7"
    assert _reachable("2001:db8::7") == "[2001:db8::7]"


def pack_of_own(user: Person, source: str, packs: str = "text") -> None:
    """A further model in the pack `text`, of a file of ten bytes."""
    with (user.home / "regard.toml").open("a") as settings:
        settings.write(f'packs = "{packs}"\n')
    (user.home / "models.toml").write_text(f"""
[toy]
task = "face-pose"
family = "fr-pose"
pack = "text"
file = "toy-of-a-pack.onnx"
sha256 = "{hashlib.sha256(b"0123456789").hexdigest()}"
size = 10
licence = "MIT"
provenance = "Made for this test."
input = {{ width = 24, height = 24, channels = "GREY", mean = [0], std = [255] }}
sources = [{{ {source} }}]
""")


@pytest.mark.slow
def test_a_started_server_fetches_the_packs_of_the_settings(user: Person, own_models: Path, tmp_path: Path) -> None:
    (tmp_path / "ten").write_bytes(b"0123456789")
    pack_of_own(user, f'file = "{tmp_path / "ten"}"')
    with server(user) as (process, _):
        assert process.stderr is not None
        assert "Fetching the pack text, 0.0 MB" in process.stderr.readline()
        assert "The pack text is here" in process.stderr.readline()
        assert (own_models / "toy-of-a-pack.onnx").read_bytes() == b"0123456789"


@pytest.mark.slow
def test_a_pack_that_cannot_be_fetched_is_one_warning_and_the_server_goes_on(user: Person, own_models: Path) -> None:
    pack_of_own(user, 'file = "/nowhere/ten"')
    with server(user) as (process, _):
        assert process.stderr is not None
        assert "Fetching the pack text" in process.stderr.readline()
        warning = process.stderr.readline()
        assert "The pack text was not fetched; `regard models pull text` tries again." in warning
        assert "/nowhere/ten" in warning
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.slow
def test_a_server_that_is_ended_does_not_wait_for_a_fetch(user: Person, own_models: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pack_of_own(user, f'url = "http://127.0.0.1:{silent.getsockname()[1]}/ten"')
        with server(user) as (process, _):
            connection, _ = silent.accept()  # it is fetching, and gets nothing
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            connection.close()


@pytest.mark.slow
def test_no_pack_is_fetched_if_the_settings_say_so(user: Person, own_models: Path) -> None:
    pack_of_own(user, 'file = "/nowhere/ten"', packs="")
    with server(user) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert "pack" not in process.communicate(timeout=10)[1]
    said = user.run("models", "pull")
    assert "toy" not in said.out
    assert user.run("models", "pull", "text").code == 1


def test_a_pack_there_is_not_is_an_error_before_the_start(user: Person) -> None:
    (user.home / "regard.toml").write_text('[models]\npacks = "text, faxes"\n')
    said = user.run("serve", "--port", "0")
    assert said.code == 1
    assert "it must be packs of models" in said.err
