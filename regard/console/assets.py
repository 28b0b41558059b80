"""The console's files, as `npm run build` in `web/` left them, with the headers that each needs."""

from __future__ import annotations

import base64
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Where the build is, in the package.
BUILT = Path(__file__).parent / "dist"

#: Nothing from another host, nothing inline but what was built into the page, and no page around this one. Svelte makes
#: elements from its own templates, by one of the two policies that are named; the other is for the service worker.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src {scripts}",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types svelte-trusted-html regard-worker",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Files in this folder have a hash in their name: another content is another name.
_HASHED = "assets"
_FOR_EVER, _ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"
#: Compressed to less than this share, a file is sent so.
_WORTH = 0.9
#: The build puts a file's Brotli beside it.
_BROTLI = ".br"
#: A script that stands in the page.
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, read once: a build is small."""

    content: bytes
    media_type: str
    headers: Mapping[str, str]
    #: The same, compressed, where that is much smaller: by `Content-Encoding`, the smallest first.
    encoded: Mapping[str, bytes]


class Assets:
    """Every file of the build, by its path below the console's address; the page itself is ""."""

    def __init__(self, folder: Path = BUILT) -> None:
        found = [path for path in folder.rglob("*") if path.is_file()] if (folder / "index.html").is_file() else []
        files = [path for path in found if path.suffix != _BROTLI]
        self._assets = {path.relative_to(folder).as_posix(): _read(path, folder) for path in files}
        if files:
            self._assets[""] = self._assets["index.html"]

    @property
    def built(self) -> bool:
        """Whether there is a console to serve."""
        return bool(self._assets)

    def find(self, path: str) -> Asset | None:
        return self._assets.get(path)


def _read(path: Path, folder: Path) -> Asset:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    lasting = path.relative_to(folder).parts[0] == _HASHED
    content = path.read_bytes()
    headers = {**_HEADERS, "Content-Security-Policy": _policy(content if kind == "text/html" else b"")}
    headers |= {"Cache-Control": _FOR_EVER if lasting else _ASK_AGAIN, "Vary": "Accept-Encoding"}
    return Asset(content, kind, headers, _encoded(path, content))


def _encoded(path: Path, content: bytes) -> dict[str, bytes]:
    brotli = path.with_name(path.name + _BROTLI)
    found = {"br": brotli.read_bytes()} if brotli.is_file() else {}
    found["gzip"] = gzip.compress(content, mtime=0)
    return {name: smaller for name, smaller in found.items() if len(smaller) < _WORTH * len(content)}


def _policy(page: bytes) -> str:
    """What a file may do: run the console's scripts, and those that stand in the page, each allowed by its hash."""
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE.findall(page)]
    return _POLICY.format(scripts=" ".join(["'self'", *(f"'sha256-{each}'" for each in hashes)]))
