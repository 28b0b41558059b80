"""The embedded index of one folder, here and in a process of its own that can be killed while it writes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from likenesses import alike, known

from regard.index.embedded.embedded_index import EmbeddedIndex

VECTORS = alike(3000)
TESTS = Path(__file__).parents[3]

Opens = Callable[..., EmbeddedIndex]

OTHER = """
import sys
from pathlib import Path
import numpy as np
sys.path[:0] = sys.argv[2:3]
from likenesses import alike
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.embedded_index import EmbeddedIndex
folder = Path(sys.argv[1])
seal = int(sys.argv.pop())
known = Codebook.load(folder.with_name("known.npz"))
index = EmbeddedIndex(lambda _: known, folder, seal=seal, threads=2)
vectors = alike(3000)
def removed(turn): return np.random.default_rng(turn).integers(0, turn + 4, 4)
print("open", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


def fill(index: EmbeddedIndex, collection_key: int = 1, start: int = 0, stop: int = 3000) -> None:
    for first in range(start, stop, 300):
        keys = np.arange(first, min(first + 300, stop))
        index.add(collection_key, keys, VECTORS[keys])
    assert index.quiet(60)


class Other:
    """A process of its own on the same folder."""

    def __init__(self, folder: Path, seal: int = 256) -> None:
        known().save(folder.with_name("known.npz"))
        given = [str(folder), str(TESTS), str(seal)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", OTHER, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._said("open")

    def does(self, line: str) -> None:
        self.begins(line)
        self._said("done")

    def begins(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def is_killed_after(self, number: int) -> int:
        """When it has said this number, or soon after; the last that it said."""
        assert self._process.stdout
        said = 0
        while said < number:
            said = int(self._process.stdout.readline())
        self._process.send_signal(signal.SIGKILL)
        whole = [line for line in self._process.stdout.readlines() if line.endswith("\n")]
        self.ends()
        return int(whole[-1]) if whole else said

    def ends(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _said(self, word: str) -> None:
        assert self._process.stdout
        assert self._process.stdout.readline().strip() == word
