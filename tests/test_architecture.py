"""The floors of the house, proved from the imports. `faults` is itself tried on made-up trees, so that it can fail."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "regard"

GROUND = frozenset({"domain", "errors", "config"})
FIRST = frozenset({"vision", "media", "store", "telemetry"})
TOP = frozenset({"app", "cli", "commands", "__main__"})
BELOW_TOP = GROUND | FIRST | {"accountability", "engine", "wire", "operations", "console"}
#: What each room may import, beside itself.
FLOORS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(GROUND, GROUND),
    **dict.fromkeys(FIRST, GROUND),
    "accountability": GROUND | FIRST,
    "engine": GROUND | FIRST | {"accountability"},
    "wire": GROUND,
    "operations": GROUND | {"accountability", "engine"},
    "console": GROUND | {"accountability", "engine"},
    **dict.fromkeys(TOP, BELOW_TOP | TOP),
}

#: Every library and the doors it comes in by: modules, or whole rooms.
DOORS: Mapping[str, frozenset[str]] = {
    "alembic": frozenset({"store"}),
    "anyio": frozenset({"wire.endpoint"}),
    "botocore": frozenset({"wire.schema", "media.s3_blobs"}),
    "faiss": frozenset({"store.scanner"}),
    "grpc": frozenset({"store.milvus_client"}),
    "cryptography": frozenset({"accountability.seal"}),
    "cv2": frozenset({"vision.geometry"}),
    "onnx": frozenset({"vision.graph"}),
    "onnxruntime": frozenset({"vision.session"}),
    "opentelemetry": frozenset({"telemetry.traces"}),
    "orjson": frozenset({"wire.document", "wire.serialize"}),
    "PIL": frozenset({"media"}),
    "pyarrow": frozenset({"media.parquet"}),
    "prometheus_client": frozenset({"telemetry.metrics"}),
    "pybase64": frozenset({"wire.validate"}),
    "pymilvus": frozenset({"store.milvus_client"}),
    "ray": frozenset({"engine.ray_workers"}),
    "rich": frozenset({"cli", "commands"}),
    "sqlalchemy": frozenset({"store"}),
    "starlette": frozenset({"wire.endpoint", "app"}),
    "threadpoolctl": frozenset({"app"}),
    "typer": frozenset({"cli", "commands"}),
    "uvicorn": frozenset({"cli", "commands"}),
}
EVERYWHERE = sys.stdlib_module_names | {"numpy"}

#: `config` reads it; `vision.session` must silence ONNX Runtime's telemetry before that library loads.
TOUCH_ENVIRONMENT = frozenset({"config", "vision.session"})

#: (module, what it imports inside a function), each with its reason.
LATE_IMPORTS: frozenset[tuple[str, str]] = frozenset(
    # OpenTelemetry is an extra: it is there only for who wants traces.
    ("telemetry.traces", f"opentelemetry{name}")
    for name in ("", ".exporter.otlp.proto.http.trace_exporter", ".sdk.resources", ".sdk.trace", ".sdk.trace.export")
) | {
    # So is Ray, for who has a cluster.
    ("engine.ray_workers", "ray"),
    # So is pyarrow, for who moves collections.
    ("media.parquet", "pyarrow"),
    ("media.parquet", "pyarrow.parquet"),
    # And pymilvus with its gRPC, for who has a Milvus.
    ("store.milvus_client", "grpc"),
    ("store.milvus_client", "pymilvus"),
}

#: A migration is a list of tables, read once and never changed.
MIGRATIONS = "store.migrations.versions."
LONGEST_FILE, LONGEST_FUNCTION, CATCH_ALLS = 400, 60, 6
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Module:
    """One file: its dotted name below the package ("vision.session"; "" is the package itself) and what is in it."""

    name: str
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


@dataclass(frozen=True)
class House:
    """A package's modules by name."""

    name: str
    modules: Mapping[str, Module]

    @classmethod
    def at(cls, root: Path) -> House:
        found = {}
        for path in sorted(root.rglob("*.py")):
            steps = path.relative_to(root).with_suffix("").parts
            name = ".".join(steps[:-1] if steps[-1] == "__init__" else steps)
            found[name] = Module(name, path)
        return cls(root.name, found)

    def imports(self, module: Module, tree: ast.AST | None = None) -> set[str]:
        """Full names of what a module imports, submodules by their own name: "regard.store.database", "PIL.Image"."""
        names: set[str] = set()
        for node in ast.walk(tree or module.tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = self._base(module, node)
                names |= {self._deepest(base, alias.name) for alias in node.names}
        return names

    def inside(self, module: Module) -> set[str]:
        """The modules of this package that `module` imports, by their name below the package."""
        mine = {name for name in self.imports(module) if name.split(".")[0] == self.name}
        return {name[len(self.name) + 1 :] for name in mine}

    def outside(self, module: Module) -> set[str]:
        """The libraries that `module` imports."""
        return {name.split(".")[0] for name in self.imports(module)} - {self.name}

    def _base(self, module: Module, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = [self.name, *filter(None, module.name.split("."))]
        above = node.level - module.is_package
        return ".".join([*package[: len(package) - above], *filter(None, [node.module])])

    def _deepest(self, base: str, name: str) -> str:
        submodule = f"{base}.{name}"
        return submodule if submodule[len(self.name) + 1 :] in self.modules else base


# -- the rules: each yields its faults in words ----------------------------------------------------------------------


def floors(house: House) -> Iterator[str]:
    for module in house.modules.values():
        if module.room and module.room not in FLOORS:
            yield f"{module.name}: the room {module.room!r} stands on no floor"
            continue
        allowed = FLOORS.get(module.room, frozenset()) | {module.room}
        for name in sorted(house.inside(module)):
            if name.split(".")[0] not in allowed:
                yield f"{module.name} imports {name or 'the package itself'}"


def cycles(house: House) -> Iterator[str]:
    graph = {name: house.inside(module) - {name} for name, module in house.modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"a cycle: {' -> '.join(error.args[1])}"


def doors(house: House) -> Iterator[str]:
    for module in house.modules.values():
        for library in sorted(house.outside(module) - EVERYWHERE):
            if not {module.name, module.room} & DOORS.get(library, frozenset()):
                yield f"{module.name} is no door for {library}"


def environment(house: House) -> Iterator[str]:
    for module in house.modules.values():
        touched = {node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
        named = {
            alias.name for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom) for alias in node.names
        }
        if module.name not in TOUCH_ENVIRONMENT and (touched | named) & {"environ", "getenv", "environb", "putenv"}:
            yield f"{module.name} touches the environment"


def basenames(house: House) -> Iterator[str]:
    places = defaultdict(list)
    for name, module in house.modules.items():
        if not module.is_package:
            places[module.path.stem].append(name)
    yield from (f"{' and '.join(names)} have one basename" for names in places.values() if len(names) > 1)


def sizes(house: House) -> Iterator[str]:
    for module in house.modules.values():
        lines = len(module.text.splitlines())
        if lines > LONGEST_FILE:
            yield f"{module.name} has {lines} lines"
        if module.name.startswith(MIGRATIONS):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, FUNCTIONS) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION:
                yield f"{module.name}.{node.name} has more than {LONGEST_FUNCTION} lines"


def late_imports(house: House) -> Iterator[str]:
    for module in house.modules.values():
        for function in ast.walk(module.tree):
            if isinstance(function, (*FUNCTIONS, ast.Lambda)):
                for name in sorted(house.imports(module, function)):
                    if (module.name, name) not in LATE_IMPORTS:
                        yield f"{module.name} imports {name} inside a function"


def catch_alls(house: House) -> Iterator[str]:
    places = [
        f"{module.name}:{node.lineno}"
        for module in house.modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) in _EVERYTHING)
    ]
    if len(places) > CATCH_ALLS:
        yield f"everything is caught in {', '.join(places)}"


_EVERYTHING = {"Exception", "BaseException"}
RULES: tuple[Callable[[House], Iterator[str]], ...] = (
    floors,
    cycles,
    doors,
    environment,
    basenames,
    sizes,
    late_imports,
    catch_alls,
)


def faults(house: House) -> list[str]:
    return [fault for rule in RULES for fault in rule(house)]


# -- the house itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_every_rule(rule: Callable[[House], Iterator[str]]) -> None:
    house = House.at(PACKAGE)
    assert {"domain", "vision.session", "store", "app", ""} <= set(house.modules)
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


def test_importing_does_nothing(tmp_path: Path) -> None:
    house = House.at(PACKAGE)
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
    "domain.py": "import numpy as np\nfrom dataclasses import dataclass\n",
    "config.py": "import os\nfrom regard.domain import x\nHOME = os.environ\n",
    "vision/__init__.py": "",
    "vision/session.py": "import onnxruntime as ort\nfrom regard.domain import x\n",
    "media/__init__.py": "",
    "media/picture.py": "from PIL import Image\n",
    "engine/__init__.py": "",
    "engine/analyzer.py": "from regard.vision import session\nfrom . import watcher\n",
    "engine/watcher.py": "from ..media.picture import decode\n",
    "errors.py": "",
    "app.py": "from regard.engine.analyzer import Analyzer\n",
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
        ("vision/session.py", "import regard.engine.watcher", "vision.session imports engine.watcher"),
        ("domain.py", "from regard import errors, no_such_thing", "domain imports the package itself"),
        ("domain.py", "if 0:\n from regard.media import picture", "domain imports media.picture"),
        ("wire/endpoint.py", "from regard.engine import analyzer", "wire.endpoint imports engine.analyzer"),
        ("operations/tags.py", "from regard.media import picture", "operations.tags imports media.picture"),
        ("operations/tags.py", "from regard.wire import errors", "operations.tags imports wire"),
        ("attic/box.py", "", "attic.box: the room 'attic' stands on no floor"),
        ("engine/watcher.py", "from regard.engine.analyzer import Analyzer", "a cycle: "),
        ("vision/embedder.py", "import onnxruntime", "vision.embedder is no door for onnxruntime"),
        ("vision/embedder.py", "import onnxruntime.capi as c", "vision.embedder is no door for onnxruntime"),
        ("domain.py", "import attrs", "domain is no door for attrs"),
        ("engine/watcher.py", "import os\nx = os.environ['X']", "engine.watcher touches the environment"),
        ("engine/watcher.py", "from os import getenv", "engine.watcher touches the environment"),
        ("engine/picture.py", "", "engine.picture and media.picture have one basename"),
        ("engine/long.py", "\n" * 401, "engine.long has 401 lines"),
        ("engine/long.py", "def f():\n" + " 0\n" * 60, "engine.long.f has more than 60 lines"),
        ("engine/late.py", "def f():\n import json", "engine.late imports json inside a function"),
        ("engine/greedy.py", "try: 0\nexcept Exception: 1\n" * 7, "everything is caught in engine.greedy:2"),
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
