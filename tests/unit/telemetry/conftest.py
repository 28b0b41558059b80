from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from regard.domain.callers import Principal
from regard.domain.reporting import RequestRecord


@pytest.fixture
def record() -> Callable[..., RequestRecord]:
    """The record of a DetectFaces that went well, except for what is given otherwise."""

    def make(**different: Any) -> RequestRecord:
        usual = {
            "request_id": "11111111-2222-3333-4444-555555555555",
            "service": "rekognition",
            "operation": "DetectFaces",
            "principal": Principal(access_key_id="AKREGARD1", name="front desk"),
            "status": 200,
            "code": None,
            "seconds": 0.0412,
            "waited": 0.0003,
            "received": 145_201,
            "sent": 2_301,
        }
        return RequestRecord(**(usual | different))

    return make
