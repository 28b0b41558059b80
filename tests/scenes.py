"""Shots made of noise: pictures that differ as scenes do, with a camera that can move over them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

WIDTH, HEIGHT = 192, 108


def scene(seed: int, width: int = 3 * WIDTH, height: int = 3 * HEIGHT) -> np.ndarray:
    """A picture larger than a frame: soft shapes and hard ones, in colours of its own."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32) + rng.uniform(40, 190, 3)
    for cells in (8, 24, 64):
        noise = rng.normal(0, 1, (cells * height // width + 2, cells, 3)).astype(np.float32)
        picture += 25 * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        middle = int(rng.integers(width)), int(rng.integers(height))
        cv2.circle(picture, middle, int(rng.integers(8, 50)), rng.uniform(0, 255, 3).tolist(), -1)
    return np.clip(picture, 0, 255).astype(np.uint8)


def shot(
    seed: int, count: int, camera: Callable[[int], tuple[float, float]] = lambda _: (WIDTH, HEIGHT)
) -> list[np.ndarray]:
    """So many frames of a scene, with a little noise; `camera` says where the upper left corner of each is."""
    picture, rng, frames = scene(seed), np.random.default_rng(seed + 1), []
    for number in range(count):
        across, down = (int(each) for each in camera(number))
        view = picture[down : down + HEIGHT, across : across + WIDTH].astype(np.float32)
        frames.append(np.clip(view + rng.normal(0, 2, view.shape), 0, 255).astype(np.uint8))
    return frames


def black(count: int) -> list[np.ndarray]:
    return [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * count


def lit(frame: np.ndarray, levels: int) -> np.ndarray:
    return np.clip(frame.astype(int) + levels, 0, 255).astype(np.uint8)


def faded(frames: list[np.ndarray], *, out: bool) -> list[np.ndarray]:
    """The frames, from full to nothing, or from nothing to full."""
    parts = np.linspace(1, 0, len(frames)) if out else np.linspace(0, 1, len(frames))
    return [(frame * part).astype(np.uint8) for frame, part in zip(frames, parts, strict=True)]


def bars(count: int, strength: float = 0.75) -> list[np.ndarray]:
    """SMPTE's seven bars over the upper two thirds, and what is under them."""
    colours = [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1)]
    frame = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    for number, colour in enumerate(colours):
        left, right = (round(WIDTH * (number + end) / 7) for end in (0, 1))
        frame[: HEIGHT * 2 // 3, left:right] = np.array(colour) * 255 * strength
    return [frame] * count
