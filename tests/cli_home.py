"""A person at the command line: a home of their own, and some pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from people import head
from PIL import Image
from typer.testing import CliRunner

from regard.cli import app


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Person:
    """Runs `regard` in a home of their own; `pictures` is a folder."""

    home: Path
    pictures: Path

    def run(self, *words: object, typed: str | None = None) -> Said:
        result = CliRunner().invoke(app, [*map(str, words), "--home", str(self.home)], input=typed)
        return Said(result.exit_code, result.stdout, result.stderr)

    def portrait(self, name: str, side: int = 200, mirrored: bool = False) -> Path:
        """A picture of one face, the same person's every time."""
        file = self.pictures / name
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = head(side)
        Image.fromarray(pixels[:, ::-1] if mirrored else pixels).save(file)
        return file

    def wall(self, name: str = "wall.png") -> Path:
        """A picture without a face."""
        file = self.pictures / name
        Image.new("RGB", (200, 200), "grey").save(file)
        return file


def person(home: Path, pictures: Path, models: Path) -> Person:
    home.mkdir()
    pictures.mkdir()
    (home / "regard.toml").write_text(f'[models]\nfolder = "{models}"\n')
    return Person(home, pictures)
