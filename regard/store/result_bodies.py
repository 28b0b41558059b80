"""Bodies of what jobs found: a line for each item, compressed.

An item is a JSON object; its member `faces`, where it has one, lists the ids of the faces that it names. As a chunk
leaves it, a line is the whole item. In an order it is what a client gets of the item, as it is sent: the members that
begin with a capital letter, less what is null; and behind a tab, which JSON never holds, the faces.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection as Few
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

Item = Mapping[str, Any]
#: What an item is that named only faces that were erased. It keeps its place, so that no page shifts.
ERASED = b"null"
_TAB = b"\t"
#: Small enough to be quick: a page is read while somebody waits.
_LEVEL = 3
_PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPage:
    """Items in an order, each as the JSON that a client gets. `last` is the place of the last one, from 1; `more` is
    whether any follow."""

    items: Sequence[bytes] = ()
    last: int = 0
    more: bool = False

    def shapes(self) -> list[dict[str, Any]]:
        return [orjson.loads(each) for each in self.items]


def packed(found: Iterable[bytes]) -> bytes:
    """Lines as they are stored."""
    squeezed = zlib.compressobj(_LEVEL)
    pieces = [squeezed.compress(each + b"\n") for each in found]
    return b"".join([*pieces, squeezed.flush()])


def lines(body: bytes) -> list[bytes]:
    """The lines of a body; none of one that is damaged."""
    try:
        return zlib.decompress(body).split(b"\n")[:-1]
    except zlib.error:
        return []


def unpacked(body: bytes) -> Iterator[dict[str, Any]]:
    """The items of a body that is as `packed` made it, with little of it in memory at a time."""
    squeezed, left = zlib.decompressobj(), b""
    while body or squeezed.unconsumed_tail:
        piece = squeezed.decompress(squeezed.unconsumed_tail or body, _PIECE_BYTES)
        body = b""
        *found, left = (left + piece).split(b"\n")
        yield from items_of(found)


def items_of(found: Iterable[bytes]) -> list[dict[str, Any]]:
    """The items of lines, less those that were erased."""
    return [_item(line) for line in found if line != ERASED]


def whole(item: Item) -> bytes:
    """The line of an item that is still to be sorted."""
    return orjson.dumps(item)


def to_send(item: Item) -> bytes:
    """The line of an item in an order."""
    shown = {name: value for name, value in item.items() if name[:1].isupper()}
    line = orjson.dumps(shown)
    if b"null" in line:
        line = orjson.dumps(_told(shown))
    named = item.get("faces", ())
    return line + _TAB + orjson.dumps(list(named)) if named else line


def sent(line: bytes) -> bytes:
    """What a client gets of a line in an order."""
    return line.partition(_TAB)[0]


def without_faces_in(line: bytes, gone: Few[str]) -> bytes:
    """The line without what it says of these faces."""
    if line == ERASED:
        return ERASED
    kept = without_faces(_item(line), gone)
    if kept is None:
        return ERASED
    return to_send(kept) if _TAB in line else whole(kept)


def without_faces(item: Item, gone: Few[str]) -> Item | None:
    """The item without what it says of these faces; None if it named no others."""
    named = item.get("faces", ())
    left = [each for each in named if each not in gone]
    if len(left) == len(named):
        return item
    return {**_cut(item, gone), "faces": left} if left else None


def _item(line: bytes) -> dict[str, Any]:
    members, _, named = line.partition(_TAB)
    item: dict[str, Any] = orjson.loads(members)
    return item | {"faces": orjson.loads(named)} if named else item


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _told(each) for name, each in value.items() if each is not None}
    return [_told(each) for each in value if each is not None] if isinstance(value, list) else value


def _cut(value: Any, gone: Few[str]) -> Any:
    """Without the members of lists that are, or hold, one of these faces."""
    if isinstance(value, Mapping):
        return {name: _cut(each, gone) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(each, gone) for each in value if not _names(each, gone)]
    return value


def _names(value: Any, gone: Few[str]) -> bool:
    if not isinstance(value, Mapping):
        return False
    return value.get("FaceId") in gone or _names(value.get("Face"), gone)
