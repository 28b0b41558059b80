"""How the console writes numbers and moments: `web/src/numbers.ts` itself, run by Node."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

WEB = Path(__file__).resolve().parents[2] / "web"
#: TypeScript without its types, as a module that Node takes from a string.
_RUN = """
import { readFileSync } from "node:fs";
import ts from "typescript";
const { outputText } = ts.transpileModule(readFileSync("src/numbers.ts", "utf8"), {
  compilerOptions: { module: "ESNext", target: "ES2022" },
});
const numbers = await import("data:text/javascript," + encodeURIComponent(outputText));
console.log(JSON.stringify(JSON.parse(process.argv[1]).map(([name, ...given]) => numbers[name](...given))));
"""


def written(*calls: tuple[object, ...], zone: str = "UTC") -> list[str]:
    """What each function answers, which is named before what it is given."""
    command = ["node", "--input-type=module", "--eval", _RUN, json.dumps(calls)]
    done = subprocess.run(
        command, cwd=WEB, env=os.environ | {"TZ": zone}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_thousands_are_set_apart() -> None:
    values = [0, 7, 999, 1_000, 12_345, 300_000, 1_234_567, 10**15]
    assert written(*(("count", value) for value in values)) == [f"{value:,}" for value in values]


def test_digits_behind_the_point_end_where_they_say_nothing() -> None:
    said = {
        (0.5, 2): "0.5",
        (12, 3): "12",
        (100, 0): "100",
        (0.04, 1): "0",
        (-0.04, 1): "0",
        (2.68, 1): "2.7",
        (10.10, 2): "10.1",
    }
    assert written(*(("decimals", *given) for given in said)) == list(said.values())


def test_so_many_digits_are_told_as_say_something() -> None:
    said = {
        (0, 3): "0",
        (0.01234, 2): "0.012",
        (12_345, 3): "12,300",
        (3.14159, 3): "3.14",
        (99.96, 3): "100",
        (1e-7, 2): "0.0000001",
    }
    assert written(*(("digits", *given) for given in said)) == list(said.values())


def test_a_moment_is_told_by_the_clock_here_and_a_day_by_utc() -> None:
    moment = "2026-09-15T23:07:59Z"
    asked = [(name, moment) for name in ("when", "time", "day", "dayByUTC")]
    assert written(*asked, zone="Europe/Berlin") == ["16 Sep 2026, 01:07", "01:07", "16 Sep 2026", "15 Sep 2026"]
    assert written(*asked, zone="America/New_York") == ["15 Sep 2026, 19:07", "19:07", "15 Sep 2026", "15 Sep 2026"]
    assert written(("when", None)) == ["–"]
