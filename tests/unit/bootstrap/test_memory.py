from __future__ import annotations

from pathlib import Path

import pytest

from regard.bootstrap.memory import MODELS_BYTES, bytes_left, picture_bytes, picture_memory, processes_that_fit
from regard.config.settings import load_settings
from regard.errors import SettingsError

GB, MB = 1 << 30, 1 << 20
STAT = "cache 1\ntotal_inactive_file 1048576\ninactive_file 1048576\nactive_file 0\n"


def system(root: Path, files: dict[str, str]) -> int:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return bytes_left(root)


MACHINE = {"proc/meminfo": f"MemTotal: 9\nMemAvailable:  {8 * GB // 1024} kB\n"}


def v2(folder: str, limit: str, used: int) -> dict[str, str]:
    return {f"{folder}/memory.max": limit, f"{folder}/memory.current": str(used), f"{folder}/memory.stat": ""}


def v1(folder: str, limit: int, used: int) -> dict[str, str]:
    names = {"memory.limit_in_bytes": str(limit), "memory.usage_in_bytes": str(used), "memory.stat": STAT}
    return {f"{folder}/{name}": text for name, text in names.items()}


CGROUP = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("files", "left"),
    [
        pytest.param({}, 8 * GB, id="no groups"),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", **v2(CGROUP, f"{GB}\n", 100 * MB)},
            GB - 100 * MB,
            id="a container, v2",
        ),
        pytest.param({"proc/self/cgroup": "0::/\n", **v2(CGROUP, "max\n", 100 * MB)}, 8 * GB, id="no limit, version 2"),
        pytest.param(
            {
                "proc/self/cgroup": "0::/system.slice/regard.service\n",
                **v2(f"{CGROUP}/system.slice/regard.service", f"{4 * GB}\n", 0),
                **v2(f"{CGROUP}/system.slice", f"{2 * GB}\n", GB),
            },
            GB,
            id="a unit in a slice that has less",
        ),
        pytest.param(
            {"proc/self/cgroup": "7:cpu:/\n4:memory:/docker/5f\n0::/\n", **v1(f"{CGROUP}/memory", 2 * GB, 500 * MB)},
            2 * GB - 500 * MB + 1 * MB * 2,
            id="a container, version 1",
        ),
        pytest.param(
            {"proc/self/cgroup": "4:memory:/\n0::/\n", **v1(f"{CGROUP}/memory", 2**63 - 4096, 500 * MB)},
            8 * GB,
            id="no limit, version 1",
        ),
    ],
)
def test_what_is_left_is_the_least_of_the_machine_and_its_control_groups(
    tmp_path: Path, files: dict[str, str], left: int
) -> None:
    assert system(tmp_path, MACHINE | files) == left


def test_a_system_that_tells_nothing_leaves_something(tmp_path: Path) -> None:
    assert bytes_left(tmp_path) > GB


def test_this_system_leaves_something() -> None:
    assert 0 < bytes_left() < 1 << 45


def test_the_setting_wins_and_workers_share_it(tmp_path: Path) -> None:
    settings = load_settings({"REGARD_SERVER_MEMORY": "2 GB"}, home=tmp_path)
    assert picture_memory(settings).total == 2_000_000_000
    assert picture_bytes(settings, 4) == 500_000_000
    assert processes_that_fit(settings) == 4
    assert processes_that_fit(load_settings({"REGARD_SERVER_MEMORY": "200 MB"}, home=tmp_path)) == 1


def test_without_it_pictures_get_most_of_what_is_left(tmp_path: Path) -> None:
    settings, left = load_settings({}, home=tmp_path), bytes_left()
    assert picture_bytes(settings) == pytest.approx(0.6 * (left - MODELS_BYTES), rel=0.2)
    assert picture_bytes(settings, 10_000) == 128 * MB


@pytest.mark.parametrize(
    ("text", "size"), [("512 MiB", 512 * MB), ("1.5GB", 1_500_000_000), ("300000000", 300_000_000)]
)
def test_a_size_is_a_number_of_bytes_or_has_a_unit(tmp_path: Path, text: str, size: int) -> None:
    assert load_settings({"REGARD_SERVER_MEMORY": text}, home=tmp_path).server.memory == size
    (tmp_path / "regard.toml").write_text(f'[server]\nmemory = "{text}"\n')
    assert load_settings({}, home=tmp_path).server.memory == size


@pytest.mark.parametrize("value", ['"much"', '"2 GG"', "true", "1.5", '"-1 GB"', '""'])
def test_what_is_no_size_is_refused_in_words(tmp_path: Path, value: str) -> None:
    (tmp_path / "regard.toml").write_text(f"[server]\nmemory = {value}\n")
    with pytest.raises(SettingsError, match=r"\[server\] memory is .*; it must be a size, such as \"2 GB\""):
        load_settings({}, home=tmp_path)


def test_a_size_too_small_for_any_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="REGARD_SERVER_MEMORY is '1 MB'; it must be at least 100 MB"):
        load_settings({"REGARD_SERVER_MEMORY": "1 MB"}, home=tmp_path)
