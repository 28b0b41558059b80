"""Whether a JPEG that lacks its end marker lacks anything else.

Cameras that lose power, and uploads cut at a block's end, leave such files. libjpeg makes up what is missing, and
Pillow keeps its warning to itself; so the stream is decoded with different endings, and it is whole if they make no
difference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_END: Final = b"\xff\xd9"
_RESTARTS: Final = tuple(bytes((0xFF, marker)) for marker in range(0xD0, 0xD8))
#: Enough for the blocks of some units, so that made-up data show.
_FILL_BYTES: Final = 64
_FILLS: Final = (0x00, 0xAA, 0x5B)
_ALL_COEFFICIENTS: Final = (1 << 64) - 1
_SCAN: Final = re.compile(rb"\xff\xda")


def endings(stream: bytes) -> tuple[bytes, ...]:
    """The stream with each of three endings, which differ from their first bits on. The restart marker that may be due
    is in them, so that a stream that ends just before it is told too."""
    whole = stream.rstrip(b"\xff")  # half of an end marker; of data it would be followed by a zero
    due = _next_restart(whole)
    return tuple(whole + _ending(bytes((fill,)) * _FILL_BYTES, due) for fill in _FILLS)


def _ending(fill: bytes, due: int) -> bytes:
    return fill + b"".join(_RESTARTS[(due + n) % 8] + fill for n in range(8)) + _END


def _next_restart(stream: bytes) -> int:
    """The number of the restart marker after the last scan's last, 0 if it has none."""
    scan = stream.rfind(b"\xff\xda") + 1
    last, number = max((stream.rfind(marker, scan), number) for number, marker in enumerate(_RESTARTS))
    return 0 if last < 0 else (number + 1) % 8


def scans_are_complete(scans: bytes, components: Sequence[int]) -> bool:
    """Whether these scans, from the first one's header on, give every coefficient of each component to its last bit.

    Source: ITU-T T.81, B.2.3 and G.1.1.1.
    """
    exact = dict.fromkeys(components, 0)
    for found in _SCAN.finditer(scans):
        header = scans[found.end() + 2 :][:12]
        count = header[0] if header else 0
        selected, parameters = header[1 : 1 + 2 * count : 2], header[1 + 2 * count : 4 + 2 * count]
        if len(parameters) < 3:
            return False
        low, high, approximation = parameters
        if approximation & 0x0F == 0 and low <= high < 64:
            for component in selected:
                exact[component] = exact.get(component, 0) | (1 << (high + 1)) - (1 << low)
    return all(coefficients == _ALL_COEFFICIENTS for coefficients in exact.values())
