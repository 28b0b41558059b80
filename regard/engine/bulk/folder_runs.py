"""Indexing a folder of this machine in the background of a server, one at a time, while people look on.

What is done is recorded file by file, so a run that ends with its server is taken up by starting it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import Path
from threading import Event, Lock, Thread

from regard.accountability.gate import Gate, Grant
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.identifiers import spelled
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.engine.bulk.folder_indexing import FolderIndexing, PhotoPool, PhotoWork
from regard.engine.bulk.folder_walk import Outcome, Photo, walk
from regard.engine.bulk.open_folders import OpenFolders
from regard.errors import AccessDenied, LimitExceeded, RegardError, ResourceInUse, ResourceNotFound
from regard.media.picture_formats import READ_SUFFIXES, UNREAD

#: Photographs in one transaction: few, so that people see it go on.
_BATCH_PHOTOS = 4
#: Faults that are told by name.
_MOST_FAULTS = 100
#: Files and folders that are looked through.
_MOST_NAMES = 200_000
_PICTURES = READ_SUFFIXES | UNREAD.keys()
_STOPPED = "It was stopped. Nothing is lost: start it again, and it goes on where it was."


def _after_file(file: Path) -> str | None:
    return spelled(file.name) or None


def _after_folder(file: Path) -> str | None:
    return spelled(file.parent.name) or None


class _Stopped(Exception):
    """Somebody has stopped the run while the folder was looked through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRun:
    """How far a run is: photographs there are to do and are done, faces enrolled, files that gave none and why.
    `by_folder` names faces after the folders of their files, each of which holds one person's."""

    collection_id: str
    folder: str
    by_folder: bool = False
    #: 0 until the folder was looked through.
    photos: int = 0
    done: int = 0
    faces: int = 0
    without_face: int = 0
    #: Files that are no pictures, and folders that were not looked into.
    others: int = 0
    faults: Sequence[tuple[str, str]] = field(default=())
    running: bool = True
    #: Why it ended before all was done.
    ended: str | None = None

    def after(self, outcomes: Sequence[Outcome]) -> FolderRun:
        """The run with one more batch."""
        faults = [(Path(each.path).name, each.skipped.detail) for each in outcomes if each.skipped]
        return replace(
            self,
            done=self.done + len(outcomes),
            faces=self.faces + sum(each.enrolled for each in outcomes),
            without_face=self.without_face + sum(not each.enrolled and not each.skipped for each in outcomes),
            faults=[*self.faults, *faults][:_MOST_FAULTS],
        )


class FolderRuns:
    """Starts runs and tells how far they are. `pool` makes the workers for a collection, which enrol so many faces of a
    picture at most. Used as a context: what runs ends with it."""

    def __init__(
        self,
        folders: FolderIndexing,
        gate: Gate,
        pool: Callable[[Collection, int], AbstractContextManager[PhotoPool]],
        open_folders: OpenFolders,
    ) -> None:
        self._folders = folders
        self._gate = gate
        self._pool = pool
        self._open = open_folders
        self._lock = Lock()
        self._stop = Event()
        self._run: FolderRun | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> FolderRuns:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def start(self, grant: Grant, collection_id: str, folder: str, *, by_folder: bool = False) -> FolderRun:
        """Index what of the folder was not indexed before. `by_folder` names faces after the folders that their files
        are in, and enrols the largest of a picture alone: the others would get a wrong name.

        Raises InvalidParameter if it is no folder that may be indexed, AccessDenied where none may be and under a
        profile that knows people (each face needs a basis there), ResourceNotFound, and ResourceInUse while another
        folder is indexed.
        """
        grant.require(Action.ENROL, collection_id)
        if grant.rules.people:
            raise AccessDenied(
                f"Under the profile {grant.rules.name} a folder is indexed at the command line, with the basis of its "
                "pictures: `regard index`. In the console, add the pictures under an authorisation."
            )
        collection = self._folders.collection(grant, collection_id)
        if collection is None:
            raise ResourceNotFound(f"There is no collection {collection_id}.")
        place = self._open.find(folder)
        run = FolderRun(collection_id=collection_id, folder=folder, by_folder=by_folder)
        with self._lock:
            if self._run is not None and self._run.running:
                raise ResourceInUse("A folder is being indexed. Wait until it is done, or stop it.")
            grant.note(folder=str(place))
            self._stop.clear()
            self._run = run
            self._thread = Thread(
                target=self._work, args=(grant, collection, place, by_folder), name="folder", daemon=True
            )
            self._thread.start()
        return run

    def show(self, grant: Grant, collection_id: str) -> FolderRun | None:
        """The last run into this collection since the server began; None if there was none."""
        grant.require(Action.READ, collection_id)
        run = self._run
        return run if run is not None and run.collection_id == collection_id else None

    def stop(self, grant: Grant, collection_id: str) -> FolderRun | None:
        """End the run after the batch it is at."""
        grant.require(Action.ENROL, collection_id)
        run = self._run
        if run is None or run.collection_id != collection_id:
            return None
        self._stop.set()
        return run

    def _work(self, asked: Grant, collection: Collection, place: Path, by_folder: bool) -> None:
        """In a thread of its own, by a grant of its own: that of the request has ended with it."""
        ended: str | None = "Something went wrong that the server's log tells. Start it again to go on."
        try:
            with self._gate.open(asked.caller, asked.act, continued=True) as grant:
                grant.note(folder=str(place))
                ended = self._indexed(grant, collection, place, by_folder)
        except RegardError as error:
            ended = error.public
        finally:  # whoever looks on must hear of it, whatever it was
            with self._lock:
                if self._run is not None:
                    self._run = replace(self._run, running=False, ended=ended)

    def _look(self, grant: Grant, collection: Collection, place: Path) -> list[Photo]:
        """The photographs that are left to do. Files that are no pictures are counted, and not named."""
        seen = 0

        def heed(names: int) -> None:
            nonlocal seen
            seen += names
            if self._stop.is_set():
                raise _Stopped
            if seen > _MOST_NAMES:
                raise LimitExceeded(
                    f"There are more than {_MOST_NAMES:,} files and folders in it. Index its folders one by one, or it "
                    "at the command line: `regard index`."
                )

        photos, passed_over = walk(place, (escape(str(self._open.home.resolve())),), heed)
        left = self._folders.left(grant, collection, photos)
        pictures = [each for each in passed_over if Path(each.path).suffix.lower() in _PICTURES]
        faults = [(Path(each.path).name, each.skipped.detail) for each in pictures if each.skipped]
        with self._lock:
            if self._run is not None:
                self._run = replace(
                    self._run,
                    photos=len(photos),
                    done=len(photos) - len(left),
                    others=len(passed_over) - len(pictures),
                    faults=faults[:_MOST_FAULTS],
                )
        grant.note(photos=len(left))
        return left

    def _indexed(self, grant: Grant, collection: Collection, place: Path, by_folder: bool) -> str | None:
        try:
            left = self._look(grant, collection, place)
        except _Stopped:
            return _STOPPED
        with self._pool(collection, 1 if by_folder else MOST_FACES) as pool:
            namer = _after_folder if by_folder else _after_file
            work = PhotoWork(photos=left, namer=namer, pool=pool, batch=_BATCH_PHOTOS)
            return self._index(grant, collection, work)

    def _index(self, grant: Grant, collection: Collection, work: PhotoWork) -> str | None:
        for outcomes in self._folders.run(grant, collection, work) if work.photos else ():
            with self._lock:
                if self._run is not None:
                    self._run = self._run.after(outcomes)
            if self._stop.is_set():
                return _STOPPED
        return None
