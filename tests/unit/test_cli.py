"""The command line as a whole: help, version, errors, and who is made to wait for what."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cli_home import Person
from typer.testing import CliRunner

from regard.cli import COMMANDS, app


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert name in result.stdout


@pytest.mark.parametrize(
    "command", [*COMMANDS, "keys create", "models pull", "collections delete", "faces list", "users associate"]
)
def test_every_command_has_help_of_its_own(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert f"Usage: regard {command}" in result.stdout


def test_help_does_not_load_the_engine() -> None:
    code = (
        "import sys\nfrom regard.cli import main\nsys.argv = ['regard', '--help']\n"
        "try:\n    main()\nfinally:\n    print(sorted({'onnxruntime', 'sqlalchemy', 'cv2', 'PIL'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.rstrip().endswith("[]")


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'onnxruntime', 'sqlalchemy', 'cv2', 'pydantic'}"
    code = f"import sys\nimport regard.cli\nprint(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_python_dash_m_regard_says_its_version() -> None:
    result = subprocess.run([sys.executable, "-m", "regard", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("regard 0.")


def test_an_error_is_one_line_on_standard_error_and_exit_code_1(user: Person) -> None:
    said = user.run("faces", user.pictures / "nothing.jpg")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: ")
    assert said.err.rstrip().endswith("nothing.jpg cannot be read: No such file or directory.")
    assert said.err.count("\n") == 1


def test_a_setting_that_is_none_is_named(user: Person) -> None:
    (user.home / "regard.toml").write_text("colour = 'red'\n")
    said = user.run("keys", "list")
    assert said.code == 1
    assert "regard.toml sets colour, which is not a setting" in said.err


def test_a_home_that_cannot_be_made_is_an_error_in_words(user: Person, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = Person(tmp_path / "file" / "home", user.pictures).run("keys", "create")
    assert said.code == 1
    assert said.err.startswith("Error: ")
    assert "Not a directory" in said.err


def test_a_wrong_command_line_exits_with_2(user: Person) -> None:
    assert user.run("search", "photo.jpg").code == 2
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2
