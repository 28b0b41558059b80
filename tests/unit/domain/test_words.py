"""What somebody writes steers no terminal of whoever reads it."""

from __future__ import annotations

import json

import pytest

from regard.accountability.plain_words import check_words
from regard.commands import terminal
from regard.commands.tables import Table
from regard.domain.words import harmless
from regard.errors import InvalidParameter

#: ESC; CSI and OSC of C1; a bell, a backspace, a return and DEL; what changes the direction; a line separator.
STEERING = ["\x1b", "\x9b", "\x9d", "\x07", "\x08", "\r", "\x7f", "\u202e", "\u2066", "\u200f", "\u061c", "\u2028"]
PLAIN = "Müller – 顔 – مرحبا\twith a tab,\nand a line\r\nbreak"


@pytest.mark.parametrize("character", STEERING, ids=ascii)
def test_a_character_that_steers_is_replaced_and_where_words_are_taken_in_refused(character: str) -> None:
    assert harmless(f"a{character}[2Jb") == "a\ufffd[2Jb"
    with pytest.raises(InvalidParameter, match=rf"\(U\+{ord(character):04X}\) in the basis"):
        check_words("the basis", f"a{character}[2Jb")


def test_words_of_any_language_with_their_lines_stay_as_they_are() -> None:
    assert harmless(PLAIN) == PLAIN
    check_words("the basis", PLAIN)
    check_words("the basis", None)


@pytest.mark.parametrize("character", STEERING, ids=ascii)
def test_nothing_that_a_command_prints_steers_the_terminal(character: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = f"a{character}[31mb"
    for way in (terminal.say, terminal.note, terminal.warn, terminal.fail, terminal.out().print, terminal.err().print):
        way(said)
    table = Table("Reason", title=said)
    table.add_row(said)
    terminal.out().print(table)
    shown = capsys.readouterr()
    assert character not in shown.out + shown.err
    assert (shown.out.count("a\ufffd"), shown.err.count("a\ufffd")) == (5, 3)


@pytest.mark.parametrize("character", STEERING, ids=ascii)
def test_json_says_the_same_and_steers_nothing(character: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_json({"basis": f"a{character}b"})
    printed = capsys.readouterr().out
    assert character not in printed
    assert json.loads(printed) == {"basis": f"a{character}b"}
