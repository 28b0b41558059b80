"""What can be tested of Ray without a cluster; tests/cluster/test_ray.py has one."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from regard.engine.work.ray_pool import RayCluster
from regard.errors import SettingsError


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("port", [unused_port, lambda: "port"], ids=["nobody's port", "no port"])
def test_an_address_without_a_cluster_is_an_error_at_once(port: Callable[[], object]) -> None:
    address = f"127.0.0.1:{port()}"
    with pytest.raises(SettingsError, match=f"no Ray cluster to join at {address}"):
        RayCluster(address, cores=1)
