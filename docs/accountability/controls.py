"""Writes controls.md from controls.toml and from the tests that name the control they prove: `make docs`."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("controls.md")
TABLE = Path(__file__).with_name("controls.toml")
TESTS = Path(__file__).parents[2] / "tests"

INTRODUCTION = """\
# Controls

<!-- Written by `make docs` from controls.toml and the marks of the tests: change those. -->

What laws, courts, settlements and standards ask of those who search for faces, the control that Regard has for it, and
the tests that prove the control: {proved} of {all} rows are proved, by {tests} tests. Profiles and reports are designed
to support these rules; whether a use is lawful is for its operator, and in the end for courts, to decide.

A mark after a source says how it was read: [V] its text, [V2] a report about it, [M] from memory, to be checked before
anybody relies on it. The addresses stand in the profiles, beside each rule.

| | required | source | control | proved by |
|---|---|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Proof:
    """A test that proves a control."""

    file: str
    name: str


def proofs(tests: Path = TESTS) -> dict[int, list[Proof]]:
    """The tests by the row that they prove, from `@pytest.mark.control(…)` above them."""
    found: dict[int, set[Proof]] = defaultdict(set)
    for file in sorted(tests.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for row in _rows(node):
                    found[row].add(Proof(str(file.relative_to(tests)), node.name))
    return {row: sorted(each) for row, each in sorted(found.items())}


def controls() -> dict[int, dict[str, str]]:
    return {int(number): row for number, row in tomllib.loads(TABLE.read_text(encoding="utf-8")).items()}


def page() -> str:
    rows, proved = controls(), proofs()
    lines = [_line(number, row, proved.get(number, [])) for number, row in sorted(rows.items())]
    tests = {each for some in proved.values() for each in some}
    head = INTRODUCTION.format(proved=len(proved), all=len(rows), tests=len(tests))
    return head + "\n".join(lines) + "\n"


def _rows(test: ast.FunctionDef) -> Iterator[int]:
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.control":
            yield from (ast.literal_eval(each) for each in decorator.args)


def _line(number: int, row: dict[str, str], tests: list[Proof]) -> str:
    shown = "<br>".join(f"[{_words(each.name)}](../../tests/{each.file})" for each in tests[:_MOST_SHOWN])
    if len(tests) > _MOST_SHOWN:
        shown += f"<br>and {len(tests) - _MOST_SHOWN} more"
    cells = (row["requirement"], row["source"], row["control"], shown or f"not yet: {row['brings']}")
    return f"| {number} | " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


#: Of a row that many tests prove, so many are named.
_MOST_SHOWN = 6


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
