"""`regard …` in the process of the tests: what a command says and does, without a second of imports."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping, Sequence
from subprocess import CompletedProcess

from typer.testing import CliRunner

from regard.cli import app


def run(words: Sequence[str], settings: Mapping[str, str], typed: str = "") -> CompletedProcess[str]:
    """As a process of its own would end, with these settings of Regard's in its environment and no others."""
    others: dict[str, str | None] = {name: None for name in os.environ if name.startswith("REGARD_")}
    result = CliRunner().invoke(app, list(words), input=typed, env=others | dict(settings))
    fault = result.exception
    unexpected = [] if fault is None or isinstance(fault, SystemExit) else traceback.format_exception(fault)
    return CompletedProcess([*words], result.exit_code, result.stdout, "".join([result.stderr, *unexpected]))
