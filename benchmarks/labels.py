"""How right labels are, on development pictures whose labels were judged by eye: `make bench-labels`.

Confidences of labels without boxes were fitted on the garments whose files' names have an even CRC-32; here are the
others. Beside the engine stand its models by themselves: each detector at its usual threshold, and the classifier's
most probable class with what that class is a kind of. Scenes are composed of objects cut out of photographs with known
boxes, laid on garments. A page of annotated pictures is written to .cache/labels/index.html.
"""

from __future__ import annotations

import html
import time
import tomllib
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from rich.progress import track

from benchmarks.markdown import bullet, table
from benchmarks.material import DATA, ROOT, jpeg, models, zoo
from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.images import Image
from regard.domain.labels import Label
from regard.engine.analysis.image_loader import load
from regard.engine.analysis.label_analyzer import SEEN_PIXELS, LabelAnalyzer
from regard.media.drawing import save
from regard.media.label_drawing import annotate_labels
from regard.vision.geometry import overlaps, reduced
from regard.vision.images.image_models import IMAGE_CARDS, ImageModels
from regard.vision.images.object_detector import DetectorModel
from regard.vision.images.taxonomy import taxonomy
from regard.vision.model_loader import ModelLoader
from regard.vision.session import OnnxSession

PAGE = ROOT / ".cache" / "labels"
STYLE = (
    "body{font:16px sans-serif;margin:2rem;columns:3 22rem}figure{margin:0 0 1.5rem;break-inside:avoid}img{width:100%}"
)
#: What the engine tells unless asked for more or less, and what detectors are usually cut off at.
TOLD, BARE_SCORE = 55.0, 0.35
#: Below it hardly any label is looked at.
RELIABLE = 20.0
SCENES, OBJECTS = 60, 3
ROUNDS = 7

Place = tuple[str, float, float, float, float]


@dataclass(frozen=True)
class Truth:
    """What is right of the development pictures."""

    garments: dict[str, list[str]]
    garments_by_eye: dict[str, list[str]]
    objects: dict[str, list[Place]]
    portraits: dict[str, list[str]]
    photographs: dict[str, list[str]]

    def labels(self, file: Path) -> set[str]:
        """Of a garment's picture, with all that they are a kind of."""
        own = {*self.garments[file.parent.name], *self.garments_by_eye.get(file.name, ()), "Clothing"}
        own |= {name for name, *_ in self.objects.get(file.name, ())}
        known = taxonomy()  # which has no shorts: no class of the models means them
        return own.union(*(known.ancestors(name) for name in own if name in known.entries))


@dataclass(frozen=True)
class Seen:
    """A picture, what the engine tells of it with how much confidence, and what its models say by themselves: boxes of
    each detector, and the classifier's word."""

    name: str
    image: Image
    labels: list[Label]
    boxes: list[list[Place]]
    word: set[str]


class Watcher:
    def __init__(self, threads: int = 0) -> None:
        found = zoo()
        found.pull(IMAGE_CARDS)
        self.models = ImageModels(ModelLoader(found, threads=threads))
        self.analyzer = LabelAnalyzer(self.models, models(threads))

    def see(self, name: str, image: Image) -> Seen:
        known, find = taxonomy(), DetectorModel.find
        alone = [find(model, model.prepared(image.pixels)) for model in self.models.objects().models]
        again = iter(alone)  # the engine's detectors need not run once more on the same pixels
        if max(image.pixels.shape) <= SEEN_PIXELS:
            DetectorModel.find = lambda _, __: next(again)  # type: ignore[method-assign]
        try:
            labels = self.analyzer.find(image).labels(RELIABLE)
        finally:
            DetectorModel.find = find  # type: ignore[method-assign]
        boxes = [
            [(known.object_names[int(number)], *map(float, box)) for box, score, number in rows if score >= BARE_SCORE]
            for rows in (zip(each.boxes, each.scores, each.classes, strict=True) for each in alone)
        ]
        best = int(self.models.scenes().probabilities([image.pixels])[0].argmax())
        named = {label for label, entry in known.entries.items() if best in entry.scenes}
        word = named.union(*(known.ancestors(label) for label in named))
        return Seen(name, image, labels, boxes, word)


def main() -> None:
    truth = Truth(**tomllib.loads((Path(__file__).parent / "label_truth.toml").read_text(encoding="utf-8")))
    garments = [file for file in sorted((DATA / "clothing-dev").glob("*/*.jpg")) if zlib.crc32(file.name.encode()) % 2]
    pictures = sorted((DATA / "images").glob("*.jpg"))
    portraits = sorted((DATA / "lfw-dev").glob("*/*_0001.jpg"))[::24]
    if not garments or not pictures:
        raise SystemExit(f"{DATA} has no pictures; set REGARD_TEST_DATA to the folder with clothing-dev and images")
    watcher = Watcher()
    clothes = {file: watcher.see(file.name, _load(file)) for file in track(garments, "Garments")}
    people = [watcher.see(file.name, _load(file)) for file in track(portraits, "Portraits")]
    photographs = [watcher.see(file.name, _load(file)) for file in track(pictures, "Photographs")]
    scenes = list(composed(truth, pictures, garments))
    laid = [watcher.see(f"scene {row}", image) for row, (image, _) in enumerate(track(scenes, "Scenes"))]
    by_label(truth, clothes)
    reliability(truth, clothes, people)
    boxes(truth, clothes, photographs, list(zip(laid, (places for _, places in scenes), strict=True)))
    speed(Watcher(threads=1), [photographs[1].image, photographs[-1].image, clothes[garments[0]].image])
    page([*photographs, *laid[:24], *list(clothes.values())[::6]])


def by_label(truth: Truth, clothes: dict[Path, Seen]) -> None:
    told = [({label.name for label in seen.labels if label.confidence >= TOLD}, seen.word) for seen in clothes.values()]
    right = [truth.labels(file) for file in clothes]
    names = sorted({name for each in right for name in each}, key=lambda name: -sum(name in each for each in right))
    rows = []
    for name in names:
        there = np.array([name in each for each in right])
        ours, bare = (np.array([name in pair[way] for pair in told]) for way in (0, 1))
        if there.sum() >= 5:
            rows.append([name, str(there.sum()), *_shares(ours, there), *_shares(bare, there)])
    columns = ["label", "pictures", "precision", "recall", "precision, bare", "recall, bare"]
    table(f"Labels of {len(clothes)} garments, told at {TOLD:.0f} % and more", columns, rows)


def reliability(truth: Truth, clothes: dict[Path, Seen], people: list[Seen]) -> None:
    """Of labels with about the same confidence, how many are right. Of portraits only that there is a person counts."""
    pairs = [(one.confidence, one.name in truth.labels(file)) for file, seen in clothes.items() for one in seen.labels]
    sure = [(one.confidence, True) for seen in people for one in seen.labels if one.name in ("Person", "Face", "Head")]
    for title, chosen in (("garments", pairs), ("garments and portraits", pairs + sure)):
        told, right = np.array(chosen, float).T
        rows, error = [], 0.0
        for low in range(int(RELIABLE), 100, 10):
            inside = (told >= low) & (told < (low + 10 if low < 90 else 101))
            if inside.any():
                mean, share = told[inside].mean(), 100 * right[inside].mean()
                error += inside.mean() * abs(mean - share)
                rows.append([f"{low} to {low + 10}", str(inside.sum()), f"{mean:.1f}", f"{share:.1f}"])
        table(f"Reliability, {title}", ["confidence", "labels", "mean confidence", "right, %"], rows)
        bullet(f"expected calibration error, {title}: {error / 100:.3f}")
    missing = sum(all(one.name != "Person" or one.confidence < TOLD for one in seen.labels) for seen in people)
    bullet(f"portraits without a Person at {TOLD:.0f} %: {missing} of {len(people)}")


def boxes(
    truth: Truth, clothes: dict[Path, Seen], photographs: list[Seen], scenes: list[tuple[Seen, list[Place]]]
) -> None:
    """Objects found at IoU ≥ 0.5 under their own name, and boxes on garments where there is nothing of the kind."""
    marked = [(seen, [_ratios(place, seen.image) for place in truth.objects[seen.name]]) for seen in photographs]
    ways = {"centernet": lambda seen: seen.boxes[0], "nanodet": lambda seen: seen.boxes[1], "engine": _told}
    rows = []
    for way, boxes_of in ways.items():
        cells = [way]
        for pairs in (marked, scenes):
            found = [each for seen, places in pairs for each in found_of(places, boxes_of(seen))]
            cells.append(f"{sum(found)} of {len(found)}")
        wrong = 0
        for seen in clothes.values():
            there = [_ratios(place, seen.image) for place in truth.objects.get(seen.name, ())]
            wrong += found_of(boxes_of(seen), there).count(False)
        rows.append([*cells, f"{wrong / len(clothes):.2f}"])
    table("Objects", ["", "in 6 photographs", "in composed scenes", "false boxes a garment"], rows)
    for seen, places in marked:
        found = found_of(places, _told(seen))
        for (name, *_), corners, each in zip(places, truth.objects[seen.name], found, strict=True):
            if not each:
                bullet(f"not found in {seen.name}: {name} at {corners[1:]}")
    sizes = defaultdict(list)
    for seen, places in scenes:
        for place, found in zip(places, found_of(places, _told(seen)), strict=True):
            area = (place[3] - place[1]) * (place[4] - place[2])
            sizes["10 % and less" if area <= 0.1 else "to 20 %" if area <= 0.2 else "more"].append(found)
    table(
        "Composed scenes by the object's share of the picture",
        ["share", "objects", "found, %"],
        [[size, str(len(found)), f"{100 * np.mean(found):.0f}"] for size, found in sorted(sizes.items())],
    )


def composed(truth: Truth, pictures: Sequence[Path], garments: Sequence[Path]) -> Iterator[tuple[Image, list[Place]]]:
    """Objects of photographs laid side by side on garments, each a tenth of the picture to a third; JPEGs."""
    random = np.random.default_rng(7)
    cuts: list[tuple[str, ByteArray]] = []
    for file in pictures:
        pixels = _load(file).pixels
        for name, *corners in truth.objects[file.name]:
            left, top, right, bottom = (max(0, int(side)) for side in corners)
            if min(right - left, bottom - top) >= 90:
                cuts.append((name, pixels[top:bottom, left:right]))
    for _ in range(SCENES):
        ground = reduced(_load(garments[random.integers(len(garments))]).pixels, 900)
        canvas = np.array(np.broadcast_to(ground.mean(axis=(0, 1)), (700, 900, 3)), np.uint8)
        ground = ground[:700, :900]
        canvas[: ground.shape[0], : ground.shape[1]] = ground
        places: list[Place] = []
        for slot, pick in enumerate(random.choice(len(cuts), OBJECTS, replace=False)):
            name, cut = cuts[pick]
            area = random.uniform(0.04, 0.3) * 700 * 900
            scale = min((area / (cut.shape[0] * cut.shape[1])) ** 0.5, 290 / cut.shape[1], 690 / cut.shape[0])
            small = reduced(cut, max(1, round(max(cut.shape[:2]) * min(scale, 1))))
            high, wide = small.shape[:2]
            left, top = slot * 300 + int(random.integers(300 - wide)), int(random.integers(700 - high))
            canvas[top : top + high, left : left + wide] = small
            places.append((name, left / 900, top / 700, (left + wide) / 900, (top + high) / 700))
        yield load(jpeg(canvas)).image, places


def speed(watcher: Watcher, images: Sequence[Image]) -> None:
    """The engine's time over that of decoding and of its models' runs alone, replayed on the arrays it gave them."""
    original, runs = OnnxSession.run, []

    def recorded(session: OnnxSession, batch: FloatArray) -> list[FloatArray]:
        runs.append((session, batch))
        return original(session, batch)

    rows = []
    for image in images:
        content = jpeg(image.pixels)
        OnnxSession.run = recorded  # type: ignore[method-assign]
        runs.clear()
        watcher.analyzer.find(load(content).image)
        OnnxSession.run = original  # type: ignore[method-assign]
        ratios, whole = [], []
        for _ in range(ROUNDS):
            start = time.thread_time()
            watcher.analyzer.find(load(content).image).labels(TOLD)
            between = time.thread_time()
            load(content)
            for session, batch in runs:
                session.run(batch)
            ratios.append((between - start) / (time.thread_time() - between))
            whole.append(between - start)
        height, width = image.pixels.shape[:2]
        rows.append([f"{width}×{height}", f"{1000 * median(whole):.0f}", f"{median(ratios):.2f}"])
    table("DetectLabels, CPU time, one thread", ["picture", "ms", "over decoding and bare models"], rows)


def page(seen: Sequence[Seen]) -> None:
    PAGE.mkdir(parents=True, exist_ok=True)
    figures = []
    for number, each in enumerate(seen):
        small = Image(pixels=reduced(each.image.pixels, 900), width=each.image.width, height=each.image.height)
        told = [
            replace(label, instances=tuple(one for one in label.instances if one.confidence >= TOLD))
            for label in each.labels
            if label.confidence >= TOLD
        ]
        save(annotate_labels(small, told), PAGE / f"{number}.jpg")
        caption = html.escape(each.name)
        figures.append(f'<figure><img src="{number}.jpg" loading="lazy"><figcaption>{caption}</figcaption></figure>')
    (PAGE / "index.html").write_text(
        f"<!doctype html><meta charset=utf-8><title>Labels</title><style>{STYLE}</style>{''.join(figures)}",
        encoding="utf-8",
    )
    bullet(f"annotated pictures: {PAGE / 'index.html'}")


def _load(file: Path) -> Image:
    return load(file.read_bytes()).image


def _told(seen: Seen) -> list[Place]:
    boxes = [(label.name, one.box) for label in seen.labels for one in label.instances if one.confidence >= TOLD]
    return [(name, b.left, b.top, b.left + b.width, b.top + b.height) for name, b in boxes if name != "Face"]


def _ratios(place: Place, image: Image) -> Place:
    name, left, top, right, bottom = place
    return name, left / image.width, top / image.height, right / image.width, bottom / image.height


def found_of(places: Sequence[Place], found: Sequence[Place]) -> list[bool]:
    """Which places are found at IoU ≥ 0.5 under their own name, each by a box that finds no other; the best first."""
    shared = overlaps(_corners(places), _corners(found))
    shared[np.array([[one[0] != other[0] for other in found] for one in places], bool).reshape(shared.shape)] = 0
    matched = np.zeros(len(places), bool)
    while shared.size and shared.max() >= 0.5:
        place, box = np.unravel_index(shared.argmax(), shared.shape)
        matched[place] = True
        shared[place] = shared[:, box] = 0
    return matched.tolist()


def _corners(places: Sequence[Place]) -> FloatArray:
    return np.array([place[1:] for place in places], np.float32).reshape(-1, 4)


def _shares(told: np.ndarray, right: np.ndarray) -> tuple[str, str]:
    both = (told & right).sum()
    return (f"{100 * both / told.sum():.0f}" if told.any() else "–"), f"{100 * both / right.sum():.0f}"


if __name__ == "__main__":
    main()
