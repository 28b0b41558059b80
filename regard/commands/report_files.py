"""Reports into files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from regard.accountability.reports import rendering
from regard.accountability.reports.report import Report
from regard.commands import terminal
from regard.errors import InvalidParameter

FORMATS: Mapping[str, Callable[[Report], str | bytes]] = {
    ".html": rendering.html,
    ".pdf": rendering.pdf,
    ".json": rendering.text_json,
    ".csv": rendering.spreadsheet,
}


def write(report: Report, output: Path | None, proofs: Mapping[str, str] | None = None) -> None:
    """Write a report as a file of the kind that its name says, or in all kinds into a folder, with the proofs it rests
    on. Raises InvalidParameter where it cannot be written."""
    try:
        if output is not None and output.suffix in FORMATS:
            _put(output, FORMATS[output.suffix](report))
            return
        folder = Path(report.name) if output is None else output
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, made in FORMATS.items():
            try:
                _put(folder / f"{report.name}{suffix}", made(report))
            except InvalidParameter as error:  # PDF, without its extra
                terminal.note(error.message)
        for name, proof in (proofs or {}).items():
            _put(folder / "proofs" / name, proof)
    except OSError as error:
        where = terminal.readable(error.filename or output or report.name)
        raise InvalidParameter(f"{where} cannot be written: {error.strerror}.") from error


def _put(file: Path, content: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    terminal.note(f"Saved {terminal.readable(file)}.")
