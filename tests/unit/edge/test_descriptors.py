"""How many connections the descriptors are enough for."""

from __future__ import annotations

import logging
import resource
import subprocess
import sys

import pytest

from regard.edge import descriptors


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    program = (
        "import resource; from regard.edge import descriptors;"
        "hard = min(900, resource.getrlimit(resource.RLIMIT_NOFILE)[1]);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard));"
        "assert descriptors.raise_limit() == hard;"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_limit_stays_as_it_is_if_it_is_high_enough() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        limit = descriptors.raise_limit()
        assert descriptors.raise_limit() == limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_leave_descriptors_for_files(caplog: pytest.LogCaptureFixture) -> None:
    assert descriptors.connections(100, 20_000) == 100
    assert caplog.messages == []
    assert 16 <= descriptors.connections(4096, 1024) <= 1024 - 192
    assert 16 <= descriptors.connections(4096, 32) < 32
    with caplog.at_level(logging.WARNING):
        descriptors.connections(50, 1024)
    assert "only 1024 files and connections open: at most 50 connections" in caplog.messages[-1]
