"""What can be said of Ray without a cluster; tests/acceptance/test_ray.py has one."""

from __future__ import annotations

import socket

import pytest

from regard.engine.work.ray_pool import RayCluster
from regard.errors import SettingsError


def nobodys_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("address", [f"127.0.0.1:{nobodys_port()}", "127.0.0.1:port"])
def test_a_cluster_that_is_not_there_is_said_at_once(address: str) -> None:
    with pytest.raises(SettingsError, match=f"no Ray cluster to join at {address}"):
        RayCluster(address, threads=1, face_model="any")
