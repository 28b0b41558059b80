"""The rules of the house, each proved from the imports; `test_architecture.py` holds the package to them."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

#: Rooms by floor, the lowest first. A room is a folder of the package, or one of the files at its top; a folder within
#: a folder is a room of its own where it stands here by name. A room may import itself and every floor below.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("domain", "errors", "files"),
    ("config",),
    ("vision", "media", "store", "index", "telemetry", "edge"),
    ("sync", "accountability"),
    ("engine.analysis", "engine.work"),
    ("engine.galleries", "engine.jobs"),
    ("engine.transfer", "engine.bulk", "engine.video"),
    ("wire", "operations", "api", "console"),
    ("bootstrap",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
#: What a room may not import although it stands below: it would go round what is in between.
BARRED: Mapping[str, frozenset[str]] = {
    "config": frozenset({"files"}),
    "sync": frozenset({"vision", "media", "telemetry", "edge"}),
    "accountability": frozenset({"vision", "media", "index", "edge", "telemetry"}),
    "engine.work": frozenset({"vision", "media", "index", "edge", "telemetry", "sync"}),
    "engine.jobs": frozenset({"vision", "media", "index", "edge", "telemetry", "sync", "engine.analysis"}),
    "wire": frozenset(
        {"vision", "media", "store", "index", "telemetry", "sync", "accountability", "files"}
        | {"engine.analysis", "engine.work", "engine.galleries", "engine.transfer", "engine.bulk"}
        | {"engine.jobs", "engine.video"}
    ),
    "operations": frozenset({"vision", "media", "store", "index", "sync", "telemetry", "edge"}),
    "api": frozenset({"vision", "media", "store", "index", "sync", "telemetry"}),
    "commands": frozenset({"store", "index", "sync", "wire"}),
}
#: Rooms within a room that do not know each other; what holds them may know them, and they it.
SIBLINGS: Mapping[str, frozenset[str]] = {
    "index": frozenset({"index.embedded", "index.milvus"}),
    "vision": frozenset({"vision.faces", "vision.images", "vision.conversion"}),
}

#: Every library and the doors it comes in by: modules, or whole rooms.
DOORS: Mapping[str, frozenset[str]] = {
    "alembic": frozenset({"store"}),
    "authlib": frozenset({"accountability.openid"}),
    "argon2": frozenset({"accountability.passwords"}),
    "anyio": frozenset({"edge.arrivals", "edge.body", "edge.request_pipeline", "edge.turns"}),
    "botocore": frozenset({"wire.schema", "media.s3_blobs", "engine.jobs.sns_target"}),
    "fcntl": frozenset({"files"}),
    "joserfc": frozenset({"accountability.openid"}),
    "fastapi": frozenset({"api", "bootstrap.native_api"}),
    "faiss": frozenset({"index.embedded.fast_scan"}),
    "jinja2": frozenset({"accountability.reports.rendering", "commands.video_page"}),
    "weasyprint": frozenset({"accountability.reports.rendering"}),
    "h11": frozenset({"edge.http_framing", "edge.http_protocol"}),
    "grpc": frozenset({"index.milvus.milvus_client"}),
    "cryptography": frozenset(
        {
            "accountability.secret_box",
            "accountability.ledger.ledger_verification",
            "accountability.ledger.signed_notes",
        }
    ),
    "av": frozenset({"media.pyav_clip", "media.pyav_frame", "media.pyav_sound"}),
    "cv2": frozenset({"media.opencv_clip", "vision.geometry", "vision.quadrilaterals"}),
    "onnx": frozenset({"vision.graph", "vision.quantisation", "vision.conversion.onnx_graph"}),
    "onnxruntime": frozenset({"vision.session"}),
    "opentelemetry": frozenset({"telemetry.traces"}),
    "orjson": frozenset({"accountability.ledger.entry", "store.result_bodies", "wire.json_body", "wire.serialize"}),
    "PIL": frozenset({"media"}),
    "pyarrow": frozenset({"media.parquet"}),
    "pi_heif": frozenset({"media.picture_conversion"}),
    "prometheus_client": frozenset({"telemetry.metrics"}),
    "pybase64": frozenset({"wire.validate"}),
    "pydantic": frozenset(
        {"api", "config", "vision.cards", "edge.rates", "engine.galleries.celebrity_names", "engine.transfer.manifest"}
        | {"accountability.permissions", "accountability.profiles.rules", "store.evaluation_rows", "store.job_rows"}
        | {"vision.conversion.keras", "vision.conversion.tensorflow_js", "vision.conversion.tensorflow_nodes"}
        | {"vision.images.label_confidence", "vision.images.taxonomy", "commands.remote.server_client"}
    ),
    "pymilvus": frozenset({"index.milvus.milvus_client"}),
    "pyotp": frozenset({"accountability.one_time_codes"}),
    "ray": frozenset({"engine.work.ray_pool"}),
    "rich": frozenset({"cli", "commands"}),
    "sqlalchemy": frozenset({"store"}),
    "starlette": frozenset({"api", "wire.endpoint", "bootstrap.http", "bootstrap.console", "bootstrap.witness"}),
    "threadpoolctl": frozenset({"bootstrap.threads"}),
    "typer": frozenset({"cli", "commands"}),
    "types_boto3_rekognition": frozenset({"operations"}),
    "urllib3": frozenset({"accountability.openid", "commands.remote.server_client"}),
    "webauthn": frozenset({"accountability.passkeys"}),
    "uvicorn": frozenset({"edge.http_server", "edge.http_protocol"}),
}
HEIGHTS: Mapping[str, int] = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
EVERYWHERE = (sys.stdlib_module_names | {"numpy"}) - {"fcntl"}

#: `config` reads it; `vision.session` must silence ONNX Runtime's telemetry before that library loads.
TOUCH_ENVIRONMENT = frozenset({"config.settings", "vision.session"})

#: (module, what it imports inside a function), each with its reason.
LATE_IMPORTS: frozenset[tuple[str, str]] = frozenset(
    # OpenTelemetry is an extra: it is there only for who wants traces.
    ("telemetry.traces", f"opentelemetry{name}")
    for name in ("", ".exporter.otlp.proto.http.trace_exporter", ".sdk.resources", ".sdk.trace", ".sdk.trace.export")
) | {
    # So is Ray, for who has a cluster.
    ("engine.work.ray_pool", "ray"),
    # So is pyarrow, for who moves collections.
    ("media.parquet", "pyarrow"),
    ("media.parquet", "pyarrow.compute"),
    ("media.parquet", "pyarrow.parquet"),
    # So is the decoder of HEIC, for who has pictures from a phone.
    ("media.picture_conversion", "pi_heif"),
    # So is PyAV, for who has videos.
    ("media.clip", "regard.media.pyav_clip"),
    # So is WeasyPrint, for who wants PDF.
    ("accountability.reports.rendering", "weasyprint"),
    ("accountability.reports.rendering", "weasyprint.urls"),
    # So is authlib, for who has an identity provider.
    ("accountability.openid", "authlib.oidc.core"),
    ("accountability.openid", "joserfc"),
    ("accountability.openid", "joserfc.errors"),
    ("accountability.openid", "joserfc.jwk"),
    # And pymilvus with its gRPC, for who has a Milvus.
    ("index.milvus.milvus_client", "grpc"),
    ("index.milvus.milvus_client", "pymilvus"),
}

#: A migration is a list of tables, read once and never changed.
MIGRATIONS = "store.migrations.versions."
LONGEST_FILE, LONGEST_CLASS, LONGEST_FUNCTION, CATCH_ALLS = 400, 220, 60, 7
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
        return room_of(self.name)

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


def room_of(name: str) -> str:
    """The room that a module stands in: the deepest that FLOORS knows, else the folder at the top."""
    steps = name.split(".")
    known = (".".join(steps[:deep]) for deep in range(len(steps), 0, -1))
    return next((room for room in known if room in HEIGHTS), steps[0])


def floors(house: House) -> Iterator[str]:
    for module in house.modules.values():
        if not module.name or (module.is_package and not module.text.strip()):
            continue
        if module.room not in HEIGHTS:
            yield f"{module.name}: the room {module.room!r} stands on no floor"
            continue
        for name in sorted(house.inside(module)):
            if not _may_import(module.room, name):
                yield f"{module.name} imports {name or 'the package itself'}"


def _may_import(room: str, name: str) -> bool:
    other = room_of(name)
    if other == room:
        return True
    return other in HEIGHTS and HEIGHTS[other] < HEIGHTS[room] and other not in BARRED.get(room, frozenset())


def siblings(house: House) -> Iterator[str]:
    for module in house.modules.values():
        for family in SIBLINGS.values():
            mine = next((room for room in family if module.name.startswith(f"{room}.")), None)
            for name in sorted(house.inside(module)) if mine else ():
                if any(name.startswith(f"{other}.") for other in family - {mine}):
                    yield f"{module.name} imports {name}"


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
    """A basename once on a floor."""
    places = defaultdict(list)
    for name, module in house.modules.items():
        if not module.is_package and not name.startswith(("store.migrations", "store.tables")):
            places[HEIGHTS.get(module.room), module.path.stem].append(name)
    yield from (f"{' and '.join(names)} have one basename" for names in places.values() if len(names) > 1)


def sizes(house: House) -> Iterator[str]:
    for module in house.modules.values():
        lines = len(module.text.splitlines())
        if lines > LONGEST_FILE:
            yield f"{module.name} has {lines} lines"
        if module.name.startswith(MIGRATIONS):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= LONGEST_CLASS:
                yield f"{module.name}.{node.name} has more than {LONGEST_CLASS} lines"
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


def grants(house: House) -> Iterator[str]:
    """Only the gate makes a Grant, so that whatever holds one has passed the gate."""
    for module in house.modules.values():
        called = (node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call))
        if module.name != "accountability.gate" and any(ast.unparse(each).split(".")[-1] == "Grant" for each in called):
            yield f"{module.name} makes a Grant"


_EVERYTHING = {"Exception", "BaseException"}
RULES: tuple[Callable[[House], Iterator[str]], ...] = (
    floors,
    siblings,
    cycles,
    doors,
    environment,
    basenames,
    sizes,
    late_imports,
    catch_alls,
    grants,
)


def faults(house: House) -> list[str]:
    return [fault for rule in RULES for fault in rule(house)]
