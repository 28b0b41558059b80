"""What labels, text and moderation cost beyond the unavoidable: `make bench`, after the faces.

The bare cost of a picture is decoding it and running the same models on the very arrays that the engine gave them, in
the same number of threads. Both are timed in turn by the processor's clock, all threads together, so that a machine
that does other things says the same; overhead is the ratio of the medians. Each operation is a part by itself, and
kept:

    python -m benchmarks.image_speed --again text    (of labels, properties, equipment, text, moderation)
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from statistics import median

from benchmarks import parts
from benchmarks.material import DATA, jpeg, models, photograph, zoo
from benchmarks.parts import Measured
from benchmarks.printed_pages import printed
from regard.accountability.gate import Gate, Grant
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.images import ObjectName
from regard.domain.labels import LabelOptions
from regard.engine.analysis.image_loader import FACES, ImageLoader, Workload, open_picture
from regard.engine.analysis.label_analyzer import LabelAnalyzer
from regard.engine.analysis.label_detection import LabelDetection
from regard.engine.analysis.moderation_analyzer import LEAST_CONFIDENCE, MODERATION, Moderation
from regard.engine.analysis.protective_equipment import ProtectiveEquipment
from regard.engine.analysis.text_analyzer import TEXT, TextDetection, TextFilter
from regard.vision.images.image_models import IMAGE_CARDS, ImageModels
from regard.vision.images.moderation import ModerationModels
from regard.vision.images.text_models import TextModels
from regard.vision.model_loader import ModelLoader
from regard.vision.session import OnnxSession

THREADS = 1
ROUNDS = 15
CALLER = Caller(principal=Principal(access_key_id="A", name="ada"), channel=Channel.AWS, request_id="bench")

Operation = Callable[[Grant, bytes], object]
#: The operations by the names of their parts.
PARTS = {
    "labels": "DetectLabels",
    "properties": "DetectLabels, IMAGE_PROPERTIES too",
    "equipment": "DetectProtectiveEquipment",
    "text": "DetectText",
    "moderation": "DetectModerationLabels",
}


class _NoBlobs:
    """Pictures are in the requests."""

    def read(self, bucket: str, name: str, version: str | None, *, limit: int) -> bytes:
        raise NotImplementedError(ObjectName(bucket, name, version), limit)


@cache
def operations() -> Mapping[str, tuple[Workload, Operation]]:
    cards = zoo()
    cards.pull([*IMAGE_CARDS, *cards.pack("text"), *cards.pack("moderation"), *cards.pack("faces")])
    loader, faces, pictures = ModelLoader(cards, threads=THREADS), models(THREADS), ImageLoader(_NoBlobs())
    analyzer = LabelAnalyzer(ImageModels(loader), faces)
    labels = LabelDetection(pictures, analyzer)
    equipment = ProtectiveEquipment(pictures, analyzer, faces)
    text, moderation = TextDetection(pictures, TextModels(loader)), Moderation(pictures, ModerationModels(loader))
    both = LabelOptions(properties=True)
    return {
        PARTS["labels"]: (FACES, lambda grant, data: labels.detect(grant, data, LabelOptions())),
        PARTS["properties"]: (FACES, lambda grant, data: labels.detect(grant, data, both)),
        PARTS["equipment"]: (FACES, equipment.detect),
        PARTS["text"]: (TEXT, lambda grant, data: text.detect(grant, data, TextFilter())),
        PARTS["moderation"]: (MODERATION, lambda grant, data: moderation.detect(grant, data, LEAST_CONFIDENCE)),
    }


@cache
def pictures() -> Mapping[str, bytes]:
    images = DATA / "images"
    return {
        "500×375, horses and riders": (images / "riders.jpg").read_bytes(),
        "768×576, a dog": (images / "dog.jpg").read_bytes(),
        "1920×1337, two people": jpeg(photograph(images / "couple.jpg", (1920, 1337))),
        "1280×960, 60 printed words": jpeg(printed(size=28, width=1280, height=960, words=60).pixels),
    }


def measured(workload: Workload, operation: Operation, data: bytes) -> tuple[float, float]:
    """CPU milliseconds of an operation and of its bare cost, medians."""
    runs: list[tuple[OnnxSession, FloatArray | ByteArray]] = []
    original = OnnxSession.run

    def recorded(session: OnnxSession, batch: FloatArray | ByteArray) -> list[FloatArray]:
        runs.append((session, batch))
        return original(session, batch)

    with Gate(OPEN).open(CALLER, Act(action=Action.DETECT, operation="bench")) as grant:
        OnnxSession.run = recorded  # type: ignore[method-assign]
        operation(grant, data)
        OnnxSession.run = original  # type: ignore[method-assign]
        gc.collect()
        whole, bare = [], []
        for _ in range(ROUNDS):
            start = time.process_time()
            operation(grant, data)
            between = time.process_time()
            open_picture(data, workload).load()
            for session, batch in runs:
                session.run(batch)
            whole.append(between - start)
            bare.append(time.process_time() - between)
    return 1000 * median(whole), 1000 * median(bare)


def part(name: str) -> Measured:
    workload, operation = operations()[name]
    rows = []
    for picture, data in pictures().items():
        whole, bare = measured(workload, operation, data)
        rows.append([f"{name}: {picture}", f"{whole:.1f}", f"{bare:.1f}", f"{whole / bare:.3f}"])
    threads = "one thread" if THREADS == 1 else f"{THREADS} threads"
    return Measured(
        title=f"Other operations, CPU, {threads}",
        columns=["operation and picture", "ms", "bare ms", "overhead"],
        rows=rows,
    )


def main() -> None:
    parts.main("images", {each: partial(part, name) for each, name in PARTS.items()}, __doc__)


if __name__ == "__main__":
    main()
