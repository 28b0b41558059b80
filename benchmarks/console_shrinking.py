"""What it costs that the console makes a picture smaller before it sends it: `make bench-console-shrinking`.

Scenes of a phone's size, 4032×3024, are filled with development faces, so large that each face's side has so many
pixels, and saved as a phone saves them. Chromium shrinks each as the console does (`web/src/state/pictures.ts`), and
each face is looked for in the smallest, then in the next. Then it is searched for by its own part of the photograph,
and compared with the photograph as it was taken. Each side is a part: `PARTS="40 60"` measures those.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks import parts
from benchmarks.material import DevelopmentFaces, development, jpeg, models, photograph
from benchmarks.parts import Measured
from regard.domain.arrays import BoolArray, FloatArray, IntArray
from regard.domain.faces import Detail
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.galleries import evaluation
from regard.media.image_decoder import decode

#: A phone's picture.
WIDTH, HEIGHT = 4032, 3024
#: The pixels of a face's side in the phone's picture.
SIDES = (40, 60, 80, 126, 200, 320)
#: Of as many photographs of people of whom there are two or more, drawn once for all sides.
PHOTOGRAPHS = 1200
#: The side of a face in a photograph of LFW, of the photograph's own.
SHARE = 0.44
FMR = 1e-4


@dataclass(frozen=True)
class Size:
    """How a picture is sent: its longest side, and JPEG's quality."""

    longest: int
    quality: float


#: What faces are looked for in, one after the other; a face that is searched for; and what is around it: so many of its
#: sides, and at least so many pixels. As the console has them.
LOOKS = (Size(800, 0.4), Size(1600, 0.4), Size(2560, 0.5))
SEARCHED = Size(448, 0.85)
AROUND, LEAST_AROUND = 2, 224

_SHRINK = """async ({content, longest, quality}) => {
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
  const blob = await new Promise((made) => canvas.toBlob(made, "image/jpeg", quality));
  const url = await new Promise((read) => {
    const reader = new FileReader();
    reader.onload = () => read(reader.result);
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(",") + 1);
}"""

Shrink = Callable[[bytes, Size], bytes]


class Found:
    """Where a face was found, by its photograph's place among those chosen, and its embedding if it has one."""

    def __init__(self, photographs: int, width: int) -> None:
        self.there = np.zeros(photographs, bool)
        self.embeddings = np.zeros((photographs, width), np.float32)
        self.boxes: dict[int, FloatArray] = {}
        self.kilobytes: list[float] = []


def main() -> None:
    sides: dict[str, Callable[[], Measured]] = {str(side): partial(of_side, side) for side in SIDES}
    parts.main("console_shrinking", sides, __doc__)


def of_side(side: int) -> Measured:
    """What shrinking costs faces whose side has so many pixels as they are taken."""
    people = DevelopmentFaces.load()
    _, gallery, _ = development()
    several = np.flatnonzero(np.bincount(people.people)[people.people] > 1)
    chosen = np.sort(np.random.default_rng(12).permutation(several)[:PHOTOGRAPHS])
    with sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page()

        def shrink(content: bytes, size: Size) -> bytes:
            given = {"content": base64.b64encode(content).decode(), **asdict(size)}
            return base64.b64decode(page.evaluate(_SHRINK, given))

        row = measured(FaceAnalyzer(models()), people, gallery, chosen, side, shrink)
        chromium.close()
    sent = [f"found at {size.longest:,}" for size in LOOKS]
    columns = ("face in the picture, px", "TAR as taken", "found there", *sent, "lost", "kB of the face", "TAR", "cost")
    title = f"{len(chosen):,} photographs; TAR at FMR {FMR:g} against {len(gallery):,}"
    return Measured(title=title, columns=columns, rows=[row])


def measured(
    analyzer: FaceAnalyzer, people: DevelopmentFaces, gallery: FloatArray, chosen: IntArray, side: int, shrink: Shrink
) -> tuple[str, ...]:
    """A row of the table."""
    tile = round(side / SHARE)
    whole, alone, *looked = [Found(len(chosen), gallery.shape[1]) for _ in range(2 + len(LOOKS))]
    for rows, taken in pictures(people, chosen, tile):
        look(analyzer, taken, tile, rows, whole, Detail.EMBEDDING)
        found = Found(len(chosen), 0)
        for size, each in zip(LOOKS, looked, strict=True):
            look(analyzer, shrink(taken, size), tile * size.longest / WIDTH, rows, found, Detail.NONE)
            each.there |= found.there
        by_parts(analyzer, taken, rows, found, alone, shrink)
    both = whole.there & alone.there
    tars = [rate(people, gallery, chosen, each, both) for each in (whole, alone)]
    return (
        f"{side}", f"{tars[0]:.2%}", f"{whole.there.mean():.2%}", *[f"{each.there.mean():.2%}" for each in looked],
        f"{int((whole.there & ~alone.there).sum())}", f"{np.mean(alone.kilobytes):.0f}",
        f"{tars[1]:.2%}", f"{100 * (tars[0] - tars[1]):+.2f}",
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


def look(analyzer: FaceAnalyzer, content: bytes, tile: float, rows: IntArray, into: Found, detail: Detail) -> None:
    """Find the face in the middle of each tile, which is `tile` pixels wide in this picture, unless it was found."""
    image = decode(content)
    faces = analyzer.faces([image], detail, limit=10_000)[0]
    if not len(faces):
        return
    middles = (faces.boxes[:, :2] + faces.boxes[:, 2:] / 2) * (image.width, image.height) / tile
    across = WIDTH // round(tile * WIDTH / image.width)
    for place, row in enumerate(rows):
        away = np.abs(middles - (place % across + 0.5, place // across + 0.5)).max(axis=1)
        nearest = int(away.argmin())
        if away[nearest] < 0.25 and not into.there[row]:
            into.there[row] = True
            into.boxes[int(row)] = faces.boxes[nearest] * (WIDTH, HEIGHT, WIDTH, HEIGHT)
            if faces.embeddings is not None:
                into.embeddings[row] = faces.embeddings[nearest]


def by_parts(analyzer: FaceAnalyzer, taken: bytes, rows: IntArray, small: Found, into: Found, shrink: Shrink) -> None:
    """Each face that was found in a small picture, by its part of the large one."""
    scene = decode(taken).pixels
    for row in rows[small.there[rows]]:
        left, top, width, height = small.boxes[int(row)]
        side = max(AROUND * max(width, height), LEAST_AROUND)
        start = np.maximum(0, (left + width / 2 - side / 2, top + height / 2 - side / 2)).astype(int)
        end = np.minimum((WIDTH, HEIGHT), start + int(side))
        content = shrink(jpeg(scene[start[1] : end[1], start[0] : end[0]], 100), SEARCHED)
        into.kilobytes.append(len(content) / 1000)
        faces = analyzer.faces([decode(content)], Detail.EMBEDDING, limit=10_000)[0]
        if faces.embeddings is None or not len(faces):
            continue
        middle = (np.array((left + width / 2, top + height / 2)) - start) / (end - start)
        away = np.abs(faces.boxes[:, :2] + faces.boxes[:, 2:] / 2 - middle).max(axis=1)
        nearest = int(away.argmin())
        if away[nearest] < 0.15:
            into.there[row] = True
            into.embeddings[row] = faces.embeddings[nearest]


def rate(people: DevelopmentFaces, gallery: FloatArray, chosen: IntArray, seen: Found, both: BoolArray) -> float:
    """TAR of the faces in `both`, each compared with every photograph but its own."""
    probes = chosen[both]
    cosines = seen.embeddings[both] @ gallery.T
    same = people.people[probes][:, None] == people.people[None, :]
    own = probes[:, None] == np.arange(len(gallery))[None, :]
    (point,) = evaluation.operating_points(cosines[same & ~own], cosines[~same], (FMR,))
    return float(point.tar)


if __name__ == "__main__":
    main()
