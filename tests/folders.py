"""Where tests find what is too large for the repository."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def models_folder() -> Path:
    """Of the models: $REGARD_TEST_MODELS, or .cache/models."""
    return Path(os.environ.get("REGARD_TEST_MODELS") or REPOSITORY / ".cache" / "models").absolute()


def data_folder() -> Path:
    """Of test photographs: $REGARD_TEST_DATA, or ../shared/data beside the repository."""
    return Path(os.environ.get("REGARD_TEST_DATA") or REPOSITORY.parent / "shared" / "data").absolute()
