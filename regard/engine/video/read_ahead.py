"""What is read is read ahead, in a thread of its own, as far as there is memory for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")

_END: Final[Any] = object()


def read_ahead(items: Iterator[T], most: int) -> Generator[T]:
    """The same items; while one of them is used, up to `most` more are made in another thread, which ends with this
    generator: close it. Raises what `items` raises, after all that came before."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read ahead") as reader:
        try:
            waiting = deque(reader.submit(next, items, _END) for _ in range(most))
            while (item := waiting.popleft().result()) is not _END:
                waiting.append(reader.submit(next, items, _END))
                yield item
        finally:
            reader.shutdown(cancel_futures=True)
