"""What it costs that the console makes a picture smaller before it sends it: `make bench-console-shrinking`.

Scenes of a phone's size, 4032×3024, are filled with development faces, so large that each face's side has so many
pixels, and saved as a phone saves them. Chromium shrinks each by what the console does (`web/src/state/pictures.ts`).
Faces are found in both and compared with the photographs as they are; and, as the console searches, each face that was
found in the small picture is compared by its own part of the large one.
"""

from __future__ import annotations

import argparse
import base64
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.markdown import table
from benchmarks.material import DevelopmentFaces, development, jpeg, models, photograph
from regard.domain.arrays import FloatArray, IntArray
from regard.domain.faces import Detail
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.galleries import evaluation
from regard.media.image_decoder import decode

#: A phone's picture, and the longest sides that the console sends to find faces: at first, and if none was found.
WIDTH, HEIGHT = 4032, 3024
SENT = (1280, 2560)
#: The pixels of a face's side in the phone's picture.
SIDES = (40, 60, 80, 126, 200, 320)
#: The side of a face in a photograph of LFW, of the photograph's own.
SHARE = 0.44
FMR = 1e-4
#: Around a face that is searched for: so many of its sides, and at least so many pixels.
AROUND, LEAST_AROUND = 3, 320

_SHRINK = """async ({content, longest}) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], {type: "image/jpeg"}), {imageOrientation: "from-image"});
  const { width, height } = bitmap;
  const scale = Math.min(1, longest / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((made) => canvas.toBlob(made, "image/jpeg", 0.85));
  const url = await new Promise((read) => {
    const reader = new FileReader();
    reader.onload = () => read(reader.result);
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(",") + 1);
}"""

Shrink = Callable[[bytes, int], bytes]


@dataclass
class Seen:
    """Of each photograph, whether its face was found in the scene, and its embedding there."""

    found: np.ndarray
    embeddings: FloatArray
    kilobytes: float = 0.0
    boxes: dict[int, FloatArray] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=1200)
    options = parser.parse_args()
    people = DevelopmentFaces.load()
    _, gallery, _ = development()
    several = np.flatnonzero(np.bincount(people.people)[people.people] > 1)
    chosen = np.sort(np.random.default_rng(12).permutation(several)[: options.photographs])
    analyzer = FaceAnalyzer(models())
    rows = []
    with sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page()

        def shrink(content: bytes, longest: int) -> bytes:
            given = {"content": base64.b64encode(content).decode(), "longest": longest}
            return base64.b64decode(page.evaluate(_SHRINK, given))

        for side in SIDES:
            rows += measured(analyzer, people, gallery, chosen, side, shrink)
        chromium.close()
    title = f"{len(chosen):,} photographs; TAR at FMR {FMR:g} against {len(gallery):,}"
    table(title, ("face in the picture, px", "sent", "kB", "face as sent, px", "found", "lost", "TAR", "cost"), rows)


def measured(
    analyzer: FaceAnalyzer, people: DevelopmentFaces, gallery: FloatArray, chosen: IntArray, side: int, shrink: Shrink
) -> Iterator[tuple[str, ...]]:
    """A row of the table for each size that is sent; the first is of the picture as it was taken."""
    sizes = (max(WIDTH, HEIGHT), *SENT)

    def nothing() -> Seen:
        return Seen(np.zeros(len(chosen), bool), np.zeros((len(chosen), gallery.shape[1]), np.float32))

    seen, alone = [nothing() for _ in sizes], nothing()
    tile = round(side / SHARE)
    scenes = 0
    for rows, taken in pictures(people, chosen, tile):
        scenes += 1
        for longest, into in zip(sizes, seen, strict=True):
            content = taken if longest == sizes[0] else shrink(taken, longest)
            into.kilobytes += len(content) / 1000
            look(analyzer, content, tile * longest / sizes[0], rows, into)
        parts(analyzer, taken, rows, seen[1], alone, shrink)
    whole = seen[0]
    alone.kilobytes *= scenes / max(int(alone.found.sum()), 1)
    for longest, each in zip((*sizes, 0), (*seen, alone), strict=True):
        both = whole.found & each.found
        tar = rate(people, gallery, chosen, each, both)
        cost = 100 * (rate(people, gallery, chosen, whole, both) - tar)
        lost = int((whole.found & ~each.found).sum())
        yield (
            f"{side}", f"{longest:,}" if longest else "the face alone", f"{each.kilobytes / scenes:,.0f}",
            f"{side * longest / sizes[0]:.0f}" if longest else f"{side}",
            f"{each.found.mean():.2%}", f"{lost}", f"{tar:.2%}", f"{cost:+.2f}",
        )  # fmt: skip


def pictures(people: DevelopmentFaces, chosen: IntArray, tile: int) -> Iterator[tuple[IntArray, bytes]]:
    """Scenes, each with the places in `chosen` of the photographs that fill it, row by row."""
    across, down = WIDTH // tile, HEIGHT // tile
    for start in range(0, len(chosen), across * down):
        rows = np.arange(start, min(start + across * down, len(chosen)))
        scene = np.full((HEIGHT, WIDTH, 3), 96, np.uint8)
        for place, row in enumerate(rows):
            top, left = place // across * tile, place % across * tile
            pixels = photograph(people.files[chosen[row]])
            kind = cv2.INTER_CUBIC if tile > pixels.shape[0] else cv2.INTER_AREA
            scene[top : top + tile, left : left + tile] = cv2.resize(pixels, (tile, tile), interpolation=kind)
        yield rows, jpeg(scene)


def look(analyzer: FaceAnalyzer, content: bytes, tile: float, rows: IntArray, into: Seen) -> None:
    """Find the face in the middle of each tile, which is `tile` pixels wide in this picture."""
    image = decode(content)
    faces = analyzer.faces([image], Detail.EMBEDDING, limit=10_000)[0]
    if faces.embeddings is None or not len(faces):
        return
    middles = (faces.boxes[:, :2] + faces.boxes[:, 2:] / 2) * (image.width, image.height) / tile
    across = WIDTH // round(tile * WIDTH / image.width)
    for place, row in enumerate(rows):
        away = np.abs(middles - (place % across + 0.5, place // across + 0.5)).max(axis=1)
        nearest = int(away.argmin())
        if away[nearest] < 0.25:
            into.found[row] = True
            into.embeddings[row] = faces.embeddings[nearest]
            into.boxes[int(row)] = faces.boxes[nearest] * (WIDTH, HEIGHT, WIDTH, HEIGHT)


def parts(analyzer: FaceAnalyzer, taken: bytes, rows: IntArray, small: Seen, into: Seen, shrink: Shrink) -> None:
    """Each face that was found in the small picture, by its part of the large one."""
    scene = decode(taken).pixels
    for row in rows[small.found[rows]]:
        left, top, width, height = small.boxes[int(row)]
        side = max(AROUND * max(width, height), LEAST_AROUND)
        start = np.maximum(0, (left + width / 2 - side / 2, top + height / 2 - side / 2)).astype(int)
        end = np.minimum((WIDTH, HEIGHT), start + int(side))
        cut = jpeg(scene[start[1] : end[1], start[0] : end[0]], 100)
        content = shrink(cut, SENT[0])
        into.kilobytes += len(content) / 1000
        image = decode(content)
        faces = analyzer.faces([image], Detail.EMBEDDING, limit=10_000)[0]
        if faces.embeddings is None or not len(faces):
            continue
        middle = (np.array((left + width / 2, top + height / 2)) - start) / (end - start)
        away = np.abs(faces.boxes[:, :2] + faces.boxes[:, 2:] / 2 - middle).max(axis=1)
        nearest = int(away.argmin())
        if away[nearest] < 0.1:
            into.found[row] = True
            into.embeddings[row] = faces.embeddings[nearest]


def rate(people: DevelopmentFaces, gallery: FloatArray, chosen: IntArray, seen: Seen, both: np.ndarray) -> float:
    """TAR of the faces in `both`, each compared with every photograph but its own."""
    probes = chosen[both]
    cosines = seen.embeddings[both] @ gallery.T
    same = people.people[probes][:, None] == people.people[None, :]
    own = probes[:, None] == np.arange(len(gallery))[None, :]
    (point,) = evaluation.operating_points(cosines[same & ~own], cosines[~same], (FMR,))
    return float(point.tar)


if __name__ == "__main__":
    main()
