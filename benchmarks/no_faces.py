"""Pictures without faces: noise, textures, drawings, things and animals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw


def pictures_without_faces(data: Path) -> dict[str, list[np.ndarray]]:
    """By kind. Photographs of garments show a person here and there, and prints of people: they are left out."""
    return {
        "noise": noise(),
        "gratings, checks, rings": gratings(),
        "drawn faces": [drawn_face(seed) for seed in range(60)],
        "animals": animals(data / "images"),
    }


def noise() -> list[np.ndarray]:
    """White noise of grains of 1 to 64 pixels, grey and coloured, and noise whose spectrum falls as a texture's."""
    rng = np.random.default_rng(6)
    pictures = []
    for row in range(40):
        grain, (height, width) = 2 ** (row % 7), ((480, 640), (250, 250), (600, 800))[row % 3]
        small = rng.normal(128, rng.uniform(20, 90), (height // grain + 1, width // grain + 1, 3 if row % 2 else 1))
        pixels = np.broadcast_to(np.clip(small, 0, 255).astype(np.uint8), (*small.shape[:2], 3))
        method = (PIL.Image.Resampling.NEAREST, PIL.Image.Resampling.BICUBIC)[row // 7 % 2]
        pictures.append(np.asarray(PIL.Image.fromarray(pixels).resize((width, height), method)))
    for _ in range(30):
        frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(640), np.fft.fftfreq(480)))
        frequencies[0, 0] = 1
        spectrum = np.fft.fft2(rng.normal(size=(3, 480, 640)), axes=(1, 2)) / frequencies ** rng.uniform(0.7, 2.2)
        planes = np.fft.ifft2(spectrum, axes=(1, 2)).real
        planes = (planes - planes.min()) / (planes.max() - planes.min()) * 255
        pictures.append(planes.transpose(1, 2, 0).astype(np.uint8))
    return pictures


def gratings() -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    pictures = []
    for row in range(40):
        y, x = np.mgrid[:480, :640]
        period, angle = rng.uniform(4, 80), rng.uniform(0, np.pi)
        along = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
        across = np.sin((x * np.sin(angle) - y * np.cos(angle)) * 2 * np.pi / period)
        rings = np.sin(np.hypot(x - 320, y - 240) * 2 * np.pi / period)
        wave = (along, np.sign(along), np.sign(along * across), rings)[row % 4]
        pictures.append(np.repeat(((wave + 1) * 127).astype(np.uint8)[..., None], 3, axis=2))
    return pictures


def drawn_face(seed: int) -> np.ndarray:
    """From a smiley to a head with hair, brows, nose and lips."""
    rng = np.random.default_rng(seed)
    side, detailed = int(rng.integers(120, 500)), seed % 2 == 1
    picture = PIL.Image.new(
        "RGB", (side + int(rng.integers(200)), side + int(rng.integers(200))), tuple(rng.integers(0, 256, 3).tolist())
    )
    skin = ((240, 200, 170), (150, 100, 80), (255, 220, 60), (255, 255, 255))[seed % 4]
    pen = PIL.ImageDraw.Draw(picture)
    x, y, unit = picture.width / 2, picture.height / 2, side / 100
    wide = unit * rng.uniform(30, 44)

    def oval(cx: float, cy: float, rx: float, ry: float, **colours: object) -> None:
        pen.ellipse([cx - rx, cy - ry, cx + rx, cy + ry], **colours)  # type: ignore[arg-type]

    oval(x, y, wide, 44 * unit, fill=skin, outline=(0, 0, 0), width=max(1, round(unit)))
    apart, size = wide * rng.uniform(0.35, 0.5), unit * rng.uniform(3, 7)
    for at in (x - apart, x + apart):
        if detailed:
            oval(at, y - 8 * unit, 2 * size, size, fill=(255, 255, 255), outline=(0, 0, 0))
            oval(at, y - 8 * unit, 0.8 * size, 0.8 * size, fill=(60, 40, 20))
            pen.line(
                [at - 2 * size, y - 16 * unit, at + 2 * size, y - 17 * unit],
                fill=(40, 20, 10),
                width=max(2, round(2 * unit)),
            )
        else:
            oval(at, y - 8 * unit, size, 1.4 * size, fill=(0, 0, 0))
    if detailed:
        shade = tuple(round(value * 0.85) for value in skin)
        pen.polygon([(x, y - 4 * unit), (x - 5 * unit, y + 8 * unit), (x + 5 * unit, y + 8 * unit)], fill=shade)
        oval(x, y + 20 * unit, wide * 0.35, 4 * unit, fill=(190, 70, 80))
        pen.chord([x - wide, y - 46 * unit, x + wide, y + 6 * unit], 185, 355, fill=(60, 35, 20))
    else:
        pen.arc(
            [x - wide / 2, y - 5 * unit, x + wide / 2, y + 26 * unit],
            20,
            160,
            fill=(0, 0, 0),
            width=max(2, round(2 * unit)),
        )
    return np.asarray(picture)


def animals(images: Path) -> list[np.ndarray]:
    """A dog and horses: whole, enlarged and reduced, and random cuts."""
    rng = np.random.default_rng(3)
    pictures = []
    for name in ("dog", "horses"):
        with PIL.Image.open(images / f"{name}.jpg") as opened:
            picture = opened.convert("RGB")
        pictures += [
            np.asarray(picture.resize((wide, round(wide * picture.height / picture.width))))
            for wide in (250, 320, 480, 640, 1280)
        ]
        for _ in range(40):
            side = int(rng.integers(60, 300))
            left, top = int(rng.integers(picture.width - side)), int(rng.integers(picture.height - side))
            pictures.append(np.asarray(picture.crop((left, top, left + side, top + side))))
    return pictures
