"""The console in the package: in the wheel that is made from the sdist, installed where nothing of the source is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from licences import RULES

from regard.console.assets import BUILT

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # it may lead to the source
    done = subprocess.run(command, cwd=cwd, env=own, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def built(kind: str, source: Path, into: Path) -> Path:
    build = Path(sys.executable).parent / "uv"
    run(build, "build", "--no-build-isolation", f"--{kind}", "--python", sys.executable, "-o", into, source, cwd=into)
    return next(into.glob("*.tar.gz" if kind == "sdist" else "*.whl"))


def test_what_npm_built_in_is_registered_and_its_licences_go_with_it() -> None:
    told = (BUILT / "licences.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^## (\S+) - \S+ \((.+)\)$", told, re.MULTILINE))
    assert found == RULES["console"]
    assert told.count("Permission is hereby granted, free of charge") == len(found)


def test_the_wheel_made_from_the_sdist_holds_the_console(tmp_path: Path) -> None:
    sdist = built("sdist", REPOSITORY, tmp_path)
    run("tar", "xzf", sdist, cwd=tmp_path)
    (source,) = (each for each in tmp_path.iterdir() if each.is_dir())
    wheel = built("wheel", source, tmp_path)
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=True)
    run(fresh / "bin" / "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    # What it depends on is there already, and need not be fetched; the source is not.
    (own,) = (fresh / "lib").glob("python*/site-packages")
    (own / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    said = run(
        fresh / "bin" / "python",
        "-c",
        "import regard.console.assets as a; print(a.__file__, a.Assets().built, bool(a.Assets().find('licences.md')))",
        cwd=tmp_path,
    )
    place, found, licensed = said.split()
    assert Path(place).is_relative_to(fresh)
    assert (found, licensed) == ("True", "True")
