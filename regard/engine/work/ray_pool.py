"""A pool whose workers are on the machines of a Ray cluster. The only door of Ray, which is the extra `regard[ray]`."""

from __future__ import annotations

import logging
import re
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any, Generic

from regard.engine.work.worker_pool import Item, Processor, Result, WorkerLost, WorkerPool
from regard.errors import InternalServerError, RegardError, SettingsError

#: A worker must be ready within this time. If a machine has left the cluster, there may never be room for it.
_READY_SECONDS = 60.0
#: A head must accept a connection within this time.
_CONNECT_SECONDS = 10.0
#: Terminal colours, which Ray puts into its error messages.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@contextmanager
def ray_pool(
    address: str,
    prepare: Callable[[], Processor[Item, Result]],
    *,
    cores: int,
    workers: int | None,
    pack: Callable[[Item], Item],
    lost: Callable[[Item, str], Result],
) -> Iterator[WorkerPool[Item, Result]]:
    """Workers of `cores` cores each, ready to begin: `workers` of them, or as many as the cluster has cores for.

    `prepare` (picklable) is called where the worker runs. `pack` is applied here to each item before it is sent, to
    add what another machine cannot read for itself. Raises SettingsError if there is no such cluster.
    """
    cluster = RayCluster(address, cores=cores)
    try:
        count = workers or cluster.capacity
        name = f"{count} workers of the cluster"
        with WorkerPool(partial(cluster.start, prepare, pack), count, lost=lost, name=name) as pool:
            yield pool
    finally:
        cluster.close()


class RayCluster:
    """A running cluster, joined as a driver; each worker takes `cores` cores."""

    def __init__(self, address: str, *, cores: int) -> None:
        """Join the cluster at `address`: HOST:PORT, or "auto". Raises SettingsError if there is none."""
        self._ray = _import_ray()
        self._cores = cores
        try:
            _try_connecting(address)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Ray announces changes of its own defaults
                self._ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError) as error:
            raise SettingsError(f"There is no Ray cluster to join at {address}: {error}") from error

    @property
    def capacity(self) -> int:
        """How many workers its machines have cores for, at least 1."""
        machines = [node["Resources"].get("CPU", 0) for node in self._ray.nodes() if node["Alive"]]
        return max(1, sum(int(cores) // self._cores for cores in machines))

    def start(
        self, prepare: Callable[[], Processor[Item, Result]], pack: Callable[[Item], Item]
    ) -> RayWorker[Item, Result]:
        """Start a worker on whichever machine has room."""
        actor = self._ray.remote(num_cpus=self._cores, max_restarts=0, max_task_retries=0)(_Actor).remote(prepare)
        return RayWorker(self._ray, actor, pack)

    def close(self) -> None:
        """Leave the cluster, which goes on without this process."""
        self._ray.shutdown()


class RayWorker(Generic[Item, Result]):
    """A Ray actor. Its items are packed here, because its machine may not have this machine's files."""

    def __init__(self, ray: ModuleType, actor: Any, pack: Callable[[Item], Item]) -> None:
        self._ray = ray
        self._actor = actor
        self._pack = pack

    def wait_until_ready(self) -> None:
        self._get(self._actor.prepare.remote(), _READY_SECONDS)

    def __call__(self, items: Sequence[Item], /) -> Sequence[Result]:
        results: Sequence[Result] = self._get(self._actor.process.remote([self._pack(item) for item in items]))
        return results

    def end(self) -> None:
        if self._ray.is_initialized():
            self._ray.kill(self._actor)

    def _get(self, reference: Any, seconds: float | None = None) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference, timeout=seconds)
        except errors.GetTimeoutError as error:
            raise InternalServerError(
                f"The cluster had no room for a worker within {seconds:.0f} s. Ask for fewer workers, or add machines."
            ) from error
        except errors.RayError as error:
            cause = getattr(error, "cause", None)  # the error that was raised in the worker
            if isinstance(cause, RegardError):
                raise cause from error
            raise WorkerLost(_gist(str(error))) from error


class _Actor(Generic[Item, Result]):
    """What runs on the worker's machine."""

    def __init__(self, prepare: Callable[[], Processor[Item, Result]]) -> None:
        self._prepare = prepare
        self._processor: Processor[Item, Result] | None = None

    def prepare(self) -> None:
        self._processor = self._prepare()
        self._processor.try_out()

    def process(self, items: Sequence[Item]) -> Sequence[Result]:
        if self._processor is None:
            raise RuntimeError("a worker gets work only once it is ready")
        return self._processor(items)


def _gist(text: str) -> str:
    """The first line of Ray's message, and the last, which in a traceback is the error itself."""
    lines = [line.strip() for line in _COLOURS.sub("", text).splitlines() if line.strip()]
    return " ".join(dict.fromkeys(lines[:1] + lines[-1:]))


def _import_ray() -> ModuleType:
    """Raises SettingsError if Ray is not installed."""
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SettingsError("Working on a Ray cluster needs Ray: pip install 'regard[ray]'") from error
    return ray


def _try_connecting(address: str) -> None:
    """Raises OSError or ValueError if nothing listens at HOST:PORT; Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
