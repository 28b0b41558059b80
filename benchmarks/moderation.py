"""How often pictures that are not explicit are called so: `python -m benchmarks.moderation FOLDER…`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.markdown import table
from benchmarks.material import DATA, zoo
from regard.engine.analysis.moderation_analyzer import MODERATION
from regard.media.image_decoder import decode
from regard.vision.images.moderation import PACK, ModerationModels
from regard.vision.model_loader import ModelLoader

_LEAST = (20, 50, 80)


def scores(folder: Path) -> Iterator[float]:
    """0..100 of every photograph below a folder."""
    cards = zoo()
    cards.pull(cards.pack(PACK))
    model = ModerationModels(ModelLoader(cards)).explicit_content()
    for file in sorted(folder.rglob("*.jpg")):
        yield 100 * model.score(decode(file.read_bytes(), longest=MODERATION.longest).pixels)


def main() -> None:
    folders = [Path(each) for each in sys.argv[1:]] or [DATA / name for name in ("lfw-dev", "clothing-dev", "images")]
    rows = []
    for folder in folders:
        found = np.fromiter(scores(folder), float)
        shares = (f"{100 * (found >= least).mean():.2f} %" for least in _LEAST)
        rows.append([folder.name, f"{len(found):,}", *shares, f"{found.max():.0f}"])
    title = "Pictures that are not explicit, and how many are called so"
    table(title, ["pictures", "number", *(f"at {least}" for least in _LEAST), "highest"], rows)


if __name__ == "__main__":
    main()
