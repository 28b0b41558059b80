"""Which containers of video are opened, told from a file's first bytes before any library sees it.

FFmpeg takes a list of further files, written in plain text, for a video, and opens what it names. So its own guessing
is never asked: what is not one of these is refused, and these are opened as what they are.
"""

from __future__ import annotations

from typing import Final

from regard.media.frames import SeekableFile, UnreadableVideo

_HEAD_BYTES: Final = 4 * 188 + 1
#: The boxes that a file of the ISO base media format, or of QuickTime, may begin with.
_ISO_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"})
#: Of files of these brands FFmpeg makes still pictures.
_PICTURES: Final = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def container_of(file: SeekableFile) -> str:
    """FFmpeg's short name for the container of a seekable file: mov, matroska, avi or mpegts.

    Raises UnreadableVideo if it is none of them. The file is left at its beginning.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if head[4:8] in _ISO_BOXES and not (head[4:8] == b"ftyp" and head[8:12] in _PICTURES):
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    for packet in (188, 192, 204):  # plain, with time codes before each, with error correction behind
        start = 4 if packet == 192 else 0
        if len(head) > start + 2 * packet and all(head[start + k * packet] == 0x47 for k in range(3)):
            return "mpegts"
    raise UnreadableVideo(detail="This is no video that Regard opens; it opens MP4, MOV, MKV, WebM, AVI and MPEG-TS.")
