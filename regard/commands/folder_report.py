"""The outcomes of a folder's files: counted, summed up at the end, and written in full to a CSV file."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from rich.markup import escape

from regard.commands import terminal
from regard.engine.bulk.folder_indexing import Outcome

#: Examples shown for each reason to skip; `--report` writes them all.
_EXAMPLE_FILES = 3


class Report:
    """Collects outcomes. Each is also written to `file`, if given, at once: an interrupted run has its report too."""

    def __init__(self, file: Path | None) -> None:
        self._stream = file.open("w", newline="", encoding="utf-8", errors="surrogateescape") if file else None
        self._rows = csv.writer(self._stream) if self._stream else None
        self.files = 0
        self.faces = 0
        self._faceless = 0
        self._refused: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._examples: defaultdict[str, list[Outcome]] = defaultdict(list)
        self._write("path", "outcome", "faces_enrolled", "faces_refused", "detail")

    def add(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._count(outcome)
            skipped = outcome.skipped
            reasons = "; ".join(" ".join(reasons) for reasons in outcome.refused)
            if skipped:
                self._write(outcome.path, f"skipped: {skipped.reason}", 0, 0, skipped.detail)
            else:
                self._write(outcome.path, "indexed", outcome.enrolled, len(outcome.refused), reasons)
        if self._stream:
            self._stream.flush()

    def close(self) -> None:
        if self._stream:
            self._stream.close()

    def tell(self, done_before: int) -> None:
        out = terminal.out()
        rows = terminal.table("", ">")
        rows.show_header = False
        rows.add_row("files indexed", f"{self.files:,}")
        rows.add_row("faces enrolled", f"{self.faces:,}")
        rows.add_row("files without a face", f"{self._faceless:,}")
        for reason, count in self._refused.most_common():
            rows.add_row(f"faces refused: {reason}", f"{count:,}")
        for reason, count in self._skipped.most_common():
            rows.add_row(f"[yellow]files skipped: {reason}[/]", f"[yellow]{count:,}[/]")
        rows.add_row("files done before", f"{done_before:,}")
        out.print(rows)
        for reason, count in self._skipped.most_common():
            out.print(f"[yellow]Skipped, {reason}:[/]")
            for example in self._examples[reason]:
                detail = example.skipped.detail if example.skipped else ""
                out.print(f"  {escape(terminal.readable(example.path))}: {escape(detail)}", soft_wrap=True)
            if count > _EXAMPLE_FILES:
                out.print(f"  and {count - _EXAMPLE_FILES:,} more; --report FILE.csv writes them all")

    def _count(self, outcome: Outcome) -> None:
        if outcome.skipped:
            reason = outcome.skipped.reason
            self._skipped[reason] += 1
            if len(self._examples[reason]) < _EXAMPLE_FILES:
                self._examples[reason].append(outcome)
            return
        self.files += 1
        self.faces += outcome.enrolled
        self._faceless += not outcome.enrolled and not outcome.refused
        self._refused.update(reason for reasons in outcome.refused for reason in reasons)

    def _write(self, *cells: object) -> None:
        if self._rows:
            self._rows.writerow(cells)
