from __future__ import annotations

import json

import pytest

from regard import errors
from regard.api.problems import STATUSES, problem
from regard.errors import RegardError


def every_error() -> list[type[RegardError]]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RegardError)]
    return [kind for kind in kinds if kind is not RegardError]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.__name__)
def test_every_error_is_a_problem_with_a_status_that_http_has(error: type[RegardError]) -> None:
    answer = problem(error(), "r1")
    said = json.loads(answer.body)
    assert answer.media_type == "application/problem+json"
    assert answer.status_code == said["status"] == STATUSES.get(error, error.status)
    assert said["type"].startswith("urn:regard:error:")
    assert said["type"] == said["type"].lower()
    assert not said["code"].endswith("Exception")
    assert said["request_id"] == "r1"
