"""Bodies that come compressed: a picture in base64 then takes no more of a slow line than its bytes do."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Mapping

from regard.errors import Serialization

#: What is expanded at once: a small body that expands to a huge one is noticed after as much.
_PIECE_BYTES = 64 * 1024
#: To zlib: gzip's header, and the largest window.
_GZIP = 16 + zlib.MAX_WBITS


def expanded(stream: AsyncIterator[bytes], headers: Mapping[bytes, bytes]) -> AsyncIterator[bytes]:
    """The body as it was before the client compressed it by gzip, if its `headers`, by lower-case name, say so."""
    if headers.get(b"content-encoding", b"").strip().lower() != b"gzip":
        return stream
    return _expanded(stream)


async def _expanded(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Raises Serialization if it is damaged, cut off, or goes on after its end."""
    gzip = zlib.decompressobj(_GZIP)
    try:
        async for chunk in stream:
            while chunk:
                if gzip.eof:
                    raise Serialization
                yield gzip.decompress(chunk, _PIECE_BYTES)
                chunk = gzip.unconsumed_tail or gzip.unused_data  # noqa: PLW2901 - the rest of it
    except zlib.error as error:
        raise Serialization from error
    if not gzip.eof:
        raise Serialization
