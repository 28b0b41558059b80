"""Clients as people install them, kept under .cache and made again if their recipe changes.

The AWS CLI and aiobotocore pin their own botocore, hence environments of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from regard.files import file_lock

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache"


def aws_cli() -> Path:
    """The folder of `aws`."""
    folder, recipe = CACHE / "awscli", HERE / "requirements.txt"
    pip = str(folder / "bin" / "pip")
    _make(
        folder,
        f"{sys.version}\n{recipe.read_text(encoding='utf-8')}",
        [sys.executable, "-m", "venv", str(folder)],
        [pip, "install", "--quiet", "--disable-pip-version-check", "--requirement", str(recipe)],
    )
    return folder / "bin"


def old_boto3() -> Path:
    """The python of an environment with a boto3 that is too old to read the endpoint from the environment."""
    folder = CACHE / "old-boto3"
    pip = str(folder / "bin" / "pip")
    recipe = "boto3<1.28"
    _make(
        folder,
        f"{sys.version}\n{recipe}",
        [sys.executable, "-m", "venv", str(folder)],
        [pip, "install", "--quiet", "--disable-pip-version-check", recipe],
    )
    return folder / "bin" / "python"


def aiobotocore_python() -> Path:
    """The python of an environment with aiobotocore, which pins its own botocore."""
    folder, recipe = CACHE / "aiobotocore", "aiobotocore==3.10.0"
    _make(
        folder,
        f"{sys.version}\n{recipe}",
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", recipe],
    )
    return folder / "bin" / "python"


def javascript_sdk() -> Path:
    """The folder of `node_modules`."""
    return _packages("aws-sdk-js", HERE / "package.json")


def old_javascript_sdk() -> Path:
    """The same, with a version 3 that is too old to read the endpoint from the environment."""
    return _packages("old-aws-sdk-js", HERE / "old" / "package.json")


def go_program() -> Path:
    """`faces.go`, built with Debian's packages of Go and of version 2 of its SDK; GOPATH may name another place."""
    place = Path(os.environ.get("GOPATH", "/usr/share/gocode"))
    sdk = place / "src" / "github.com" / "aws" / "aws-sdk-go-v2" / "service" / "rekognition"
    if shutil.which("go") is None or not sdk.is_dir():
        pytest.skip("needs Go and its SDK: apt-get install golang-go golang-github-aws-aws-sdk-go-v2-dev")
    folder, recipe = CACHE / "aws-sdk-go", HERE / "faces.go"
    build = ["env", "GO111MODULE=off", f"GOPATH={place}", "CGO_ENABLED=0", "go", "build", "-o", "faces", recipe.name]
    _make(folder, recipe.read_text(encoding="utf-8"), build, copied=recipe)
    return folder / "faces"


def _packages(name: str, recipe: Path) -> Path:
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.fail(f"The JavaScript SDK is tested too: install Node 20 or newer with npm; there is no {tool}.")
    folder = CACHE / name
    quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _make(folder, recipe.read_text(encoding="utf-8"), ["npm", "install", *quiet], copied=recipe)
    return folder


def _make(folder: Path, recipe: str, *commands: list[str], copied: Path | None = None) -> None:
    """Fill the folder by these commands, unless it was filled by the same recipe before; one process at a time."""
    CACHE.mkdir(exist_ok=True)
    with file_lock(CACHE / f"{folder.name}.lock"):
        mark = folder / "made-from"
        if not mark.is_file() or mark.read_text(encoding="utf-8") != recipe:
            _fill(folder, commands, copied)
            mark.write_text(recipe, encoding="utf-8")


def _fill(folder: Path, commands: Sequence[list[str]], copied: Path | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if copied:
        shutil.copy(copied, folder)
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            pytest.fail(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
