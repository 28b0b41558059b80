"""What somebody opens with a spreadsheet calculates nothing, whatever a file or a face is called."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

import pytest

import regard
from regard.commands.folder_report import Report
from regard.domain.spreadsheets import harmless
from regard.engine.bulk.folder_walk import Outcome, Skipped

WICKED = ['=HYPERLINK("http://x.example")', "+1", "-cmd:A1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠1"]


@pytest.mark.parametrize("cell", WICKED)
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless([cell, 7, "plain=1"]) == [f"'{cell}", 7, "plain=1"]


def test_a_files_name_is_no_formula_in_the_report_of_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    report = Report(file)
    report.add(
        [Outcome(path=WICKED[0], enrolled=1), Outcome(path="a.gif", skipped=Skipped(reason="GIF", detail=WICKED[2]))]
    )
    report.close()
    with file.open(newline="", encoding="utf-8") as stream:
        _, first, second = csv.reader(stream)
    assert (first[0], second[4]) == (f"'{WICKED[0]}", f"'{WICKED[2]}")


@pytest.mark.slow
def test_whoever_writes_a_table_makes_its_cells_harmless() -> None:
    writers = set()
    for file in Path(regard.__file__).parent.rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if named & {"writer", "DictWriter"} and "import csv" in file.read_text("utf-8"):
            writers.add(file.name)
            assert "harmless(" in file.read_text("utf-8"), file
    assert {"rendering.py", "folder_report.py", "remake_command.py"} <= writers
