"""The service models, read once from botocore's data: operations, shapes and errors, never retyped by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Self

from botocore.loaders import Loader

from regard.wire.patterns import Pattern, from_java

#: The services that are spoken, with the version of the model of each.
VERSIONS: Mapping[str, str] = MappingProxyType({"rekognition": "2016-06-27", "sts": "2011-06-15"})

Raw = Mapping[str, Any]

#: Entries of a list whose model sets no bound; the longest that has one is of 4,096.
_UNBOUNDED_ENTRIES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """One type of the model, with its members resolved.

    `type` is structure, list, map, string, blob, integer, long, float, double, boolean or timestamp. `min` and `max`
    bound the value of a number and the length of anything else (characters, decoded bytes, entries). `element` is the
    shape of what a list or a map holds; `key` that of a map's keys.
    """

    name: str
    type: str
    members: Mapping[str, Shape] = field(default_factory=lambda: MappingProxyType({}))
    required: tuple[str, ...] = ()
    element: Shape | None = None
    key: Shape | None = None
    min: float | None = None
    max: float | None = None
    pattern: Pattern | None = None
    enum: tuple[str, ...] = ()
    union: bool = False
    exception: bool = False

    @property
    def parts(self) -> Iterator[Shape]:
        """The shapes directly inside this one."""
        yield from self.members.values()
        yield from (inner for inner in (self.key, self.element) if inner is not None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """What a client may call: its input, its output, and the names of the errors it may answer with.

    `wrapper` is the XML element around a result, in a protocol that has one.
    """

    name: str
    input: Shape
    output: Shape
    errors: tuple[str, ...]
    wrapper: str = ""

    @property
    def takes_blob(self) -> bool:
        """Whether its input may hold a picture, or other bytes."""
        return _holds_blob(self.input)

    @property
    def most_values(self) -> int:
        """More values, at any depth, than a valid input has."""
        return _most_values(self.input)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schema:
    """The whole model of a service; `service` is the name that signatures are scoped to.

    In AWS JSON, every X-Amz-Target begins with `target` and the Content-Type ends with `json_version`. In AWS Query,
    `namespace` is that of the XML.
    """

    service: str
    version: str
    target: str = ""
    json_version: str = ""
    namespace: str = ""
    operations: Mapping[str, Operation]
    shapes: Mapping[str, Shape]

    @classmethod
    def from_model(cls, model: Raw) -> Self:
        """Build from the parsed service description (the format of botocore's service-2.json)."""
        shapes: dict[str, Shape] = {}
        for name in model["shapes"]:
            _resolve(name, model["shapes"], shapes)
        metadata = model["metadata"]
        return cls(
            service=metadata.get("signingName", metadata["endpointPrefix"]),
            version=metadata["apiVersion"],
            target=metadata.get("targetPrefix", ""),
            json_version=metadata.get("jsonVersion", ""),
            namespace=metadata.get("xmlNamespace", ""),
            operations=MappingProxyType({name: _operation(raw, shapes) for name, raw in model["operations"].items()}),
            shapes=MappingProxyType(shapes),
        )

    @property
    def errors(self) -> frozenset[str]:
        """The names of the modelled exceptions."""
        return frozenset(name for name, shape in self.shapes.items() if shape.exception)


@cache
def load(service: str = "rekognition") -> Schema:
    """The model that comes with the installed botocore; a customised one in `~/.aws/models` is ignored."""
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    return Schema.from_model(loader.load_service_model(service, "service-2", VERSIONS[service]))


def _operation(raw: Raw, shapes: Mapping[str, Shape]) -> Operation:
    nothing = Shape(name="Nothing", type="structure")
    return Operation(
        name=raw["name"],
        input=shapes[raw["input"]["shape"]] if "input" in raw else nothing,
        output=shapes[raw["output"]["shape"]] if "output" in raw else nothing,
        errors=tuple(error["shape"] for error in raw.get("errors", ())),
        wrapper=raw.get("output", {}).get("resultWrapper", ""),
    )


def _resolve(name: str, raws: Mapping[str, Raw], shapes: dict[str, Shape]) -> Shape:
    """The shape called `name`, built after what it refers to. No shape of these services refers to itself."""
    if name in shapes:
        return shapes[name]
    raw = raws[name]
    inner = {role: _resolve(raw[role]["shape"], raws, shapes) for role in ("member", "key", "value") if role in raw}
    members = {member: _resolve(to["shape"], raws, shapes) for member, to in raw.get("members", {}).items()}
    shape = Shape(
        name=name,
        type=raw["type"],
        members=MappingProxyType(members),
        required=tuple(raw.get("required", ())),
        element=inner.get("member", inner.get("value")),
        key=inner.get("key"),
        min=raw.get("min"),
        max=raw.get("max"),
        pattern=from_java(raw["pattern"]) if "pattern" in raw else None,
        enum=tuple(raw.get("enum", ())),
        union=raw.get("union", False),
        exception=raw.get("exception", False),
    )
    shapes[name] = shape
    return shape


@cache
def _holds_blob(shape: Shape) -> bool:
    return shape.type == "blob" or any(map(_holds_blob, shape.parts))


@cache
def _most_values(shape: Shape) -> int:
    """How many values a value of `shape` may have inside it, itself included."""
    entries = 1 if shape.type == "structure" else min(shape.max or _UNBOUNDED_ENTRIES, _UNBOUNDED_ENTRIES)
    return 1 + int(entries) * sum(map(_most_values, shape.parts))
