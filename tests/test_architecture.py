"""The package keeps the rules of the house, which are themselves tried on made-up trees, so that they can fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from house_rules import LONGEST_FILE, RULES, House, faults

PACKAGE = Path(__file__).parent.parent / "regard"


# -- the house itself ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house() -> House:
    """The package, each file of it read once."""
    return House.at(PACKAGE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_every_rule(rule: Callable[[House], Iterator[str]], house: House) -> None:
    assert {"domain.faces", "vision.session", "store", ""} <= set(house.modules)
    assert list(rule(house)) == []


@pytest.mark.parametrize("around", ["tests", "benchmarks"])
def test_what_stands_around_it_has_no_long_file_either(around: str) -> None:
    files = list((PACKAGE.parent / around).rglob("*.py"))
    assert files
    assert [path for path in files if len(path.read_text().splitlines()) > LONGEST_FILE] == []


#: Imports every module named, and prints what that did beside importing. The libraries come first: what they do is
#: theirs, except for ONNX Runtime, which is told how to behave.
IMPORT_ALL = """
import importlib, json, sys, threading
import alembic.command, anyio, botocore.loaders, cryptography.hazmat.primitives.ciphers.aead, cv2, numpy, onnx
import PIL.Image, PIL.ImageDraw, prometheus_client, pybase64, rich.progress, sqlalchemy, starlette.applications, typer
import uvicorn
done = []
DEEDS = {"os.mkdir", "os.remove", "os.rename", "os.system", "socket.bind", "socket.connect", "sqlite3.connect",
         "subprocess.Popen"}
def watch(event, args):
    if event in DEEDS or (event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")):
        done.append([event, str(args[0])])
def start(thread):
    done.append(["thread", thread.name])
sys.addaudithook(watch)
threading.Thread.start = start
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(done))
"""


def test_importing_does_nothing(tmp_path: Path, house: House) -> None:
    # What Alembic runs, and what `python -m regard` runs, are scripts.
    names = [f"regard.{name}" for name in house.modules if name and name != "__main__" and "migrations" not in name]
    place = {name: str(tmp_path) for name in ("HOME", "REGARD_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
    finished = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT_ALL, json.dumps(names)],
        cwd=tmp_path,
        env={**os.environ, **place, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == []
    assert list(tmp_path.iterdir()) == []


# -- the checker, on houses made up for it ---------------------------------------------------------------------------

SOUND = {
    "__init__.py": "",
    "domain/__init__.py": "",
    "domain/faces.py": "import numpy as np\nfrom dataclasses import dataclass\n",
    "config/__init__.py": "",
    "config/settings.py": "import os\nfrom regard.domain.faces import x\nHOME = os.environ\n",
    "vision/__init__.py": "",
    "vision/session.py": "import onnxruntime as ort\nfrom regard.domain.faces import x\n",
    "media/__init__.py": "",
    "media/picture.py": "from PIL import Image\n",
    "engine/__init__.py": "",
    "engine/analysis/__init__.py": "",
    "engine/analysis/analyzer.py": "from regard.vision import session\nfrom . import watcher\n",
    "engine/analysis/watcher.py": "from ...media.picture import decode\n",
    "errors.py": "",
    "store/__init__.py": "",
    "wire/__init__.py": "",
    "index/__init__.py": "",
    "index/milvus/__init__.py": "",
    "index/milvus/y.py": "",
    "cli.py": "from regard.engine.analysis.analyzer import Analyzer\n",
}


def build(root: Path, files: Mapping[str, str]) -> House:
    for name, text in files.items():
        path = root / "regard" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return House.at(root / "regard")


def test_a_sound_house_has_no_faults(tmp_path: Path) -> None:
    assert faults(build(tmp_path, SOUND)) == []


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("vision/session.py", "from regard.media.picture import decode", "vision.session imports media.picture"),
        ("vision/session.py", "from ..media import picture", "vision.session imports media.picture"),
        (
            "vision/session.py",
            "import regard.engine.analysis.watcher",
            "vision.session imports engine.analysis.watcher",
        ),
        ("domain/faces.py", "from regard import no_such_thing", "domain.faces imports the package itself"),
        ("domain/faces.py", "if 0:\n from regard.media import picture", "domain.faces imports media.picture"),
        (
            "wire/endpoint.py",
            "from regard.engine.analysis import analyzer",
            "wire.endpoint imports engine.analysis.analyzer",
        ),
        ("operations/tags.py", "from regard.media import picture", "operations.tags imports media.picture"),
        ("operations/tags.py", "from regard.wire import errors", "operations.tags imports wire"),
        ("attic/box.py", "", "attic.box: the room 'attic' stands on no floor"),
        ("engine/analysis/watcher.py", "from regard.engine.analysis.analyzer import FaceAnalyzer", "a cycle: "),
        ("vision/embedder.py", "import onnxruntime", "vision.embedder is no door for onnxruntime"),
        ("vision/embedder.py", "import onnxruntime.capi as c", "vision.embedder is no door for onnxruntime"),
        ("vision/zoo.py", "import fcntl", "vision.zoo is no door for fcntl"),
        ("domain/faces.py", "import attrs", "domain.faces is no door for attrs"),
        (
            "engine/analysis/watcher.py",
            "import os\nx = os.environ['X']",
            "engine.analysis.watcher touches the environment",
        ),
        ("engine/analysis/watcher.py", "from os import getenv", "engine.analysis.watcher touches the environment"),
        ("vision/picture.py", "", "media.picture and vision.picture have one basename"),
        ("index/embedded/x.py", "from regard.index.milvus import y", "index.embedded.x imports index.milvus.y"),
        (
            "engine/work/x.py",
            "from regard.engine.analysis import watcher",
            "engine.work.x imports engine.analysis.watcher",
        ),
        ("commands/x.py", "from regard.store import rows", "commands.x imports store"),
        ("wire/x.py", "from regard.accountability import keys", "wire.x imports accountability"),
        ("engine/analysis/wide.py", "class C:\n" + " x = 0\n" * 220, "engine.analysis.wide.C has more than 220 lines"),
        ("engine/analysis/long.py", "\n" * 401, "engine.analysis.long has 401 lines"),
        ("engine/analysis/long.py", "def f():\n" + " 0\n" * 60, "engine.analysis.long.f has more than 60 lines"),
        ("engine/analysis/late.py", "def f():\n import json", "engine.analysis.late imports json inside a function"),
        (
            "engine/analysis/greedy.py",
            "try: 0\nexcept Exception: 1\n" * 8,
            "everything is caught in engine.analysis.greedy:2",
        ),
        ("engine/analysis/way_round.py", "x = gate.Grant(1, 2, 3)", "engine.analysis.way_round makes a Grant"),
    ],
)
def test_a_broken_rule_is_seen(tmp_path: Path, file: str, text: str, said: str) -> None:
    found = faults(build(tmp_path, SOUND | {file: text}))
    assert len(found) == 1
    assert found[0].startswith(said)


@pytest.mark.parametrize(
    "deed", ["open('x', 'w')", "import threading; threading.Thread(target=int).start()", "import os; os.mkdir('y')"]
)
def test_the_watch_at_the_imports_sees_what_they_do(tmp_path: Path, deed: str) -> None:
    (tmp_path / "busy.py").write_text(deed)
    finished = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT_ALL, '["busy"]'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert len(json.loads(finished.stdout)) == 1
