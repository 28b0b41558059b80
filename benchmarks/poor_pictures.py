"""Poor pictures made of good ones: enlarged, blurred, dark, noisy, compressed, covered.

FITTED are the kinds that utility is fitted on (`make utility`); the others are kept for measuring what it promises.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
import PIL.ImageOps

from regard.domain.arrays import ByteArray, FloatArray

_Sampling = PIL.Image.Resampling
_MASKS = ((235, 235, 240), (120, 170, 210), (30, 30, 35))


@dataclass(frozen=True)
class Scene:
    """A good picture: its face's corner box, its 68 points, in pixels, and chance that is the same every time."""

    pixels: ByteArray
    box: FloatArray
    landmarks68: FloatArray
    chance: np.random.Generator = field(repr=False)

    @property
    def side(self) -> float:
        """The square root of the face's area."""
        return float(np.sqrt(np.prod(self.box[2:] - self.box[:2])))


Spoil = Callable[[Scene], ByteArray]


def enlarged(scene: Scene, pixels: int, sampling: _Sampling = _Sampling.BICUBIC) -> ByteArray:
    """A face of so many pixels across, enlarged to what it was."""
    return _array(_picture(small(scene, pixels)).resize(_size(scene.pixels), sampling))


def small(scene: Scene, pixels: int) -> ByteArray:
    """A face of so many pixels across."""
    width, height = _size(scene.pixels)
    scale = pixels / scene.side
    return _array(_picture(scene.pixels).resize((round(width * scale), round(height * scale)), _Sampling.BOX))


def blurred(scene: Scene, sigma: float) -> ByteArray:
    return _array(_picture(scene.pixels).filter(PIL.ImageFilter.GaussianBlur(sigma)))


def boxed(scene: Scene, radius: int) -> ByteArray:
    return _array(_picture(scene.pixels).filter(PIL.ImageFilter.BoxBlur(radius)))


def moved(scene: Scene, length: int) -> ByteArray:
    """A camera that moved sideways while it looked."""
    shifted = [np.roll(scene.pixels, step - length // 2, axis=1) for step in range(length)]
    return np.asarray(np.mean(shifted, axis=0), np.uint8)


def median(scene: Scene, side: int) -> ByteArray:
    return _array(_picture(scene.pixels).filter(PIL.ImageFilter.MedianFilter(side)))


def noisy(scene: Scene, sigma: float) -> ByteArray:
    return _bytes(scene.pixels + scene.chance.normal(0, sigma, scene.pixels.shape))


def peppered(scene: Scene, share: float) -> ByteArray:
    """That share of the pixels black or white."""
    drawn = scene.chance.random(scene.pixels.shape[:2])[..., None]
    return np.where(drawn < share / 2, 0, np.where(drawn > 1 - share / 2, 255, scene.pixels)).astype(np.uint8)


def dark(scene: Scene, share: float) -> ByteArray:
    """So much of the light, in whole steps of a sensor that is not quite still."""
    return _bytes(np.round(scene.pixels * share) + scene.chance.normal(0, 1, scene.pixels.shape))


def bright(scene: Scene, gain: float) -> ByteArray:
    return _bytes(scene.pixels * gain)


def flat(scene: Scene, contrast: float) -> ByteArray:
    return _bytes((scene.pixels - 128.0) * contrast + 128)


def tinted(scene: Scene, *gains: float) -> ByteArray:
    return _bytes(scene.pixels * np.array(gains))


def grey(scene: Scene) -> ByteArray:
    return _array(_picture(scene.pixels).convert("L").convert("RGB"))


def posterised(scene: Scene, bits: int) -> ByteArray:
    return _array(PIL.ImageOps.posterize(_picture(scene.pixels), bits))


def compressed(scene: Scene, quality: int) -> ByteArray:
    out = io.BytesIO()
    _picture(scene.pixels).save(out, "JPEG", quality=quality)
    return _array(PIL.Image.open(out).convert("RGB"))


def masked(scene: Scene) -> ByteArray:
    """A mask drawn from ear to ear over nose and chin."""
    points = scene.landmarks68[[*range(2, 15), 28]]
    return _filled(scene, points, _MASKS[int(scene.chance.integers(len(_MASKS)))])


def barred(scene: Scene) -> ByteArray:
    """A black bar over the eyes."""
    left, right = scene.landmarks68[36:42].mean(axis=0), scene.landmarks68[42:48].mean(axis=0)
    along = (right - left) * 0.8
    across = np.array([-along[1], along[0]]) * 0.3
    return _filled(scene, np.stack([left - along - across, right + along - across, right + along + across,
                                    left - along + across]), (0, 0, 0))  # fmt: skip


def halved(scene: Scene, side: str) -> ByteArray:
    """Half of the face black."""
    column, row = ((scene.box[:2] + scene.box[2:]) / 2).astype(int)
    half = {"upper": np.s_[:row], "lower": np.s_[row:], "left": np.s_[:, :column], "right": np.s_[:, column:]}[side]
    pixels = scene.pixels.copy()
    pixels[half] = 0
    return pixels


def profile(scene: Scene) -> ByteArray:
    """What a profile shows: one half of a face, and the background beyond its nose."""
    column = int(scene.landmarks68[27:31, 0].mean())
    pixels = scene.pixels.copy()
    pixels[:, column:] = pixels[:, -1:]
    return pixels


def narrowed(scene: Scene, share: float) -> ByteArray:
    """So much of its width, on black."""
    width, height = _size(scene.pixels)
    inner = round(width * share)
    pixels, left = np.zeros_like(scene.pixels), (width - inner) // 2
    pixels[:, left : left + inner] = _array(_picture(scene.pixels).resize((inner, height)))
    return pixels


def after(*steps: Spoil) -> Spoil:
    """One after the other."""

    def spoil(scene: Scene) -> ByteArray:
        for step in steps:
            scene = Scene(step(scene), scene.box, scene.landmarks68, scene.chance)
        return scene.pixels

    return spoil


def _filled(scene: Scene, points: FloatArray, colour: tuple[int, int, int]) -> ByteArray:
    picture = _picture(scene.pixels)
    PIL.ImageDraw.Draw(picture).polygon([tuple(point) for point in points.tolist()], fill=colour)
    return _array(picture)


def _picture(pixels: ByteArray) -> PIL.Image.Image:
    return PIL.Image.fromarray(pixels)


def _array(picture: PIL.Image.Image) -> ByteArray:
    return np.asarray(picture, np.uint8)


def _bytes(values: FloatArray) -> ByteArray:
    return np.clip(values, 0, 255).astype(np.uint8)


def _size(pixels: ByteArray) -> tuple[int, int]:
    return pixels.shape[1], pixels.shape[0]


GOOD: dict[str, Spoil] = {"as they are": lambda scene: scene.pixels}
FITTED: dict[str, Spoil] = {
    **{f"face of {side} px, enlarged": partial(enlarged, pixels=side) for side in (8, 10, 12, 14, 16, 20, 24, 32)},
    **{f"blur, σ {sigma}": partial(blurred, sigma=sigma) for sigma in range(2, 10)},
    **{f"moved by {length} px": partial(moved, length=length) for length in (13, 21, 29)},
    **{f"noise, σ {sigma}": partial(noisy, sigma=sigma) for sigma in (20, 40, 60, 80)},
    **{f"{share} % of the light": partial(dark, share=share / 100) for share in (2, 4, 7, 15)},
    **{f"contrast {share} %": partial(flat, contrast=share / 100) for share in (5, 10, 20)},
    **{f"light × {gain}": partial(bright, gain=gain) for gain in (3, 8)},
    **{f"JPEG, quality {quality}": partial(compressed, quality=quality) for quality in (2, 5, 8)},
    "mask": masked,
    **{f"{side} half black": partial(halved, side=side) for side in ("upper", "lower", "left")},
    "profile, made": profile,
    "narrowed to 40 %": partial(narrowed, share=0.4),
}
#: Kinds that nothing was fitted on.
OTHERS: dict[str, Spoil] = {
    **{f"face of {side} px, not enlarged": partial(small, pixels=side) for side in (16, 24)},
    "face of 11 px, enlarged by Lanczos": partial(enlarged, pixels=11, sampling=_Sampling.LANCZOS),
    **{f"mosaic, {side} tiles a face": partial(enlarged, pixels=side, sampling=_Sampling.NEAREST) for side in (10, 16)},
    **{f"moved by {length} px": partial(moved, length=length) for length in (17, 25)},
    **{f"out of focus by {radius} px": partial(boxed, radius=radius) for radius in (7, 11)},
    "median of 9 px": partial(median, side=9),
    "contrast 7 %": partial(flat, contrast=0.07),
    "light × 5": partial(bright, gain=5),
    "red light": lambda scene: tinted(scene, 1, 0.15, 0.1),
    "grey": grey,
    "negative": lambda scene: 255 - scene.pixels,
    "one bit a colour": partial(posterised, bits=1),
    **{f"{share} % of pixels lost": partial(peppered, share=share / 100) for share in (10, 30)},
    "bar over the eyes": barred,
    "face of 14 px, enlarged, noise": after(partial(enlarged, pixels=14), partial(noisy, sigma=30)),
    "blur, 10 % of the light": after(partial(blurred, sigma=4), partial(dark, share=0.1)),
    "10 % of the light, JPEG": after(partial(dark, share=0.1), partial(compressed, quality=20)),
}
