"""Who may call, what the server does not do yet, and whether it is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import pytest
from botocore.config import Config
from people import encoded, nobody

Refused = Callable[..., tuple[str, str]]


def test_a_wrong_key_and_a_wrong_secret_have_awss_own_errors(live: Any, refused: Refused) -> None:
    stranger = live.client(aws_access_key_id="AKIAIOSFODNN7EXAMPLE")
    assert refused(stranger.list_collections)[0] == "UnrecognizedClientException"
    guesser = live.client(aws_secret_access_key="not the secret")
    assert refused(guesser.list_collections)[0] == "InvalidSignatureException"
    traveller = live.client(region_name="eu-west-1")
    assert refused(traveller.list_collections)[0] == "InvalidSignatureException"
    visitor = live.client(aws_session_token="a token nobody gave")
    assert refused(visitor.list_collections)[0] == "UnrecognizedClientException"


def test_a_revoked_key_is_a_stranger(live: Any, refused: Refused) -> None:
    key, secret = live.engine.access_keys.create("leaver")
    leaver = live.client(aws_access_key_id=key, aws_secret_access_key=secret)
    leaver.list_collections()
    live.engine.access_keys.revoke(key)
    assert refused(leaver.list_collections)[0] == "UnrecognizedClientException"


@pytest.mark.parametrize(("minutes", "words"), [(-10, "Signature expired"), (10, "Signature not yet current")])
def test_a_clients_wrong_clock_is_told(
    live: Any, refused: Refused, monkeypatch: pytest.MonkeyPatch, minutes: int, words: str
) -> None:
    client = live.client()
    wrong = (datetime.now(UTC) + timedelta(minutes=minutes)).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: wrong)
    code, message = refused(client.list_collections)
    assert code == "InvalidSignatureException"
    assert message.startswith(words)


def test_an_operation_that_is_not_provided_says_so(client: Any, refused: Refused) -> None:
    code, message = refused(client.start_stream_processor, Name="front-door")
    assert (code, message) == ("AccessDeniedException", "This server does not provide StartStreamProcessor yet.")


def test_an_operation_that_nobody_knows_is_unknown(live: Any, refused: Refused) -> None:
    client = live.client()
    client.meta.events.register(
        "before-sign.rekognition.ListCollections",
        lambda request, **_: request.headers.replace_header("X-Amz-Target", "RekognitionService.ReadMinds"),
    )
    assert refused(client.list_collections)[0] == "UnknownOperationException"


def test_a_client_as_people_have_it_works_too(live: Any) -> None:
    client = live.client(config=Config())
    assert client.detect_faces(Image={"Bytes": encoded(nobody())})["FaceDetails"] == []
    with pytest.raises(client.exceptions.InvalidImageFormatException):
        client.detect_faces(Image={"Bytes": b"no picture"})


def test_the_server_is_live_and_ready(live: Any) -> None:
    assert live.get("/health/live") == (200, {"status": "live"})
    assert live.get("/health/ready") == (200, {"status": "ready"})


def test_a_server_without_models_is_live_but_not_ready(bare: Any, refused: Refused) -> None:
    assert bare.get("/health/live")[0] == 200
    status, answer = bare.get("/health/ready")
    assert status == 503
    assert {"centerface", "sface"} <= set(answer["missing_models"])
    _, message = refused(bare.client().detect_faces, Image={"Bytes": encoded(nobody())})
    assert "regard models pull centerface" in message
