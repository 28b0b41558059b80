"""As client.mjs, with aiobotocore; it runs in that package's own environment."""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64decode, b64encode
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

from aiobotocore.session import get_session
from botocore import xform_name
from botocore.exceptions import ClientError


def received(members: dict[str, Any]) -> Any:
    return b64decode(members["$bytes"]) if set(members) == {"$bytes"} else members


def wrapped(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"$date": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": b64encode(value).decode()}
    raise TypeError(f"no member of an answer: {value!r}")


async def answer(stack: AsyncExitStack, clients: dict[str, Any], question: dict[str, Any]) -> Any:
    access = question["access"]
    name = json.dumps(access)
    if name not in clients:
        clients[name] = await stack.enter_async_context(
            get_session().create_client(
                access["service"],
                endpoint_url=access["url"],
                region_name=access["region"],
                aws_access_key_id=access["key"],
                aws_secret_access_key=access["secret"],
                aws_session_token=access["token"],
            )
        )
    client, operation = clients[name], xform_name(question["operation"])
    if "pageSize" not in question:
        return await getattr(client, operation)(**question["parameters"])
    size = {"PageSize": question["pageSize"]}
    pages = client.get_paginator(operation).paginate(**question["parameters"], PaginationConfig=size)
    return [page async for page in pages]


async def main() -> None:
    clients: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                said = {"answer": await answer(stack, clients, json.loads(line, object_hook=received))}
            except ClientError as error:
                about = error.response
                said = {
                    "fault": {
                        "code": about["Error"]["Code"],
                        "message": about["Error"]["Message"],
                        "retries": about["ResponseMetadata"]["RetryAttempts"],
                    }
                }
            sys.stdout.write(json.dumps(said, default=wrapped) + "\n")
            sys.stdout.flush()


asyncio.run(main())
