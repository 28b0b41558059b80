"""Workers on the machines of a Ray cluster. The only door of Ray, which is the extra `regard[ray]`."""

from __future__ import annotations

import logging
import socket
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from regard.engine.analysis.photo_batches import File, Finding, PhotoAnalyzer, map_kept, with_content
from regard.engine.work.worker_pool import Task, WorkerLost
from regard.errors import InternalServerError, SettingsError

#: Seconds a worker may take to begin. Where its machine has gone there is no room for it, perhaps never again.
_PATIENCE = 60.0
#: Seconds for a head to take a connection.
_PROMPT = 10.0


def _library() -> ModuleType:
    """Raises SettingsError where Ray is not installed."""
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SettingsError("Work on a Ray cluster needs Ray: pip install 'regard[ray]'") from error
    return ray


def _knock(address: str) -> None:
    """Raises OSError or ValueError where nobody listens at HOST:PORT; Ray would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host:
        socket.create_connection((host, int(port)), _PROMPT).close()


class RayCluster:
    """A running cluster, joined as a driver; `threads` is how many cores each worker takes."""

    def __init__(self, address: str, *, threads: int, face_model: str) -> None:
        """Join it. Raises SettingsError where there is none at `address`, HOST:PORT or "auto"."""
        self._ray = _library()
        self._threads = threads
        self._face_model = face_model
        try:
            _knock(address)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # its remarks on its own future
                self._ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError) as error:
            raise SettingsError(f"There is no Ray cluster to join at {address}: {error}") from error

    @property
    def room(self) -> int:
        """How many workers its machines have cores for, one at least."""
        machines = [node["Resources"].get("CPU", 0) for node in self._ray.nodes() if node["Alive"]]
        return max(1, sum(int(cores) // self._threads for cores in machines))

    def worker(self, prepare: Callable[[], PhotoAnalyzer]) -> RayWorker:
        """Start one, on whichever machine has room; `prepare` makes what it works with, there."""
        actor = self._ray.remote(num_cpus=self._threads, max_restarts=0, max_task_retries=0)(_Actor).remote(prepare)
        return RayWorker(self._ray, actor, self._face_model)

    def close(self) -> None:
        """Leave the cluster to itself."""
        self._ray.shutdown()


class RayWorker:
    """An actor. It gets the content of files, not their paths: its machine need not have them."""

    def __init__(self, ray: ModuleType, actor: Any, face_model: str) -> None:
        self._ray = ray
        self._actor = actor
        self._face_model = face_model

    def ready(self) -> None:
        face_model = self._result(self._actor.ready.remote(), _PATIENCE)
        if face_model != self._face_model:
            raise SettingsError(
                f"A machine of the cluster makes embeddings of {face_model}, and this one of {self._face_model}. Give "
                f"all of them the same Regard and the same models."
            )

    def __call__(self, files: Task) -> list[Finding]:
        return map_kept([with_content(file) for file in files], self._sent)

    def end(self) -> None:
        if self._ray.is_initialized():
            self._ray.kill(self._actor)

    def _sent(self, files: Sequence[File]) -> list[Finding]:
        findings: list[Finding] = self._result(self._actor.examined.remote(files))
        return findings

    def _result(self, reference: Any, seconds: float | None = None) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference, timeout=seconds)
        except errors.GetTimeoutError as error:
            raise InternalServerError(f"The cluster has had no room for a worker for {seconds:.0f} s.") from error
        except errors.RayTaskError as error:  # what was raised there
            raise error.cause from error
        except errors.RayError as error:
            raise WorkerLost(str(error).partition("\n")[0]) from error


class _Actor:
    def __init__(self, prepare: Callable[[], PhotoAnalyzer]) -> None:
        self._prepare = prepare
        self._examiner: PhotoAnalyzer | None = None

    def ready(self) -> str:
        self._examiner = self._prepare()
        self._examiner.try_out()
        return self._examiner.face_model

    def examined(self, files: Sequence[File]) -> list[Finding]:
        if self._examiner is None:
            raise RuntimeError("a worker is asked whether it is ready before it gets work")
        return self._examiner(files)
