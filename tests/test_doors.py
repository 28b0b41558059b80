"""Nothing goes round the gate: what operations and commands may ask of the engine takes a Grant first, and one file
makes Grants."""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer.main

from regard.bootstrap.analysis import Analysis
from regard.bootstrap.engine import Engine
from regard.bootstrap.register import Register
from regard.cli import COMMANDS
from regard.commands import acts as command_acts
from regard.engine.galleries.face_search import FaceSearch
from regard.operations.acts import ACTS
from regard.wire.schema import load

PACKAGE = Path(__file__).parent.parent / "regard"
#: Rooms that speak for a caller.
SPEAKERS = ("operations", "commands", "api")
#: Commands that touch no face, no gallery and no key.
FREE_COMMANDS = {
    "serve",
    "sign-in",
    "sign-out",
    "worker",
    "ledger verify",
    "ledger witness",
    "models list",
    "models pull",
    "models verify",
} | {
    "profiles list",
    "profiles show",
}


def trees(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        for path in sorted((PACKAGE / room).rglob("*.py")):
            yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def is_door(found: Any) -> bool:
    """A class that does something: not one that only holds, names or says something."""
    return (
        inspect.isclass(found)
        and found.__module__.startswith(("regard.engine.", "regard.accountability."))
        and not dataclasses.is_dataclass(found)
        and not issubclass(found, enum.Enum | Exception)
        and not getattr(found, "_is_protocol", False)
    )


def doors() -> dict[str, type]:
    """Every door that those who speak for a caller name, and that the engine hands them."""
    found: dict[str, type] = {}
    for _, tree in trees(*SPEAKERS):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("regard.engine.", "regard.account")):
                module = importlib.import_module(str(node.module))
                found |= {name.name: getattr(module, name.name) for name in node.names}
    for held in (Analysis, Register, Engine):
        module = inspect.getmodule(held)
        found |= {field.type: getattr(module, str(field.type), None) for field in dataclasses.fields(held)}
    return {name: door for name, door in found.items() if is_door(door)}


def without_grant(door: type) -> list[str]:
    """The public methods of a door that do not take a Grant first, nor the gate to open it themselves."""
    methods: Mapping[str, Any] = {
        name: method for name, method in inspect.getmembers(door, inspect.isfunction) if not name.startswith("_")
    }
    first = {name: [*inspect.signature(method).parameters.values()][1:2] for name, method in methods.items()}
    return [
        f"{door.__name__}.{name}"
        for name, parameters in first.items()
        if not parameters or parameters[0].annotation not in ("Grant", "Gate", "accountability.gate.Grant")
    ]


#: Read files that are to be imported or measured; they ask nothing of a gallery.
READERS = {"Archive", "EmbeddingsFile", "PhotoAnalyzer"}
#: What comes before the gate: itself, its rules, the ledger it tells, and what finds out who somebody is.
BEFORE_THE_GATE = {"Gate", "Grant", "Rules", "Ledger", "AccessKeys", "TemporaryCredentials", "WebIdentityTokens"}
#: And what somebody who is not known yet may ask of those who find out.
PROOFS = {
    "SignIn.by_password",
    "SignIn.lookup",
    "SignIn.recall",
    "Passkeys.sign_in_options",
    "Passkeys.prove",
    "OpenId.options",
    "OpenId.prove",
    "FirstRun.offer",
    "FirstRun.taking",
}

#: What looks at an operator's own file when a server starts.
AT_THE_START = {"Celebrities.check"}


def test_every_method_of_a_door_takes_a_grant_first() -> None:
    found = doors()
    assert {"FaceDetection", "FaceComparison", "FaceSearch", "UserSearch", "Enrolment", "Galleries", "Users"} <= set(
        found
    )
    assert {"FolderIndexing", "CollectionExport", "CollectionImport", "Integrity", "IndexMigration"} <= set(found)
    assert {"People", "Services", "SignInMeans", "SignIn", "Passkeys", "LedgerAccess"} <= set(found)
    asked = [door for name, door in found.items() if name not in READERS | BEFORE_THE_GATE]
    assert {fault for door in asked for fault in without_grant(door)} <= PROOFS | AT_THE_START


def test_a_door_without_a_grant_is_seen() -> None:
    class Side(FaceSearch):
        def everything(self, collection_id: str) -> str:
            return collection_id

    assert without_grant(Side) == ["Side.everything"]


@pytest.mark.parametrize("hidden", ["stores", "index_sync", "shared"])
def test_commands_do_not_reach_behind_the_doors(hidden: str) -> None:
    assert [
        f"{name}:{node.lineno}"
        for name, tree in trees("commands")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == hidden
    ] == []


def test_commands_open_nothing_that_has_no_doors() -> None:
    behind = {"open_stores", "Stores", "embedded_feeds", "index_sync", "shared_sync", "drop_embedded", "access_keys"}
    imported = {
        alias.name
        for _, tree in trees("commands")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("regard.bootstrap")
        for alias in node.names
    }
    assert "open_register" in imported
    assert imported & behind == set()


def test_every_operation_that_is_provided_is_an_act() -> None:
    assert set(ACTS) <= set(load().operations)
    assert len(ACTS) == 46


def test_every_command_is_an_act_unless_it_touches_no_face() -> None:
    names: set[str] = set()
    for name, (_, module, _) in COMMANDS.items():
        group = typer.main.get_command(importlib.import_module(f"regard.commands.{module}").app)
        children = getattr(group, "commands", None)
        names |= {f"{name} {child}" for child in children} if children else {name}
    assert names == set(command_acts.ACTS) | FREE_COMMANDS
