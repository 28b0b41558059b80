"""The colours of CSS: which of them a pixel is nearest to, and how many pixels of a picture are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from regard.config.toml_tables import parse
from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.geometry import counts, lab, packed

#: Bits of each channel that a pixel is looked up by, as `packed` has them; nearer colours are not told apart.
_BITS = 5


@dataclass(frozen=True, slots=True)
class NamedColours:
    """N names in CSS, the plain words for them, and their RGB, N×3."""

    css: tuple[str, ...]
    plain: tuple[str, ...]
    rgb: ByteArray


@cache
def named_colours() -> NamedColours:
    """Every colour that CSS has a name for, from `css_colours.toml`."""
    text = resources.files("regard.vision.images").joinpath("css_colours.toml").read_text(encoding="utf-8")
    rows = [
        (name, plain, bytes.fromhex(code[1:]))
        for plain, names in parse(text, "css_colours.toml").items()
        for name, code in names.items()
    ]
    css, plain, codes = zip(*rows, strict=True)
    return NamedColours(css, plain, np.frombuffer(b"".join(codes), np.uint8).reshape(-1, 3))


@cache
def _nearest() -> ByteArray:
    """For each of 2^15 coarse colours the row of the named one nearest to it in CIELAB."""
    steps = np.arange(1 << _BITS) * 255 // ((1 << _BITS) - 1)
    coarse = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.uint8)
    known = lab(named_colours().rgb)
    chunks = np.array_split(lab(coarse), 32)
    return np.concatenate([_distances(chunk, known).argmin(axis=1) for chunk in chunks]).astype(np.uint8)


def _distances(colours: FloatArray, known: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(colours[:, None] - known[None], axis=2), np.float32)


def nearest_colours(pixels: ByteArray) -> ByteArray:
    """Of …×3 RGB pixels the rows in `named_colours` nearest to them."""
    return _nearest().take(packed(pixels.reshape(-1, 3))).reshape(pixels.shape[:-1])


def shares(rows: ByteArray, mask: ByteArray | None = None) -> FloatArray:
    """The share, 0..1, that each named colour has among H×W rows of them; of all, or where a mask is not 0."""
    found = counts(rows, mask)[: len(named_colours().css)]
    return np.asarray(found / max(1, found.sum()), np.float32)
