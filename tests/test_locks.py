"""The locks in `requirements/` agree with `pyproject.toml` and with each other, and name no place to fetch from."""

from __future__ import annotations

import pytest
from locks import LOCKS, PYTHONS, asked, faults, lock, pins
from packaging.requirements import Requirement

HASH = f"--hash=sha256:{'0' * 64}"
WANTED = [Requirement("numpy>=2.0,<3"), Requirement("Typing_Extensions>=4; python_version < '3.12'")]
SOUND = f"""# made by hand
numpy==2.4.6 ; python_full_version < '3.12' \\
    {HASH} \\
    {HASH}
    # via
    #   onnx
    #   regard (pyproject.toml)
numpy==2.5.5 ; python_full_version >= '3.12' \\
    {HASH}
    # via regard (pyproject.toml)
onnx==1.23.2 \\
    {HASH}
    # via numpy
typing-extensions==4.16.0 \\
    {HASH}
    # via regard (pyproject.toml:build)
"""


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_says_what_the_project_asks_for(name: str) -> None:
    assert list(faults(lock(name), asked(LOCKS[name]))) == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_and_no_address(name: str) -> None:
    assert [line for line in lock(name).splitlines() if "://" in line or line.startswith("-")] == []


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ["server.txt", "server-with-extras.txt"])
def test_a_server_is_locked_to_what_it_is_developed_with(name: str, python: str) -> None:
    versions = {pin.name: pin.version for pin in pins(lock("development.txt")) if pin.holds_on(python)}
    served = {pin.name: pin.version for pin in pins(lock(name)) if pin.holds_on(python)}
    assert len(served) > 20
    assert served.items() <= versions.items()


def test_a_sound_lock_has_no_faults() -> None:
    assert list(faults(SOUND, WANTED)) == []
    assert [pin.asked for pin in pins(SOUND)] == [True, True, False, True]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("numpy==2.5.5", "numpy==3.0.0", "numpy<3,>=2.0 does not admit the locked 3.0.0"),
        ("numpy==2.4.6", "numpy==1.26.4", "numpy<3,>=2.0 does not admit the locked 1.26.4"),
        ("numpy==2.5.5", "pandas==2.5.5", "pandas is locked and not asked for any more"),
        (">= '3.12'", ">= '3.13'", "numpy<3,>=2.0 is not locked for Python 3.12"),
        (
            "typing-extensions==4.16.0",
            "typing-extensions>=4.16.0",
            "typing-extensions>=4.16.0 is not one exact version",
        ),
        (f"onnx==1.23.2 \\\n    {HASH}", "onnx==1.23.2", "onnx has no sha256"),
        (HASH, "--hash=md5:0", "numpy has no sha256"),
    ],
)
def test_a_lock_that_differs_is_seen(old: str, new: str, said: str) -> None:
    assert any(fault.startswith(said) for fault in faults(SOUND.replace(old, new, 1), WANTED))
