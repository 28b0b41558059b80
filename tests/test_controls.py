"""docs/accountability/controls.md says what the tests prove, and nothing else."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
GENERATOR = HERE.parent / "docs" / "accountability" / "controls.py"
LEAST_PROVED = 45


@pytest.fixture(scope="module")
def controls() -> dict[str, Any]:
    return runpy.run_path(str(GENERATOR))


def test_the_page_is_what_the_tests_and_the_table_say(controls: dict[str, Any]) -> None:
    assert GENERATOR.with_suffix(".md").read_text(encoding="utf-8") == controls["page"](), "run `make docs`"


def test_every_row_is_proved_by_a_test_or_says_what_will_bring_it(controls: dict[str, Any]) -> None:
    rows, proved = controls["controls"](), controls["proofs"]()
    assert set(rows) == set(range(1, 57))
    assert [number for number in proved if number not in rows] == []
    assert [number for number, row in rows.items() if bool(row.get("brings")) is (number in proved)] == []
    assert len(proved) >= LEAST_PROVED


def test_a_mark_above_a_test_is_found_and_one_in_words_is_not(controls: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(
        "import pytest\n"
        "@pytest.mark.control(1, 56)\n"
        "def test_that_it_holds(): ...\n"
        "# @pytest.mark.control(2)\n"
        "def test_nothing(): 'pytest.mark.control(3)'\n"
    )
    found = controls["proofs"](tmp_path)
    assert {row: [each.name for each in tests] for row, tests in found.items()} == {
        1: ["test_that_it_holds"],
        56: ["test_that_it_holds"],
    }
