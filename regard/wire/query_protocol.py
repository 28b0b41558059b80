"""AWS Query: the operation and its input as a form, the answer as XML.

Source: Smithy 2.0 specification, "AWS Query protocol".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from regard.errors import InternalServerError, RegardError, Serialization, UnknownOperation
from regard.wire.schema import Operation, Schema, Shape
from regard.wire.service import Headers

FORM = b"application/x-www-form-urlencoded"
#: More parameters than any operation has, tags included.
MOST_FIELDS = 1000

Tree: TypeAlias = "dict[str, Tree | str]"
"""The parameters of a form by the steps of their dotted names; the leaves are text."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_POSITION = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
#: Characters that XML 1.0 cannot hold, escaped or not (section 2.2).
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: The codes and statuses that services of this protocol have for errors met before an operation: "Common error types",
#: IAM API Reference. Any other error keeps its own code.
_COMMON_ERRORS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "AccessDeniedException": ("AccessDenied", 403),
        "ExpiredTokenException": ("ExpiredToken", 403),
        "IncompleteSignatureException": ("IncompleteSignature", 400),
        "InternalServerError": ("InternalFailure", 500),
        "InvalidParameterException": ("ValidationError", 400),
        "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
        "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
        "ProvisionedThroughputExceededException": ("Throttling", 400),
        "SerializationException": ("MalformedInput", 400),
        "ThrottlingException": ("Throttling", 400),
        "UnknownOperationException": ("InvalidAction", 400),
        "ValidationException": ("ValidationError", 400),
        "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    }
)


class QueryProtocol:
    """The codec of a service whose clients send a form with `Action` and `Version`."""

    content_type = "text/xml"

    def __init__(self, schema: Schema) -> None:
        self._version = schema.version
        self._namespace = schema.namespace

    def claims(self, headers: Headers) -> bool:
        return b"x-amz-target" not in headers and _media_type(headers) == FORM

    def name(self, _: Headers, body: bytes | None, /) -> str | None:
        if body is None:
            return None
        form = _form(body)
        name, version = form.get("Action", ""), form.get("Version", "")
        if version != self._version:
            raise UnknownOperation(f"Could not find operation {name} for version {version}")
        return name

    def parse(self, operation: Operation, body: bytes) -> Mapping[str, Any]:
        tree, members = _tree(_form(body)), operation.input.members
        return {name: _read(member, tree[name], name) for name, member in members.items() if name in tree}

    def encode_result(self, operation: Operation, members: Mapping[str, Any], request_id: str) -> bytes:
        content = "".join(_members(operation.output, members))
        if operation.wrapper:
            content = _element(operation.wrapper, content)
        metadata = _element("ResponseMetadata", _element("RequestId", request_id))
        return self._document(f"{operation.name}Response", content + metadata)

    def encode_error(self, error: RegardError, request_id: str) -> tuple[int, bytes]:
        code, status = _COMMON_ERRORS.get(error.code, (error.code, error.status))
        culprit = "Receiver" if status >= InternalServerError.status else "Sender"
        content = _element("Type", culprit) + _element("Code", code) + _element("Message", _escaped(error.public))
        return status, self._document("ErrorResponse", _element("Error", content) + _element("RequestId", request_id))

    def _document(self, name: str, content: str) -> bytes:
        return f'<{name} xmlns="{self._namespace}">{content}</{name}>'.encode()


# -- a form in ---------------------------------------------------------------------------------------------------


def _media_type(headers: Headers) -> bytes:
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower()


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Serialization(f"The request body is not a form of at most {MOST_FIELDS} parameters in UTF-8") from error
    form = dict(pairs)
    if len(form) < len(pairs):
        raise Serialization("The request body has a parameter twice")
    return form


def _tree(form: Mapping[str, str]) -> Tree:
    tree: Tree = {}
    for name, value in form.items():
        *steps, last = name.split(".")
        branch: Tree | str = tree
        for step in steps:
            if isinstance(branch, str):
                break
            branch = branch.setdefault(step, {})
        if isinstance(branch, str) or last in branch:
            raise Serialization("The request body has a parameter both with and without parts")
        branch[last] = value
    return tree


def _read(shape: Shape, value: Tree | str, path: str) -> Any:
    if shape.type == "structure":
        if not isinstance(value, dict):
            raise Serialization(f"Value at '{path}' must have parts")
        return {name: _read(m, value[name], f"{path}.{name}") for name, m in shape.members.items() if name in value}
    if shape.type == "list":
        return _list(cast(Shape, shape.element), value, path)
    if not isinstance(value, str):
        raise Serialization(f"Value at '{path}' must not have parts")
    return _SCALARS[shape.type](value, path)


def _list(element: Shape, value: Tree | str, path: str) -> list[Any]:
    """The values at `member.1`, `member.2` and so on; an empty list is the name alone."""
    items = {} if value == "" else value.get("member") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(items, dict) or not all(_POSITION.fullmatch(position) for position in items):
        raise Serialization(f"Value at '{path}' must be a list: {path}.member.1 and so on")
    return [_read(element, items[n], f"{path}.{n}.member") for n in sorted(items, key=int)]


def _whole(text: str, path: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise Serialization(f"Value at '{path}' must be a whole number")
    return int(text)


#: The types of inputs of the Security Token Service.
_SCALARS: Mapping[str, Callable[[str, str], Any]] = MappingProxyType(
    {"string": lambda text, _: text, "integer": _whole}
)


# -- XML out -----------------------------------------------------------------------------------------------------


def _members(shape: Shape, value: Mapping[str, Any]) -> Iterator[str]:
    for name, item in value.items():
        if item is not None and name in shape.members:
            yield _element(name, _content(shape.members[name], item))


def _content(shape: Shape, value: Any) -> str:
    if shape.type == "structure":
        return "".join(_members(shape, value))
    if shape.type == "list":
        return "".join(_element("member", _content(cast(Shape, shape.element), item)) for item in value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return _escaped(str(value))


def _escaped(text: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", text))


def _element(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"
