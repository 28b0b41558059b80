"""Speed of the face path, stage by stage, against its own bare cost and against peers: `make bench`.

The bare cost of a picture is its decoding and the model runs alone, replayed on the very arrays the engine gave them.
Overhead = total / bare; both are timed in turn, and the median of the ratios is reported. Peers run in the same
process on the same bytes: `face_recognition` (dlib), and OpenCV's YuNet + SFace where their files are in the models
folder.
"""

from __future__ import annotations

import argparse
import io
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import PIL.Image
from rich.console import Console
from rich.table import Table

from benchmarks.material import DATA, MODELS, DevelopmentFaces, jpeg, models, mosaic, photograph
from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.faces import Detail
from regard.engine.analysis.face_analyzer import WORKING_SIDE, FaceAnalyzer
from regard.media.image_decoder import decode
from regard.vision.session import OnnxSession

DETECT = Detail.QUALITY | Detail.POSE
TASKS = {"DetectFaces": DETECT, "search": Detail.EMBEDDING, "IndexFaces": DETECT | Detail.EMBEDDING}

#: The models that these tasks run, by column.
MODELS_RUN = {
    "detector": "centerface.onnx",
    "contour": "fr_landmark.onnx",
    "embedder": "face_recognition_sface_2021dec.onnx",
    "pose": "fr_pose.onnx",
}

console = Console(width=140)


@dataclass
class Recorder:
    """Times every model's runs by `clock`, and keeps the arrays for a replay."""

    clock: Callable[[], float] = time.perf_counter
    seconds: Counter[str] = field(default_factory=Counter)
    runs: list[tuple[OnnxSession, FloatArray | ByteArray]] | None = None

    def install(self) -> None:
        original = OnnxSession.run

        def run(session: OnnxSession, batch: FloatArray | ByteArray) -> list[FloatArray]:
            if self.runs is not None:
                self.runs.append((session, batch))
            start = self.clock()
            result = original(session, batch)
            self.seconds[session.name] += self.clock() - start
            return result

        OnnxSession.run = run  # type: ignore[method-assign]
        self.bare = original


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cpu", action="store_true", help="only one core's time, where the machine does other things")
    options = parser.parse_args()
    rounds = options.rounds
    recorder = Recorder(time.process_time if options.cpu else time.perf_counter)
    recorder.install()
    cores = sorted(os.sched_getaffinity(0))
    pictures = scenes()
    for count in sorted({1, 1 if options.cpu else min(2, len(cores))}):
        os.sched_setaffinity(0, cores[:count])
        analyzer = FaceAnalyzer(loaded := models(threads=count))
        loaded.load()
        stages(analyzer, recorder, pictures, count, rounds)
        if options.cpu:
            return
        throughput(analyzer, pictures, count)
    peers(FaceAnalyzer(models(threads=len(cores[:2]))), pictures, rounds)


def scenes() -> dict[str, bytes]:
    """One face at 640×480, ten at 1920×1080, a hundred in a 750×750 mosaic."""
    people = DevelopmentFaces.load()
    some = np.random.default_rng(4).choice(len(people.files), 110, replace=False)
    files = [people.files[row] for row in some]
    couple = photograph(DATA / "images" / "couple.jpg")
    one = PIL.Image.fromarray(couple[:, :1400]).resize((640, 480), PIL.Image.Resampling.BOX)
    street = np.array(PIL.Image.fromarray(couple[:300]).resize((1920, 1080), PIL.Image.Resampling.BILINEAR))
    for place, file in enumerate(files[:10]):
        top, left = 100 + place // 5 * 450, 60 + place % 5 * 370
        street[top : top + 250, left : left + 250] = photograph(file)
    return {
        "640×480, 1 face": jpeg(np.asarray(one)),
        "1920×1080, 10 faces": jpeg(street),
        "750×750, 100 faces": jpeg(mosaic(files[10:], 10, 75)),
    }


def stages(analyzer: FaceAnalyzer, recorder: Recorder, pictures: dict[str, bytes], count: int, rounds: int) -> None:
    table = Table(title=f"{count} core{'s' if count > 1 else ''}, median of {rounds}, milliseconds")
    for column in ("picture", "task", "faces", "decode", *MODELS_RUN, "the rest", "total", "bare", "overhead"):
        table.add_column(column, justify="left" if column in ("picture", "task") else "right")
    for name, data in pictures.items():
        for task, detail in TASKS.items():
            table.add_row(name, task, *measured(analyzer, recorder, data, detail, rounds))
    console.print(table)


def measured(analyzer: FaceAnalyzer, recorder: Recorder, data: bytes, detail: Detail, rounds: int) -> list[str]:
    recorder.runs = []
    analyzer.faces([decode(data, longest=WORKING_SIDE)], detail)
    runs, recorder.runs = recorder.runs, None
    rows, faces = [], 0
    for _ in range(rounds):
        recorder.seconds.clear()
        start = recorder.clock()
        image = decode(data, longest=WORKING_SIDE)
        decoded = recorder.clock()
        faces = len(analyzer.faces([image], detail)[0])
        total = recorder.clock() - start
        bare_start = recorder.clock()
        decode(data, longest=WORKING_SIDE)
        for session, batch in runs:
            recorder.bare(session, batch)
        bare = recorder.clock() - bare_start
        models_run = [recorder.seconds[file] for file in MODELS_RUN.values()]
        rows.append((decoded - start, *models_run, total - sum(models_run) - (decoded - start), total, bare))
    columns = [median(column) * 1e3 for column in zip(*rows, strict=True)]
    overhead = median(total / bare for *_, total, bare in rows)
    return [str(faces), *(f"{value:.1f}" for value in columns), f"{overhead:.3f}"]


def throughput(analyzer: FaceAnalyzer, pictures: dict[str, bytes], count: int) -> None:
    table = Table(title=f"Pictures a second on {count} core{'s' if count > 1 else ''}, {2 * count} at once")
    table.add_column("picture")
    for task in TASKS:
        table.add_column(task, justify="right")
    for name, data in pictures.items():
        table.add_row(name, *(f"{rate(analyzer, data, detail, 2 * count):.1f}" for detail in TASKS.values()))
    console.print(table)


def rate(analyzer: FaceAnalyzer, data: bytes, detail: Detail, workers: int, seconds: float = 4.0) -> float:
    done, end = [0] * workers, time.perf_counter() + seconds

    def work(worker: int) -> None:
        while time.perf_counter() < end:
            analyzer.faces([decode(data, longest=WORKING_SIDE)], detail)
            done[worker] += 1

    start = time.perf_counter()
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - start)


def peers(analyzer: FaceAnalyzer, pictures: dict[str, bytes], rounds: int) -> None:
    """Bytes to embeddings of every face, side by side."""
    contenders: dict[str, Callable[[bytes], int]] = {
        "regard": lambda data: len(analyzer.faces([decode(data, longest=WORKING_SIDE)], Detail.EMBEDDING)[0])
    }
    contenders |= dlib_peer() | opencv_peer()
    table = Table(
        title=f"Bytes to embeddings, 2 cores, median of {rounds}: milliseconds (faces found; ratio to regard)"
    )
    table.add_column("picture")
    for contender in contenders:
        table.add_column(contender, justify="right")
    for name, data in pictures.items():
        found = {contender: call(data) for contender, call in contenders.items()}
        times: dict[str, list[float]] = {contender: [] for contender in contenders}
        for _ in range(rounds):
            for contender, call in contenders.items():
                start = time.perf_counter()
                call(data)
                times[contender].append(time.perf_counter() - start)
        cells = []
        for contender, taken in times.items():
            ratio = median(a / b for a, b in zip(taken, times["regard"], strict=True))
            cells.append(f"{median(taken) * 1e3:.0f} ({found[contender]}; ×{ratio:.2f})")
        table.add_row(name, *cells)
    console.print(table)


def dlib_peer() -> dict[str, Callable[[bytes], int]]:
    try:
        import face_recognition  # noqa: PLC0415 - a peer, there or not
    except ImportError as error:
        console.print(f"face_recognition is not installed ({error}): not compared")
        return {}

    def call(data: bytes) -> int:
        pixels = np.array(PIL.Image.open(io.BytesIO(data)).convert("RGB"))
        return len(face_recognition.face_encodings(pixels, face_recognition.face_locations(pixels)))

    return {"face_recognition (HOG)": call}


def opencv_peer() -> dict[str, Callable[[bytes], int]]:
    files = [MODELS / "face_detection_yunet_2023mar.onnx", MODELS / "face_recognition_sface_2021dec.onnx"]
    if missing := [file.name for file in files if not file.is_file()]:
        console.print(f"OpenCV's pipeline is not compared: {', '.join(missing)} not in {MODELS.name}/")
        return {}
    import cv2  # noqa: PLC0415 - a peer, there or not

    detector = cv2.FaceDetectorYN.create(str(files[0]), "", (320, 320))
    recognizer = cv2.FaceRecognizerSF.create(str(files[1]), "")

    def call(data: bytes) -> int:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        detector.setInputSize(pixels.shape[1::-1])
        found = detector.detect(pixels)[1]
        found = [] if found is None else found
        for face in found:
            recognizer.feature(recognizer.alignCrop(pixels, face))
        return len(found)

    return {"OpenCV YuNet + SFace": call}


if __name__ == "__main__":
    main()
