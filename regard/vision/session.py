"""The only import of onnxruntime: providers, threads, run()."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from threading import Timer
from typing import Protocol, TypeVar

import numpy as np

# The official builds tell Microsoft what they load and run, from their first moment on, unless the environment forbids
# it (ONNX Runtime's Privacy.md). What this server looks at is nobody else's business.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from regard.domain.arrays import ByteArray, FloatArray
from regard.errors import ModelUnavailable
from regard.vision.conversion.model_files import ModelFiles
from regard.vision.graph import identity, prepared
from regard.vision.quantisation import Quantisation

Rows = TypeVar("Rows", ByteArray, FloatArray)

#: ONNX Runtime's own: another may run a graph otherwise.
VERSION: str = ort.__version__
_RUN_FAULTS = (ort_errors.Fail, ort_errors.InvalidArgument, ort_errors.NotImplemented, ort_errors.RuntimeException)


class Session(Protocol):
    """A loaded model: one input, some outputs, safe to call from many threads."""

    @property
    def name(self) -> str:
        """Its file's."""

    @property
    def outputs(self) -> tuple[str, ...]: ...

    def run(self, batch: FloatArray | ByteArray) -> list[FloatArray]: ...


class OnnxSession:
    """One model, of an ONNX file or of files that are converted to it, on the best provider this machine has.

    With a `quantisation`, made for this file, it computes in bytes. `ran` is told the seconds of every run. A run is
    ended after `run_seconds`, if given, at the next operation of the graph. Raises ModelUnavailable for a file that is
    no such model.
    """

    def __init__(
        self,
        file: Path | ModelFiles,
        *,
        threads: int = 0,
        free_sides: bool = False,
        quantisation: Quantisation | None = None,
        ran: Callable[[float], None] | None = None,
        run_seconds: float | None = None,
    ) -> None:
        files = file if isinstance(file, ModelFiles) else ModelFiles(file)
        try:
            graph = prepared(files, free_sides=free_sides, quantisation=quantisation)
            self._session = _loaded(graph, threads or cores())
        except ModelUnavailable:
            raise
        except Exception as error:  # onnxruntime and protobuf raise their own kinds, none of them public
            raise ModelUnavailable(f"{files.file} is not a model that ONNX Runtime can load: {error}") from error
        self.name = files.file.name
        self._ran = ran
        self._run_seconds = run_seconds
        self._input = self._session.get_inputs()[0].name
        #: Such a model has no batch: its rows are run one by one.
        self._one_row = self._session.get_inputs()[0].shape[:1] == [1]
        self._outputs = tuple(output.name for output in self._session.get_outputs())

    @property
    def outputs(self) -> tuple[str, ...]:
        return self._outputs

    @property
    def metadata(self) -> Mapping[str, str]:
        """What its file says beside the graph."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, batch: FloatArray | ByteArray) -> list[FloatArray]:
        """Every output for `batch`, in the model's order.

        Raises ModelUnavailable for a shape it does not take, and for a run that fails or does not end in time.
        """
        if self._one_row and len(batch) > 1:
            rows = [self._run(batch[row : row + 1]) for row in range(len(batch))]
            return [np.concatenate(column) for column in zip(*rows, strict=True)]
        return self._run(batch)

    def _run(self, batch: FloatArray | ByteArray) -> list[FloatArray]:
        began = time.perf_counter()
        try:
            with _ended_after(self._run_seconds) as options:
                outputs: Sequence[FloatArray] = self._session.run(None, {self._input: batch}, options)
        except _RUN_FAULTS as error:
            if self._run_seconds and time.perf_counter() - began >= self._run_seconds:
                raise ModelUnavailable(f"{self.name} did not run within {self._run_seconds:g} seconds") from error
            raise ModelUnavailable(f"{self.name} does not take an input of shape {batch.shape}: {error}") from error
        if self._ran:
            self._ran(time.perf_counter() - began)
        return list(outputs)


@contextmanager
def _ended_after(seconds: float | None) -> Iterator[ort.RunOptions | None]:
    """Options of a run that is ended after so many seconds; a run without a limit needs none."""
    if seconds is None:
        yield None
        return
    options = ort.RunOptions()
    timer = Timer(seconds, partial(setattr, options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield options
    finally:
        timer.cancel()


def _loaded(graph: bytes, threads: int) -> ort.InferenceSession:
    _share_arena()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Patterns are blocks for whole runs, one for each shape: with pictures of all shapes the arena grew by half.
    options.enable_mem_pattern = False
    # A spinning pool would steal the cores from the decoders and from other sessions' pools.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    chosen = providers()
    session = ort.InferenceSession(graph, options, providers=chosen)
    if len(chosen) == 1:
        # It would hold the graph beside its weights for ever, as much again, to load it on another provider.
        session._model_bytes = None
    return session


@cache
def _share_arena() -> None:
    """One arena for all sessions of this process: each would keep for itself the most that it ever needed."""
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(memory, None)


@cache
def _idle_session() -> ort.InferenceSession:
    return _loaded(identity(), 1)


def shrink_arena() -> None:
    """Free what the sessions' arena holds and no run is using: at most 1.1 GB of four runs of `centerface` at once,
    in 40 ms. Only the end of a run can do it, so a model that does nothing is run."""
    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    _idle_session().run(None, {"x": np.zeros(1, np.float32)}, options)


#: Rows a run: beyond it the activations leave the cache and a face costs more (`fr-feature`: 6.6 ms at 8, 10.2 at 32).
CHUNK_ROWS = 8


def run_in_chunks(
    session: Session, rows: Rows, prepare: Callable[[Rows], FloatArray], *, size: int = CHUNK_ROWS
) -> list[FloatArray]:
    """Every output for all `rows` (crops, or where to cut them), a chunk of `size` at a time.

    While the model runs on one chunk, the next is prepared: that is one core's work, and the others would wait for it.
    """
    chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
    if len(chunks) == 1:
        return session.run(prepare(chunks[0]))
    parts = []
    with ThreadPoolExecutor(1) as ahead:
        following = ahead.submit(prepare, chunks[0])
        for row in range(len(chunks)):
            ready = following.result()
            if row + 1 < len(chunks):
                following = ahead.submit(prepare, chunks[row + 1])
            parts.append(session.run(ready))
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def providers() -> list[str]:
    """Accelerators this build of ONNX Runtime offers, best first, the processor last."""
    wanted = ("CUDAExecutionProvider", "OpenVINOExecutionProvider", "CPUExecutionProvider")
    return [name for name in wanted if name in ort.get_available_providers()]
