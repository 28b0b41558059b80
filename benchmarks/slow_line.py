"""A slow line to a server of this machine: bytes arrive late and one after the other, on all connections together, and
a new connection takes a way there and back. Unlike a browser's own emulation, the server's work is not hidden by it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_PIECE_BYTES = 1400


@dataclass(frozen=True)
class Line:
    """Milliseconds there and back, and kbit/s down and up."""

    name: str
    latency: float
    down: float
    up: float


class _Way:
    """One direction, which all connections share."""

    def __init__(self, kilobits: float, seconds: float) -> None:
        self._bytes_a_second = 1000 * kilobits / 8
        self._seconds = seconds
        self._free = 0.0

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        on_their_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = loop.create_task(self._deliver(on_their_way, target))
        with suppress(ConnectionError):
            while piece := await source.read(_PIECE_BYTES):
                self._free = max(self._free, loop.time()) + len(piece) / self._bytes_a_second
                on_their_way.put_nowait((self._free + self._seconds, piece))
                await asyncio.sleep(max(0.0, self._free - loop.time()))
        on_their_way.put_nowait((loop.time() + self._seconds, b""))
        await delivering

    async def _deliver(self, on_their_way: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                due, piece = await on_their_way.get()
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                if not piece:
                    break
                target.write(piece)
                await target.drain()
        target.close()


@contextmanager
def slow_line(line: Line, port: int) -> Iterator[int]:
    """The port that leads over the line to another."""
    loop = asyncio.new_event_loop()
    up, down = _Way(line.up, line.latency / 2000), _Way(line.down, line.latency / 2000)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(line.latency / 1000)
        answers, requests = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(up.carry(reader, requests), down.carry(answers, writer))

    loop.set_exception_handler(lambda *_: None)  # connections that are cut at the end
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(connected, "127.0.0.1", 0), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        asyncio.run_coroutine_threadsafe(_end_others(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
