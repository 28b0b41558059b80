"""Reports into files."""

from __future__ import annotations

from pathlib import Path

from regard.commands import terminal
from regard.commands.desk_kinds import Printed
from regard.commands.reports_here import FORMATS
from regard.errors import InvalidParameter


def write(report: Printed, output: Path | None) -> None:
    """Write a report as a file of the kind that its name says, or in all kinds into a folder, with the proofs it rests
    on. Raises InvalidParameter where it cannot be written."""
    try:
        if output is not None and output.suffix in FORMATS:
            _put(output, report.made(output.suffix))
            return
        folder = Path(report.name) if output is None else output
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in FORMATS:
            try:
                _put(folder / f"{report.name}{suffix}", report.made(suffix))
            except InvalidParameter as error:  # PDF, without its extra
                terminal.note(error.message)
        for name, proof in report.proofs.items():
            _put(folder / "proofs" / name, proof)
    except OSError as error:
        where = terminal.readable(error.filename or output or report.name)
        raise InvalidParameter(f"{where} cannot be written: {error.strerror}.") from error


def _put(file: Path, content: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    terminal.note(f"Saved {terminal.readable(file)}.")
