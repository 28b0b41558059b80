from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from gallery_opener import Gate, Opener
from index_opener import Opens, Other
from likenesses import known

from regard.index.embedded import sealing
from regard.index.embedded.embedded_index import EmbeddedIndex


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Opener]:
    with ThreadPoolExecutor(2) as threads:
        opener = Opener(tmp_path / "1", threads)
        yield opener
        opener.maintenance.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opens]:
    """Opens the index in one folder, and closes it in the end. Its files stay apart: it is known which has what."""
    monkeypatch.setattr(sealing, "MERGE_SEGMENTS", 16)
    codebook = known()
    with ExitStack() as end:

        def open_index(**how: int) -> EmbeddedIndex:
            index = EmbeddedIndex(lambda _: codebook, tmp_path / "index", **{"seal": 256, "threads": 2} | how)
            end.callback(index.close)
            return index

        yield open_index


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    process = Other(tmp_path / "index")
    yield process
    process.ends()
