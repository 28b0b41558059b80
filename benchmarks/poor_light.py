"""Photographs spoiled as a whole: by lens, light, sensor, file and frame."""

from __future__ import annotations

import io

import cv2
import numpy as np
import PIL.Image
import PIL.ImageFilter
import PIL.ImageOps

from benchmarks.poor_scenes import Scene, array, whole
from regard.domain.arrays import ByteArray

Sampling = PIL.Image.Resampling


def enlarged(scene: Scene, pixels: int, sampling: Sampling = Sampling.BICUBIC) -> ByteArray:
    """A face of so many pixels across, enlarged to what it was."""
    return array(PIL.Image.fromarray(small(scene, pixels)).resize(scene.size, sampling))


def small(scene: Scene, pixels: int) -> ByteArray:
    """A face of so many pixels across."""
    width, height = scene.size
    scale = pixels / scene.side
    return array(scene.picture.resize((round(width * scale), round(height * scale)), Sampling.BOX))


def blurred(scene: Scene, sigma: float) -> ByteArray:
    return array(scene.picture.filter(PIL.ImageFilter.GaussianBlur(sigma)))


def boxed(scene: Scene, radius: int) -> ByteArray:
    """Out of focus: each point a square."""
    return array(scene.picture.filter(PIL.ImageFilter.BoxBlur(radius)))


def moved(scene: Scene, length: int, aslant: bool = False) -> ByteArray:
    """A camera that moved sideways, or aslant, while it looked."""
    steps = [step - length // 2 for step in range(length)]
    shifted = [np.roll(scene.pixels, (step, step) if aslant else (0, step), axis=(0, 1)) for step in steps]
    return np.asarray(np.mean(shifted, axis=0), np.uint8)


def median(scene: Scene, side: int) -> ByteArray:
    return array(scene.picture.filter(PIL.ImageFilter.MedianFilter(side)))


def noisy(scene: Scene, sigma: float) -> ByteArray:
    return whole(scene.pixels + scene.chance.normal(0, sigma, scene.pixels.shape))


def peppered(scene: Scene, share: float) -> ByteArray:
    """That share of the pixels black or white."""
    drawn = scene.chance.random(scene.pixels.shape[:2])[..., None]
    return np.where(drawn < share / 2, 0, np.where(drawn > 1 - share / 2, 255, scene.pixels)).astype(np.uint8)


def dark(scene: Scene, share: float) -> ByteArray:
    """So much of the light, in whole steps of a sensor that is not quite still."""
    return whole(np.round(scene.pixels * share) + scene.chance.normal(0, 1, scene.pixels.shape))


def bright(scene: Scene, gain: float) -> ByteArray:
    return whole(scene.pixels * gain)


def curved(scene: Scene, gamma: float) -> ByteArray:
    """Dark or light by a gamma, without noise."""
    return whole(255 * (scene.pixels / 255) ** gamma)


def flat(scene: Scene, contrast: float) -> ByteArray:
    return whole((scene.pixels - 128.0) * contrast + 128)


def from_the_side(scene: Scene, least: float) -> ByteArray:
    """Light that falls off to `least` from one side of the face to the other."""
    left, right = scene.box[0], scene.box[2]
    across = np.clip((np.arange(scene.size[0]) - left) / (right - left), 0, 1)
    return whole(scene.pixels * (least ** (1 - across))[None, :, None])


def tinted(scene: Scene, *gains: float) -> ByteArray:
    return whole(scene.pixels * np.array(gains))


def grey(scene: Scene) -> ByteArray:
    return array(scene.picture.convert("L"))


def negative(scene: Scene) -> ByteArray:
    return np.asarray(255 - scene.pixels, np.uint8)


def posterised(scene: Scene, bits: int) -> ByteArray:
    return array(PIL.ImageOps.posterize(scene.picture, bits))


def solarised(scene: Scene) -> ByteArray:
    return array(PIL.ImageOps.solarize(scene.picture, 128))


def equalised(scene: Scene) -> ByteArray:
    return array(PIL.ImageOps.equalize(scene.picture))


def printed(scene: Scene) -> ByteArray:
    """Black dots on white, by error diffusion."""
    return array(scene.picture.convert("1"))


def embossed(scene: Scene) -> ByteArray:
    return array(scene.picture.filter(PIL.ImageFilter.EMBOSS))


def sharpened(scene: Scene) -> ByteArray:
    return array(scene.picture.filter(PIL.ImageFilter.UnsharpMask(4, 500, 0)))


def painted(scene: Scene) -> ByteArray:
    """Smoothed between edges, as by a beautifying filter or a painter."""
    pixels = scene.pixels
    for _ in range(4):
        pixels = cv2.bilateralFilter(pixels, 9, 60, 9)
    return np.asarray(pixels, np.uint8)


def compressed(scene: Scene, quality: int) -> ByteArray:
    out = io.BytesIO()
    scene.picture.save(out, "JPEG", quality=quality)
    return array(PIL.Image.open(out))


def narrowed(scene: Scene, width: float = 1, height: float = 1) -> ByteArray:
    """So much of its width and height, on black."""
    inner = round(scene.size[0] * width), round(scene.size[1] * height)
    left, top = (scene.size[0] - inner[0]) // 2, (scene.size[1] - inner[1]) // 2
    pixels = np.zeros_like(scene.pixels)
    pixels[top : top + inner[1], left : left + inner[0]] = array(scene.picture.resize(inner))
    return pixels


def waved(scene: Scene, depth: float) -> ByteArray:
    """Lines shifted to and fro, as behind old glass."""
    rows, columns = np.indices(scene.pixels.shape[:2], np.float32)
    shift = np.float32(depth) * np.sin(rows / 9)
    return np.asarray(cv2.remap(scene.pixels, columns + shift, rows, cv2.INTER_LINEAR), np.uint8)
