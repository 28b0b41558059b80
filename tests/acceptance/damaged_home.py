"""A real `regard serve` on a home of its own, to be harmed while it runs or before it starts."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import in_process
import numpy as np
from botocore.config import Config

from regard.domain.arrays import FloatArray
from regard.domain.images import Box
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.embeddings import packed
from regard.store.face_rows import FaceRows, NewFace

#: What the default embedder calls its vectors.
FACE_MODEL = "fr-feature-1"
_PATIENCE = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Home:
    """A home, the models beside it, and the server of the moment."""

    folder: Path
    models: Path
    database: str = ""
    user: int | None = None
    port: int = field(default_factory=free_port)
    key: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.database or f"sqlite:///{self.folder / 'regard.db'}"

    @property
    def log(self) -> str:
        return self.folder.with_name(f"{self.folder.name}.log").read_text()

    def run(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """`regard …` in this home; a server, and what another user runs, in a process of its own."""
        if self.user is None and words[0] != "serve":
            return in_process.run([*words, "--home", str(self.folder)], self._settings(), typed)
        command = [sys.executable, "-m", "regard", *words, "--home", str(self.folder)]
        return subprocess.run(
            command, env=self._environment(), input=typed, capture_output=True, text=True, check=False, user=self.user
        )

    @contextmanager
    def serving(self) -> Iterator[Any]:
        """A server, ready, and a client of it; killed in the end."""
        if not self.key:
            self.key = json.loads(self.run("keys", "create", "--json").stdout)
        command = [sys.executable, "-m", "regard", "serve", "--port", str(self.port), "--home", str(self.folder)]
        with self.folder.with_name(f"{self.folder.name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                command, env=self._environment(), stdout=log, stderr=log, user=self.user, umask=0o022
            )
        try:
            end = time.monotonic() + _PATIENCE
            while self.get("/health/live")[0] != 200:
                assert self.process.poll() is None, self.log
                assert time.monotonic() < end, self.log
                time.sleep(0.05)
            with closing(self._client()) as client:
                yield client
        finally:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def get(self, path: str) -> tuple[int, str]:
        """0 while nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with closing(connection), suppress(OSError):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        return 0, ""

    def enrol(self, collection: str, count: int, seed: int = 0) -> tuple[list[str], FloatArray]:
        """Faces of random people, as another process writes them: their ids and vectors."""
        vectors = np.random.default_rng(seed).standard_normal((count, 128), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        box = Box(left=0.1, top=0.1, width=0.5, height=0.5)
        new = [
            NewFace(face_id=str(uuid4()), image_id=str(uuid4()), external_image_id=None, box=box, confidence=99.0)
            for _ in range(count)
        ]
        opened = database.open(self.url, erase_seconds=3600)
        with closing(opened):
            rows = CollectionRows(opened)
            there = rows.find(collection) or rows.create(collection, self.face_model(), {}, datetime.now(UTC))
            FaceRows(opened).add(there.key, new, vectors, there.face_model, datetime.now(UTC))
        return [face.face_id for face in new], vectors

    def face_model(self) -> str:
        from regard.bootstrap.models import face_model  # noqa: PLC0415
        from regard.config.settings import load_settings  # noqa: PLC0415

        return face_model(load_settings({}, home=self.folder)).version

    def harm(self, *statements: str) -> None:
        """Change rows as Regard never would."""
        if self.database:
            import psycopg  # noqa: PLC0415

            with psycopg.connect(self.database, autocommit=True) as server:
                for statement in statements:
                    server.execute(statement)
            return
        with closing(sqlite3.connect(self.folder / "regard.db", isolation_level=None)) as file:
            for statement in statements:
                file.execute(statement)

    def holding(self, vectors: FloatArray) -> dict[str, int]:
        """In which files of the home how many of these vectors lie, by a piece of the bytes that are kept of them."""
        found = {}
        for file in self.folder.rglob("*"):
            if file.is_file():
                raw = file.read_bytes()
                count = sum(blob[96:160] in raw for blob in packed(vectors))
                found |= {str(file.relative_to(self.folder)): count} if count else {}
        return found

    def _client(self) -> Any:
        return boto3.client(
            "rekognition",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=self.key["AccessKeyId"],
            aws_secret_access_key=self.key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
        )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REGARD_")}
        return kept | self._settings()

    def _settings(self) -> dict[str, str]:
        chosen = {"REGARD_MODELS_FOLDER": str(self.models), "REGARD_MODELS_THREADS": "1"}
        return chosen | ({"REGARD_STORE_DATABASE": self.database} if self.database else {})


def ids(answer: Sequence[dict[str, Any]]) -> list[str]:
    return [each["Face"]["FaceId"] for each in answer]
