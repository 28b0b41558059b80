"""What an MPEG transport stream says of its times, for a decoder that does not tell (ISO/IEC 13818-1, 2.4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from os import SEEK_END
from typing import Final

from regard.media.frames import SeekableFile

_PACKET, _SYNC = 188, 0x47
#: In how many places it is looked, how far each time, and by how much frames are out of turn, in ticks of 90 kHz.
_PLACES: Final = 24
_LOOKED_BYTES: Final = 1 << 20
_MOST_FALL: Final = 90_000


def times_rise(file: SeekableFile) -> bool:
    """Whether times rise from place to place in the stream. They do not where recordings were joined, so that a time
    does not say where it is. The file stays at its place, where another may be reading."""
    place = file.tell()
    try:
        return _rise(file)
    finally:
        file.seek(place)


def _rise(file: SeekableFile) -> bool:
    size, last = file.seek(0, SEEK_END), None
    for part in range(_PLACES):
        file.seek(size * part // _PLACES)
        at = next(_times(file.read(_LOOKED_BYTES)), None)
        if at is not None and last is not None and at < last - _MOST_FALL:
            return False
        last = at if at is not None else last
    return True


def _times(data: bytes) -> Iterator[int]:
    """When the frames are shown whose packets begin in these bytes."""
    start = next((at for at in range(_PACKET) if {*data[at : at + 5 * _PACKET : _PACKET]} == {_SYNC}), len(data))
    for at in range(start, len(data) - _PACKET + 1, _PACKET):
        packet = data[at : at + _PACKET]
        begins, adapted, filled = packet[1] & 0x40, packet[3] & 0x20, packet[3] & 0x10
        content = packet[5 + packet[4] if adapted else 4 :] if begins and filled else b""
        is_video = content[:3] == b"\0\0\1" and content[3] & 0xF0 == 0xE0
        if is_video and len(content) >= 14 and content[7] & 0x80:
            high, middle, low = content[9], int.from_bytes(content[10:12]), int.from_bytes(content[12:14])
            yield (high >> 1 & 7) << 30 | (middle >> 1) << 15 | low >> 1
