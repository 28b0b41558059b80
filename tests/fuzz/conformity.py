"""What the service promises of an answer, checked with botocore's model and parser: none of the server's code."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from uuid import UUID

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.parsers import create_parser

from regard import errors

from .breakage import JSON_TYPES
from .caller import JSON, Answer
from .strategies import Request

SERVICE = ServiceModel(Loader().load_service_model("rekognition", "service-2", "2016-06-27"))

#: What may be answered before an operation is reached, whatever it is.
PROTOCOL = frozenset(
    error.code
    for error in (
        errors.IncompleteSignature,
        errors.InvalidSignature,
        errors.MissingAuthenticationToken,
        errors.UnrecognizedClient,
        errors.ExpiredToken,
        errors.UnknownOperation,
        errors.Serialization,
        errors.BrokenConstraint,
    )
)
#: What an operation that is not built says.
NOT_BUILT = errors.AccessDenied.code

#: Seconds within which everything is answered.
PATIENCE = 10.0
#: The inside of a program, which is nobody's business: tracebacks, files, Python's names, SQL.
INSIDE = re.compile(
    r"Traceback|File \\?\"|\.py\b|site-packages|<class|object at 0x|NoneType"
    r"|\b(?!InternalServer|Validation)[A-Z][a-z]+Error\b|ndarray|numpy|sqlalchemy|sqlite|onnx|\[SQL|\bPIL\b|/tmp/|/home/|/root/"
)


def faults(request: Request, answer: Answer, built: frozenset[str]) -> Iterator[str]:
    """Everything that is wrong with an answer, in words."""
    if answer.status >= 500:
        yield f"status {answer.status}"
    if answer.seconds > PATIENCE:
        yield f"{answer.seconds:.1f} s"
    text = answer.body.decode()
    if inside := INSIDE.search(text):
        yield f"the inside of the program: {text[max(0, inside.start() - 80) : inside.end() + 80]}"
    if answer.headers.get("content-type") != JSON:
        yield f"the content type {answer.headers.get('content-type')}"
    try:
        UUID(answer.headers.get("x-amzn-requestid", ""))
    except ValueError:
        yield "no request id"
    body = json.loads(text, parse_constant=_refuse, object_pairs_hook=_distinct)
    model = SERVICE.operation_model(request.operation)
    if answer.status == 200:
        yield from _result_faults(model, answer, body)
    else:
        yield from _error_faults(request, answer, body, built)
    if answer.status == 200 and request.refused:
        yield "taken, though the service model forbids it"
    if request.valid and request.operation in built and _invalid(answer, body):
        yield f"refused, though the service model allows it: {body['Message']}"


def _invalid(answer: Answer, body: dict[str, Any]) -> bool:
    return answer.status != 200 and (answer.code in PROTOCOL or " validation error" in body["Message"])


def _result_faults(model: OperationModel, answer: Answer, body: dict[str, Any]) -> Iterator[str]:
    parsed = create_parser(SERVICE.protocol).parse(
        {"status_code": answer.status, "headers": answer.headers, "body": answer.body}, model.output_shape
    )
    metadata = parsed.pop("ResponseMetadata")
    if metadata["RequestId"] != answer.headers["x-amzn-requestid"]:
        yield "botocore reads another request id"
    if parsed.keys() != body.keys():
        yield f"botocore reads {sorted(parsed)} in {sorted(body)}"
    yield from misfits(model.output_shape, body, model.name)


def _error_faults(request: Request, answer: Answer, body: dict[str, Any], built: frozenset[str]) -> Iterator[str]:
    modelled = {shape.name for shape in SERVICE.operation_model(request.operation).error_shapes}
    code = body.get("__type")
    if code not in modelled | PROTOCOL:
        yield f"{code}, which is not an error of {request.operation}"
    if request.operation not in built and code not in PROTOCOL | {NOT_BUILT}:
        yield f"{code} of an operation that is not built"
    if not isinstance(body.get("Message"), str) or len(body["Message"]) < 15:
        yield f"the message {body.get('Message')!r}"
    parsed = create_parser(SERVICE.protocol).parse(
        {"status_code": answer.status, "headers": answer.headers, "body": answer.body}, None
    )
    if (parsed["Error"]["Code"], parsed["Error"]["Message"]) != (code, body.get("Message")):
        yield f"botocore reads the error {parsed['Error']}"


def misfits(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Where JSON `value` is not what `shape` says; a list may be empty where one entry is asked for, as AWS does it."""
    if type(value) not in JSON_TYPES[shape.type_name]:
        yield f"{path} is {value!r:.60}, no {shape.type_name}"
        return
    if value != []:
        yield from (f"{path} is {value!r:.60}: {text}" for text in _breaches(shape.metadata, value))
    match shape.type_name:
        case "structure":
            yield from (f"{path}.{name} is missing" for name in shape.required_members if name not in value)
            yield from (f"{path}.{name} is no member" for name in value if name not in shape.members)
            for name in filter(value.__contains__, shape.members):
                yield from misfits(shape.members[name], value[name], f"{path}.{name}")
        case "list":
            for place, each in enumerate(value):
                yield from misfits(shape.member, each, f"{path}[{place}]")
        case "map":
            for key, each in value.items():
                yield from misfits(shape.key, key, f"{path}.key")
                yield from misfits(shape.value, each, f"{path}[{key}]")


def _breaches(rules: dict[str, Any], value: Any) -> Iterator[str]:
    size = value if isinstance(value, int | float) else len(value)
    if not rules.get("min", -math.inf) <= size <= rules.get("max", math.inf):
        yield f"not within {rules.get('min')} and {rules.get('max')}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"none of {rules['enum']}"
    # Java's \p{..} is not Python's; such patterns are for tags, which come back as they were sent.
    if "pattern" in rules and r"\p" not in rules["pattern"] and not re.fullmatch(rules["pattern"], value, re.A):
        yield f"not of the form {rules['pattern']}"


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is not JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), f"a member stands twice among {[name for name, _ in pairs]}"
    return dict(pairs)
