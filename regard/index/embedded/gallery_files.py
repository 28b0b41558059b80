"""The files of one gallery: segments in the order of their sealing, and what makes it sure that none is missing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from regard.files import replace_file, sync_folder
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.sealed_segment import SealedSegment
from regard.index.embedded.segment_file import DamagedSegment, SegmentFile

#: Added to the name of a folder that is being deleted.
GONE = ".gone"
_NAME = re.compile(r"([0-9]{1,18})-([0-9]{1,18})\.segment")


class GalleryFiles:
    """A folder of segments, and while a key below the last sealed one is in memory alone, a note of the least such."""

    def __init__(self, place: Path, codebook: Codebook, *, writable: bool) -> None:
        self.place = place
        self.writable = writable
        self._codebook = codebook
        self._note = place / "late"
        self.late = self._noted()

    def opened(self, threads: Executor, *, whole: bool = True) -> tuple[list[SealedSegment], list[str]]:
        """The segments, every byte verified (the vectors if `whole`), and what is wrong with the others.

        What is not whole is left out, and so is all that was sealed after it: those keys are to be added again.
        """
        chain, faults = self._chain()
        good: list[SealedSegment] = []
        for segment in threads.map(lambda path: self._segment(path, whole=whole), chain):
            if isinstance(segment, DamagedSegment):
                faults.append(str(segment))
                break
            good.append(segment)
        kept = {segment.file.path for segment in good}
        for path in self.place.iterdir() if self.writable else ():
            if path.suffix in (".segment", ".draft") and path not in kept and path.is_file():
                path.unlink()
        return good, faults

    def make(self) -> None:
        if self.writable:
            self.place.mkdir(mode=0o700, exist_ok=True)

    def note_late(self, key: int) -> None:
        """From this key on some are in memory alone."""
        if self.late is None or key < self.late:
            self.keep_late(key)

    def keep_late(self, key: int | None) -> None:
        """As `note_late`, but what was noted is known better now: from this key on, or none."""
        if key == self.late:
            return
        if self.writable and key is None:
            self._note.unlink(missing_ok=True)
        elif self.writable:
            self.make()
            with replace_file(self._note, draft=self._note.with_suffix(".draft")) as stream:
                stream.write(str(key).encode())
        self.late = key

    def delete(self) -> None:
        """At once, also for a process that starts after this one was killed."""
        if self.writable and self.place.is_dir():
            gone = self.place.with_suffix(GONE)
            shutil.rmtree(gone, ignore_errors=True)
            self.place.replace(gone)
            sync_folder(self.place.parent)
            shutil.rmtree(gone, ignore_errors=True)

    def _noted(self) -> int | None:
        try:
            return int(self._note.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return 0  # anything may be missing

    def _segment(self, path: Path, *, whole: bool) -> SealedSegment | DamagedSegment:
        try:
            file = SegmentFile(path, self._codebook.fingerprint, writable=self.writable)
            if (file.header.oldest, file.header.newest) != _sealings(path):
                raise DamagedSegment(f"{path} is another segment, renamed")
            file.finish(self._codebook.coder.blank)
            file.verify(vectors=whole)
        except DamagedSegment as error:
            return error
        return SealedSegment(file, self._codebook, read=whole)

    def _chain(self) -> tuple[list[Path], list[str]]:
        """By their sealings, without those within another (a process was killed after it had merged them), up to the
        first gap."""
        named = {path: sealings for path in self.place.glob("*.segment") if (sealings := _sealings(path))}
        chain: list[Path] = []
        end = -1
        for path, (oldest, newest) in sorted(named.items(), key=lambda each: (each[1][0], -each[1][1])):
            if newest <= end:
                continue
            if oldest != end + 1:
                return chain, [f"{self.place} has {path.name} but not what was sealed before it"]
            chain.append(path)
            end = newest
        return chain, []


def complete(folder: GalleryFiles | None, segments: Sequence[SealedSegment]) -> int:
    """Up to this key none is missing in the files; -1 without files."""
    if not segments:
        return -1
    late = folder.late if folder else None
    last = segments[-1].sealed.last
    return last if late is None else max(0, min(last, late - 1))


def _sealings(path: Path) -> tuple[int, int] | None:
    match = _NAME.fullmatch(path.name)
    return (int(match[1]), int(match[2])) if match else None
