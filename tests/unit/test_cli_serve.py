"""`regard serve`: a first start, a later start, a port in use, a good end."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cli_home import Person

from regard.commands.serve_command import _reachable


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
