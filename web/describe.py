"""Writes `openapi.json`, from which the console's types are made: run by `make console-types`."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from regard.bootstrap.engine import open_engine
from regard.bootstrap.http import pipeline
from regard.bootstrap.native_api import native
from regard.config.settings import load_settings

FILE = Path(__file__).parent / "openapi.json"


def description() -> str:
    """The native API's description, as its routes are now."""
    with TemporaryDirectory() as home, open_engine(load_settings({}, home=Path(home))) as engine:
        described = native(engine, pipeline(engine.settings)).openapi()
    return json.dumps(described, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(description(), encoding="utf-8")
