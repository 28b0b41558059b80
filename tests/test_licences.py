"""Every installed package of every extra has a licence that `requirements/licences.toml` allows, or is named there."""

from __future__ import annotations

import json
from email.message import Message
from importlib.metadata import distributions

import pytest
from licences import RULES, faults, is_allowed, stated
from locks import LOCKS, ROOT, asked, lock, pins
from packaging.utils import canonicalize_name


def package(**fields: str | list[str]) -> Message:
    message = Message()
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            message[name.replace("_", "-")] = value
    return message


def npm() -> dict[str, str]:
    """What each package of the console's lock states as its licence."""
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return {path.rpartition("node_modules/")[2]: each.get("license", "") for path, each in locked.items() if path}


def test_every_package_that_is_installed_has_a_licence_that_is_allowed() -> None:
    locked = {pin.name for pin in pins(lock("development.txt"))}
    found = {canonicalize_name(each.name): each.metadata for each in distributions()}
    there = {name: metadata for name, metadata in found.items() if name in locked}
    assert {"numpy", "pillow", "psycopg", "pymilvus", "pyarrow", "ray", "opentelemetry-sdk", "moto"} <= there.keys()
    assert [fault for name, metadata in there.items() for fault in faults(name, metadata)] == []


def test_every_package_that_npm_installs_has_a_licence_that_is_allowed() -> None:
    said = npm()
    assert {"svelte", "uplot", "vite"} <= said.keys()
    assert {name: licence for name, licence in said.items() if not is_allowed(licence)} == {}


def test_what_is_built_into_the_console_is_locked_and_states_the_licence_it_is_registered_with() -> None:
    said = npm()
    assert RULES["console"] == {name: said.get(name) for name in RULES["console"]}


@pytest.mark.parametrize("name", RULES["exceptions"])
def test_an_exception_is_installed_by_its_extra_alone_and_has_a_reason(name: str) -> None:
    exception = RULES["exceptions"][name]
    assert exception["reason"]
    assert exception["extra"] in LOCKS["server-with-extras.txt"]
    assert name in {pin.name for pin in pins(lock("server-with-extras.txt"))}
    assert name not in {pin.name for pin in pins(lock("server.txt"))}
    assert name not in {canonicalize_name(each.name) for each in asked(())}


@pytest.mark.parametrize(
    "metadata",
    [
        package(License_Expression="MIT"),
        package(License_Expression="GPL-3.0-only OR MIT"),
        package(License_Expression="MPL-2.0 AND (Apache-2.0 OR GPL-2.0-only)"),
        package(License="Apache 2.0"),
        package(License="x" * 5000, Classifier=["License :: OSI Approved :: BSD License", "Typing :: Typed"]),
        package(Classifier=["License :: OSI Approved", "License :: OSI Approved :: MIT License"]),
    ],
)
def test_a_licence_is_read_however_it_is_stated(metadata: Message) -> None:
    assert list(faults("a", metadata)) == []


@pytest.mark.parametrize(
    "metadata",
    [
        package(),
        package(License="UNKNOWN"),
        package(License="GNU GENERAL PUBLIC LICENSE " * 500),
        package(License_Expression="AGPL-3.0-or-later"),
        package(License_Expression="MIT AND GPL-3.0-only"),
        package(License_Expression="MIT AND (GPL-3.0-only OR LGPL-3.0-only)"),
        package(License="MIT", Classifier="License :: OSI Approved :: GNU Affero General Public License v3"),
        package(Classifier=["License :: OSI Approved :: MIT License", "License :: Other/Proprietary License"]),
    ],
)
def test_what_is_not_allowed_or_not_stated_is_seen_with_its_mend(metadata: Message) -> None:
    (fault,) = faults("a", metadata)
    assert fault.startswith("a states the licence ")
    assert "requirements/licences.toml does not allow" in fault


def test_an_exception_ends_where_the_package_changes_its_licence() -> None:
    assert list(faults("psycopg", package(License_Expression="LGPL-3.0-only"))) == []
    (fault,) = faults("psycopg", package(License_Expression="GPL-3.0-only"))
    assert "look at its exception again" in fault


def test_an_expression_is_met_by_one_choice_or_by_all_parts() -> None:
    assert is_allowed("(MIT OR GPL-3.0-only) AND (BSD-3-Clause OR GPL-2.0-only)")
    assert not is_allowed("(MIT AND GPL-3.0-only) OR (BSD-3-Clause AND GPL-2.0-only)")
    assert stated(package(License_Expression="ISC")) == "ISC"
