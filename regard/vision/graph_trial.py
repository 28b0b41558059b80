"""Tries a graph that Regard does not ship, once, in a process of its own: one that never ends is ended there.

A graph can be made to take longer than anybody waits, or more memory than there is, while it is loaded as well as while
it runs; and ONNX Runtime can be stopped between two operations, not within one.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from regard.errors import ModelUnavailable
from regard.vision.cards import ModelCard
from regard.vision.conversion.model_files import Format, ModelFiles
from regard.vision.session import VERSION, OnnxSession, cores

#: Far more than the models that are shipped take, Python's own start included (under a second on two cores), and of
#: memory a dozen times the largest of them.
TRIAL_SECONDS = 60.0
TRIAL_BYTES = 4 * 2**30

#: The side of the picture for a model that takes any.
_FREE_SIDE = 640
#: Beside the models, the names of those that passed.
_PASSED = ".tried"

_CHILD = (
    "import json, sys; sys.path[:], *given = json.loads(sys.argv[1]); "
    "from regard.vision.graph_trial import child; sys.exit(child(*given))"
)


def try_card(card: ModelCard, files: ModelFiles) -> None:
    """Try the card's `files` unless these bytes have passed before with this ONNX Runtime. Raises ModelUnavailable."""
    shape = (1, len(card.input.mean), card.input.height or _FREE_SIDE, card.input.width or _FREE_SIDE)
    passed = files.file.parent / _PASSED / "-".join(map(str, (card.fingerprint, *shape, VERSION)))
    if passed.exists():
        return
    try_graph(files, shape, free_sides=card.task == "face-detector")
    with suppress(OSError):  # a folder that cannot be written: it is tried again next time
        passed.parent.mkdir(exist_ok=True)
        passed.touch()


def try_graph(
    files: ModelFiles, shape: Sequence[int], *, free_sides: bool = False, seconds: float | None = None
) -> None:
    """Load `files` and run it once on zeros of `shape`, in a child process that is given `seconds` and TRIAL_BYTES.

    Raises ModelUnavailable where the graph cannot be loaded or run, or does not end within those limits.
    """
    seconds = TRIAL_SECONDS if seconds is None else seconds
    weights = None if files.weights is None else str(files.weights)
    given = json.dumps([sys.path, [str(files.file), files.format, weights], list(shape), free_sides, seconds])
    command = [sys.executable, "-I", "-c", _CHILD, given]
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise ModelUnavailable(
            f"{files.file} was tried, and did not load and run once within {seconds:g} seconds; use another model, or "
            "a smaller one"
        ) from None
    if ended.returncode < 0:
        raise ModelUnavailable(
            f"{files.file} was tried, and ended the process that tried it (signal {-ended.returncode}); export the "
            "model again, or use another"
        )
    if ended.returncode:
        said = ended.stdout or b"it could not be tried: " + ended.stderr.strip()
        raise ModelUnavailable(said.decode(errors="replace"))


def child(model: tuple[str, Format, str | None], shape: Sequence[int], free_sides: bool, seconds: float) -> int:
    """What the child process does; its exit status. What is wrong goes to the standard output."""
    _limit(resource.RLIMIT_DATA, TRIAL_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    # Should the parent be killed, nobody else ends this.
    _limit(resource.RLIMIT_CPU, int(seconds * (cores() + 1)) + 1)
    file, form, weights = model
    files = ModelFiles(Path(file), form, None if weights is None else Path(weights))
    try:
        OnnxSession(files, free_sides=free_sides).run(np.zeros(shape, np.float32))
    except (ModelUnavailable, MemoryError) as error:
        said = f"{error or files.file.name} (it was tried with {TRIAL_BYTES // 2**30} GiB of memory)"
        sys.stdout.buffer.write(said.encode(errors="replace"))
        return 1
    return 0


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
