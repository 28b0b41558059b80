"""The outcomes of a folder's files: counted, summed up at the end, and written in full to a CSV file."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from regard.commands import terminal
from regard.domain.spreadsheets import harmless
from regard.engine.bulk.folder_walk import Outcome

#: Examples shown for each reason to skip; `--report` writes them all.
_EXAMPLE_FILES = 3
#: Pictures with several faces that are named, as a person will want to look at them.
_NAMED_PICTURES = 20
_ALL = "--report FILE.csv writes them all"


class Report:
    """Collects outcomes. Each is also written to `file`, if given, at once: an interrupted run has its report too.

    Where an id stands for `one_person`, pictures with more faces than one are named.
    """

    def __init__(self, file: Path | None, *, one_person: bool = False) -> None:
        self._stream = file.open("w", newline="", encoding="utf-8", errors="surrogateescape") if file else None
        self._rows = csv.writer(self._stream) if self._stream else None
        self.files = 0
        self.faces = 0
        self._faceless = 0
        self._refused: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._examples: defaultdict[str, list[Outcome]] = defaultdict(list)
        self._one_person = one_person
        self._several: list[str] = []
        self._most_enrolled = 0
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
        rows = terminal.table("", ">", header=False)
        rows.add_row("files indexed", f"{self.files:,}")
        rows.add_row("faces enrolled", f"{self.faces:,}")
        if self._several:
            rows.add_row("[yellow]pictures with several faces[/]", f"[yellow]{len(self._several):,}[/]")
        rows.add_row("files without a face", f"{self._faceless:,}")
        for reason, count in self._refused.most_common():
            rows.add_row(f"faces refused: {reason}", f"{count:,}")
        for reason, count in self._skipped.most_common():
            rows.add_row(f"[yellow]files skipped: {reason}[/]", f"[yellow]{count:,}[/]")
        rows.add_row("files done before", f"{done_before:,}")
        out.print(rows)
        self._tell_several()
        for reason, count in self._skipped.most_common():
            terminal.warn(f"Skipped, {reason}:")
            for example in self._examples[reason]:
                detail = example.skipped.detail if example.skipped else ""
                terminal.say(f"  {terminal.readable(example.path)}: {detail}")
            if count > _EXAMPLE_FILES:
                terminal.say(f"  and {count - _EXAMPLE_FILES:,} more; {_ALL}")

    def _tell_several(self) -> None:
        if not self._several:
            return
        which = "only the largest was enrolled" if self._most_enrolled == 1 else "which now share one id"
        terminal.warn(f"Pictures with several faces, {which}:")
        for path in self._several[:_NAMED_PICTURES]:
            terminal.say(f"  {terminal.readable(path)}")
        if len(self._several) > _NAMED_PICTURES:
            terminal.say(f"  and {len(self._several) - _NAMED_PICTURES:,} more; {_ALL}")

    def _count(self, outcome: Outcome) -> None:
        if outcome.skipped:
            reason = outcome.skipped.reason
            self._skipped[reason] += 1
            if len(self._examples[reason]) < _EXAMPLE_FILES:
                self._examples[reason].append(outcome)
            return
        if self._one_person and (outcome.enrolled > 1 or outcome.has_more):
            self._several.append(outcome.path)
            self._most_enrolled = max(self._most_enrolled, outcome.enrolled)
        self.files += 1
        self.faces += outcome.enrolled
        self._faceless += not outcome.enrolled and not outcome.refused
        self._refused.update(reason for reasons in outcome.refused for reason in reasons)

    def _write(self, *cells: object) -> None:
        if self._rows:
            self._rows.writerow(harmless(cells))
