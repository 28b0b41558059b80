"""A witness as an application: `POST /add-checkpoint` (C2SP tlog-witness)."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regard.accountability.ledger.witness import LONGEST_REQUEST_BYTES
from regard.bootstrap.ledger import witness_of
from regard.config.settings import Settings


def witness_application(settings: Settings, name: str, logs: list[str]) -> tuple[Starlette, list[str]]:
    """The application and its public keys. Raises SettingsError for a log's key that is none."""
    witness, keys = witness_of(settings, name, logs)

    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_REQUEST_BYTES:
                return Response("The request is too long.\n", status_code=413)
        answer = await run_in_threadpool(witness.add_checkpoint, bytes(body))
        return Response(answer.text, status_code=answer.status, headers={"Content-Type": answer.content_type})

    return Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])]), keys
