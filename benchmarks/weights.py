"""What models cost with the weights next to nothing that training left in them, and without: part of `make bench`.

Milliseconds of one thread's processor time for one run, on noise of the size that the model is usually given; both in
turn, medians. The answers are compared, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Final

import numpy as np
import onnx
from onnx import numpy_helper

from benchmarks import markdown
from benchmarks.material import zoo
from benchmarks.served import processor
from regard.domain.arrays import FloatArray
from regard.vision import graph
from regard.vision.cards import ModelCard
from regard.vision.conversion.model_files import ModelFiles
from regard.vision.preprocess import Preprocess
from regard.vision.session import OnnxSession

ROUNDS: Final = 15
#: Height and width for models that take any: a photograph, a page, a line of it.
_USUAL_SIDES: Final = {"centerface": (480, 640), "ppocr-det": (736, 960), "ppocr-rec": (48, 320)}


def main() -> None:
    found = zoo()
    names = [*found.pack("faces"), *found.pack("text")]
    found.pull(names)
    rows = [row for name in names if (row := measured(found.card(name), found.files(name)))]
    title = f"One run, one thread, CPU ms, medians of {ROUNDS} ({processor()})"
    columns = ["model", "weights below 1e-15", "as it came", "without", "ratio", "largest difference"]
    markdown.table(title, columns, rows)


def measured(card: ModelCard, files: ModelFiles) -> list[str] | None:
    """The row of a model; None if no weight of it is next to nothing."""
    with as_they_came():
        count = negligible(files, free_sides=not card.input.width)
        if not count:
            return None
        before = OnnxSession(files, threads=1, free_sides=not card.input.width)
    after = OnnxSession(files, threads=1, free_sides=not card.input.width)
    batch, times = noise(card), np.empty((ROUNDS, 2))
    for each in times:
        each[:] = [seconds(session, batch) for session in (before, after)]
    came, without = (1000 * median(column) for column in times.T)
    apart = max(float(np.abs(a - b).max()) for a, b in zip(before.run(batch), after.run(batch), strict=True))
    return [card.name, f"{count:,}", f"{came:.1f}", f"{without:.1f}", f"{came / without:.1f}", f"{apart:.0e}"]


@contextmanager
def as_they_came() -> Iterator[None]:
    """Models that are loaded keep all their weights."""
    bound = graph.NEGLIGIBLE_WEIGHT
    graph.NEGLIGIBLE_WEIGHT = 0.0  # type: ignore[misc]
    try:
        yield
    finally:
        graph.NEGLIGIBLE_WEIGHT = bound  # type: ignore[misc]


def negligible(files: ModelFiles, *, free_sides: bool) -> int:
    """How many weights are not zero, and next to it."""
    model = onnx.load_from_string(graph.prepared(files, free_sides=free_sides))
    tensors = (each for each in model.graph.initializer if each.data_type == onnx.TensorProto.FLOAT)
    sizes = (np.abs(numpy_helper.to_array(each)) for each in tensors)
    return sum(int(np.count_nonzero((each > 0) & (each < 1e-15))) for each in sizes)


def noise(card: ModelCard) -> FloatArray:
    height, width = _USUAL_SIDES.get(card.name, (card.input.height, card.input.width))
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    return Preprocess(card.input)(pixels)


def seconds(session: OnnxSession, batch: FloatArray) -> float:
    start = time.process_time()
    session.run(batch)
    return time.process_time() - start


if __name__ == "__main__":
    main()
