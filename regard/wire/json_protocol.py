"""AWS JSON: the operation in a header, input and answer as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regard.errors import RegardError, Serialization, UnknownOperation
from regard.wire import json_body, serialize
from regard.wire.schema import Operation, Schema
from regard.wire.service import Headers


class JsonProtocol:
    """The codec of a service whose clients send `X-Amz-Target`."""

    def __init__(self, schema: Schema) -> None:
        self._target = schema.target.encode()
        self.content_type = f"application/x-amz-json-{schema.json_version}"
        self._accepted = {self.content_type, "application/x-amz-json-1.0", "application/json", ""}

    def claims(self, headers: Headers) -> bool:
        return headers.get(b"x-amz-target", b"").partition(b".")[0] == self._target

    def name(self, headers: Headers, _: bytes | None, /) -> str:
        target, _, name = headers.get(b"x-amz-target", b"").partition(b".")
        if target != self._target:
            raise UnknownOperation
        content_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
        if content_type not in self._accepted:
            raise Serialization(f"The Content-Type must be {self.content_type}, not {content_type}")
        return name.decode("latin-1")

    def parse(self, operation: Operation, body: bytes, /) -> Mapping[str, Any]:
        return json_body.parse(body, operation.most_values)

    def encode_result(self, operation: Operation, members: Mapping[str, Any], _: str, /) -> bytes:
        return serialize.encode_result(operation.output, members)

    def encode_error(self, error: RegardError, request_id: str, /) -> tuple[int, bytes]:
        return error.status, serialize.encode_error(error, request_id)
