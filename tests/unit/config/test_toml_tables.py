from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import AfterValidator, Field, model_validator

from regard.config.toml_tables import Table, parse, read, text_of
from regard.errors import SettingsError


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("it must be even")
    return value


class Wheel(Table, frozen=True):
    spokes: Annotated[int, AfterValidator(_even)] = Field(gt=0)
    colour: str = "red"


class Bicycle(Table, frozen=True):
    wheels: tuple[Wheel, ...] = Field(strict=False)
    name: str = "Ada"

    @model_validator(mode="after")
    def _check(self) -> Bicycle:
        if len(self.wheels) != 2:
            raise ValueError("a bicycle has two wheels")
        return self


TWO = "wheels = [{ spokes = 2 }, { spokes = 36 }]\n"


def test_a_table_is_read_with_its_defaults() -> None:
    assert read(Bicycle, parse(TWO, "x.toml"), "x.toml").wheels[1] == Wheel(spokes=36, colour="red")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TWO.replace("36", "'36'"), "wheels[1].spokes is '36'; it must be a whole number"),
        (TWO.replace("36", "35"), "wheels[1].spokes is 35; it must be even"),
        (TWO.replace("36", "0"), "wheels[1].spokes is 0; it must be above 0"),
        (TWO.replace("spokes = 36", ""), "wheels[1].spokes is missing"),
        (TWO.replace("spokes = 36", "spoke = 1"), "wheels[1].spoke is not a key here; did you mean spokes? There are"),
        (TWO + "hue = 1", "hue is not a key here; there are wheels, name"),
        ("wheels = 3", "wheels is 3; it must be a list"),
        ("wheels = [3]", "wheels[0] is 3; it must be a table"),
        ("wheels = []", "a bicycle has two wheels"),
        (f"name = {'[' * 90}{']' * 90}\n{TWO}", f"name is {'[' * 80}…; it must be text"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_its_value_and_the_mend(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(Bicycle, parse(text, "x.toml"), "x.toml")
    assert raised.value.message.startswith(f"x.toml: {said}")


@pytest.mark.parametrize("text", ["a = ", f"a = {'9' * 5000}"])
def test_text_that_is_no_toml_is_said_to_be_none(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^x\.toml is not valid TOML: "):
        parse(text, "x.toml")


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[\n" * 20_000 + "]\n" * 20_000,
        "x = " + "{ a = " * 500 + "1" + " }" * 500,
        ".".join("a" * 40_000) + " = 1",
        "[" + ".".join("a" * 40_000) + "]",
    ],
)
def test_what_is_nested_too_deep_is_refused_by_name(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(SettingsError, match=r"^x\.toml is not valid TOML: (line 1 has|its lists or tables are nested)"):
        parse(text, "x.toml")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("text", [".".join(["name", *"a" * 1900]) + " = 1", f"name = 0x{'f' * 4000}"])
def test_what_cannot_be_written_out_is_still_told(text: str) -> None:
    with pytest.raises(SettingsError, match=r"x\.toml: name is .*; it must be text"):
        read(Bicycle, parse(f"{text}\n{TWO}", "x.toml"), "x.toml")


def test_a_file_that_is_too_large_is_refused_by_name_and_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.toml"
    with file.open("wb") as stream:
        stream.truncate(100_000_000_000)  # a hole: it takes no room
    with pytest.raises(SettingsError, match=r"large\.toml is larger than 1 MB; it cannot be a file"):
        text_of(file)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(SettingsError, match=r"pipe\.toml is a pipe, which may never end"):
        text_of(tmp_path / "pipe.toml")
    with pytest.raises(SettingsError, match="/dev/zero is larger than 1 MB"):
        text_of(Path("/dev/zero"))
