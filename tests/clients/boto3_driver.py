from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError

from .drivers import Access, Driver, Fault


@dataclass(frozen=True, kw_only=True)
class Boto3(Driver):
    """boto3, in this process."""

    clients: dict[Access, Any]
    stack: ExitStack

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        method = getattr(self._client(), xform_name(operation))
        answer: dict[str, Any] = _faults(lambda: method(**parameters))
        return answer

    def pages(self, operation: str, size: int, **parameters: Any) -> list[dict[str, Any]]:
        paginator = self._client().get_paginator(xform_name(operation))
        return _faults(lambda: list(paginator.paginate(**parameters, PaginationConfig={"PageSize": size})))

    def _client(self) -> Any:
        access = self.access
        if access not in self.clients:
            client = boto3.client(
                access.service,  # type: ignore[call-overload]
                endpoint_url=access.url,
                region_name=access.region,
                aws_access_key_id=access.key,
                aws_secret_access_key=access.secret,
                aws_session_token=access.token,
            )
            self.stack.callback(client.close)
            self.clients[access] = client
        return self.clients[access]


def _faults(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except ClientError as error:
        said = error.response
        raise Fault(
            said["Error"]["Code"], said["Error"]["Message"], said["ResponseMetadata"]["RetryAttempts"]
        ) from error


@contextmanager
def boto3_driver(access: Access) -> Iterator[Boto3]:
    with ExitStack() as stack:
        yield Boto3(access=access, clients={}, stack=stack)
