"""What `pyproject.toml` asks for and what a lock in `requirements/` names, and where the two differ."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SERVER_EXTRAS = ("cluster", "heic", "milvus", "oidc", "otel", "parquet", "pdf", "ray", "video")
#: Each lock, and the extras that it holds.
LOCKS: Mapping[str, Sequence[str]] = {
    "development.txt": (*SERVER_EXTRAS, "dev"),
    "server.txt": (),
    "server-with-extras.txt": SERVER_EXTRAS,
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_OURS = re.compile(r"#.*\bregard \(pyproject\.toml.*\)")
_MEND = "run `make lock`"


@dataclass(frozen=True)
class Pin:
    """One entry of a lock. `asked` is whether `pyproject.toml` itself asks for it."""

    requirement: Requirement
    hashes: tuple[str, ...]
    asked: bool

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")

    def holds_on(self, python: str) -> bool:
        return _holds_on(self.requirement, python)


def lock(name: str) -> str:
    return (ROOT / "requirements" / name).read_text(encoding="utf-8")


def pins(text: str) -> list[Pin]:
    """The entries of a lock's text. Raises ValueError for a line that is none."""
    entries = re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE)[1:]
    return [
        Pin(
            Requirement(entry.partition("\\")[0].partition("\n")[0]),
            tuple(re.findall(r"--hash=(\S+)", entry)),
            bool(_OURS.search(entry)),
        )
        for entry in entries
    ]


def asked(extras: Sequence[str]) -> list[Requirement]:
    """What the project, these extras and its build ask for."""
    content: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = content["project"], content["dependency-groups"]
    lines = [*project["dependencies"], *groups["build"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    return [requirement for requirement in found if requirement.name != project["name"]]


def faults(text: str, requirements: Sequence[Requirement]) -> Iterator[str]:
    """Where a lock's text does not say what is asked for, each with its mend."""
    found = pins(text)
    for pin in found:
        if not re.fullmatch(r"==[^*,]+", str(pin.requirement.specifier)) or pin.requirement.url:
            yield f"{pin.requirement} is not one exact version; {_MEND}"
        if not pin.hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pin.hashes):
            yield f"{pin.name} has no sha256; {_MEND}"
    names = {canonicalize_name(requirement.name) for requirement in requirements}
    for pin in found:
        if pin.asked and pin.name not in names:
            yield f"{pin.name} is locked and not asked for any more; {_MEND}"
    for requirement in requirements:
        for python in PYTHONS:
            if _holds_on(requirement, python):
                yield from _differences(requirement, python, found)


def _differences(requirement: Requirement, python: str, found: Sequence[Pin]) -> Iterator[str]:
    name = canonicalize_name(requirement.name)
    versions = [pin.version for pin in found if pin.name == name and pin.holds_on(python)]
    if not versions:
        yield f"{requirement} is not locked for Python {python}; {_MEND}"
    for version in versions:
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement} does not admit the locked {version}; {_MEND}"


def _holds_on(requirement: Requirement, python: str) -> bool:
    here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux", "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(here)
