"""What the service model allows as an id: the same characters and lengths wherever one is read or made."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

#: What a name keeps when it is spelled as an id. ':' is left out: it begins an escape.
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
#: Ends the part that was kept of a name too long; the digest of the whole name follows. No escape begins like this.
_CUT: Final = ":-"
_DIGEST_DIGITS: Final = 16
_TOKEN: Final = re.compile(r"::|:[0-9A-F]{2}|[^:]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A kind of id that clients choose: 1 to `longest` of `characters`, which are as in a regular expression's []."""

    characters: str
    longest: int
    pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(f"[{self.characters}]{{1,{self.longest}}}"))

    def allows(self, text: str) -> bool:
        return self.pattern.fullmatch(text) is not None


COLLECTION_ID: Final = Identifier(characters=r"a-zA-Z0-9_.\-", longest=255)
EXTERNAL_IMAGE_ID: Final = Identifier(characters=r"a-zA-Z0-9_.\-:", longest=255)
USER_ID: Final = Identifier(characters=r"a-zA-Z0-9_.\-:", longest=128)

#: FaceId and ImageId, which the server chooses.
UUID_PATTERN: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

#: A model's version, such as fr-feature-87aacdfe; the service model bounds only its use, so these bounds are ours.
FACE_MODEL_VERSION: Final = Identifier(characters=r"a-zA-Z0-9_.\-", longest=255)


def spelled(name: str) -> str:
    """The external image id of a name, never the same for two names that look different ("" for an empty one).

    Letters a-z and A-Z, digits, '_', '.' and '-' stay, a space becomes '::', and any other character ':' and two
    hexadecimal digits for each byte of its UTF-8, as '%' in a URL (RFC 3986, 2.1). An accented letter keeps its letter:
    "Müller" is Mu:CC:88ller. A name whose id is too long is cut, and ends in a digest of the whole name.
    """
    kept = unicodedata.normalize("NFC", name)
    tokens = [token for character in kept for token in _tokens(character)]
    whole = "".join(tokens)
    if len(whole) <= EXTERNAL_IMAGE_ID.longest:
        return whole
    digest = hashlib.sha256(kept.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGEST_DIGITS]
    room = EXTERNAL_IMAGE_ID.longest - len(_CUT) - len(digest)
    while len(whole) > room:
        whole = whole[: -len(tokens.pop())]
    return whole + _CUT + digest


def name_of(identifier: str) -> str:
    """The name that an external image id spells, to show to people; the id itself where it spells none."""
    tokens = _TOKEN.findall(identifier)
    if "".join(tokens) != identifier:
        return identifier
    try:
        text = unquote_to_bytes("".join(" " if each == "::" else each.replace(":", "%") for each in tokens)).decode()
    except UnicodeDecodeError:
        return identifier
    name = unicodedata.normalize("NFC", text)
    return name if name.isprintable() and spelled(name) == identifier else identifier


def _tokens(character: str) -> list[str]:
    """How one character is spelled."""
    if character in _PLAIN:
        return [character]
    if character == " ":
        return ["::"]
    apart = unicodedata.normalize("NFD", character)
    letters, marks = (apart[0], apart[1:]) if apart[0] in _PLAIN else ("", character)
    return [*letters, *(f":{byte:02X}" for byte in marks.encode("utf-8", "surrogateescape"))]
