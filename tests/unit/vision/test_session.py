from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hostile_graphs import slow_to_run
from toy_graphs import embedder, node, save_graph

from regard.domain.arrays import ByteArray, FloatArray
from regard.errors import ModelUnavailable
from regard.vision.session import CHUNK_ROWS, OnnxSession, cores, providers, run_in_chunks


class Counting:
    """A session that doubles its rows and remembers how many came at once."""

    outputs = ("twice", "same")

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, batch: FloatArray) -> list[FloatArray]:
        self.sizes.append(len(batch))
        return [batch * 2, batch]


def as_floats(crops: ByteArray) -> FloatArray:
    return crops.astype(np.float32)


def test_outputs_come_by_name_and_in_order(tmp_path: Path) -> None:
    nodes = [node("Abs", "x", "b"), node("Neg", "x", "a")]
    file = save_graph(
        tmp_path / "two.onnx", nodes, inputs={"x": (1, 2)}, outputs={"b": (1, 2), "a": (1, 2)}, weights={}
    )
    session = OnnxSession(file)
    assert session.outputs == ("b", "a")
    first, second = session.run(np.array([[1, -2]], np.float32))
    np.testing.assert_array_equal(first, [[1, 2]])
    np.testing.assert_array_equal(second, [[-1, 2]])


def test_a_loaded_model_does_not_hold_its_file_beside_its_weights(tmp_path: Path) -> None:
    weights = {"w": np.ones((1, 1_000_000), np.float32)}
    shape = (1, 1_000_000)
    file = save_graph(
        tmp_path / "large.onnx", [node("Add", "x w", "y")], inputs={"x": shape}, outputs={"y": shape}, weights=weights
    )
    tracemalloc.start()
    try:
        session = OnnxSession(file)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < file.stat().st_size / 4
    assert session.run(np.ones(shape, np.float32))[0].max() == 2


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08" * 100])
def test_what_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.onnx"
    file.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"broken\.onnx is not a model"):
        OnnxSession(file)


def test_a_session_is_shared_by_threads(tmp_path: Path) -> None:
    session = OnnxSession(embedder(tmp_path / "e.onnx"), threads=1)

    def ask(number: int) -> bool:
        crops = np.full((3, 3, 112, 112), number, np.float32)
        return bool(np.allclose(session.run(crops)[0], number, atol=1e-3))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(64)))


def test_the_seconds_of_every_run_are_told_to_who_asks(tmp_path: Path) -> None:
    told: list[float] = []
    session = OnnxSession(embedder(tmp_path / "e.onnx"), ran=told.append)
    began = time.perf_counter()
    for _ in range(2):
        session.run(np.zeros((3, 3, 112, 112), np.float32))
    assert len(told) == 2
    assert min(told) > 0
    assert sum(told) <= time.perf_counter() - began
    with pytest.raises(ModelUnavailable):
        session.run(np.zeros((3, 1, 112, 112), np.float32))
    assert len(told) == 2


@pytest.mark.slow
def test_a_run_ends_after_the_time_it_has_and_the_session_serves_on(tmp_path: Path) -> None:
    session = OnnxSession(slow_to_run(tmp_path / "slow.onnx"), run_seconds=1)
    for _ in range(2):
        began = time.perf_counter()
        with pytest.raises(ModelUnavailable, match=r"slow\.onnx did not run within 1 seconds"):
            session.run(np.zeros((1, 3, 112, 112), np.float32))
        assert time.perf_counter() - began < 60


def test_a_run_that_ends_in_time_is_not_stopped(tmp_path: Path) -> None:
    session = OnnxSession(embedder(tmp_path / "e.onnx"), run_seconds=60)
    before = threading.active_count()
    assert [len(session.run(np.zeros((3, 3, 112, 112), np.float32))[0]) for _ in range(3)] == [3, 3, 3]
    assert threading.active_count() <= before + 2  # the timers of the last two may be ending


def test_chunks_are_prepared_one_by_one_and_joined_in_order() -> None:
    crops = np.arange(2 * CHUNK_ROWS + 3, dtype=np.uint8)[:, None]
    session, prepared = Counting(), []

    def prepare(chunk: ByteArray) -> FloatArray:
        prepared.append((len(chunk), len(session.sizes)))
        return as_floats(chunk)

    twice, same = run_in_chunks(session, crops, prepare)
    np.testing.assert_array_equal(twice[:, 0], np.arange(len(crops)) * 2)
    np.testing.assert_array_equal(same, crops)
    assert session.sizes == [CHUNK_ROWS, CHUNK_ROWS, 3]
    assert [size for size, _ in prepared] == [CHUNK_ROWS, CHUNK_ROWS, 3]
    assert all(runs >= chunk - 1 for chunk, (_, runs) in enumerate(prepared))  # never more than one ahead


def test_a_single_chunk_is_handed_on_as_it_is() -> None:
    session = Counting()
    assert len(run_in_chunks(session, np.zeros((1, 1), np.uint8), as_floats)) == 2
    assert session.sizes == [1]


def test_this_machine_has_a_core_and_a_provider() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
    assert providers()[-1] == "CPUExecutionProvider"


def test_nothing_is_reported_to_the_runtimes_makers(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry begins with an identifier under the home folder; where it is off, none is made."""
    file = embedder(tmp_path / "e.onnx")
    home = tmp_path / "home"
    home.mkdir()
    script = f"from pathlib import Path; from regard.vision.session import OnnxSession as S; S(Path({str(file)!r}))"
    environment = {name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "CI")}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_DATA_HOME": str(home / "data")}
    subprocess.run([sys.executable, "-B", "-c", script], env=environment, check=True, timeout=60)
    assert list(home.rglob("*")) == []
