"""`/v1/collections/{collection_id}/folder`: a folder of the server's machine, indexed while people look on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import CollectionInPath, Given, Shown
from regard.domain.authority import Action
from regard.engine.bulk.folder_runs import FolderRun, FolderRuns

_ONE, _OF = "/collections/{collection_id}/folder", "collection_id"


class FolderGiven(Given):
    """The whole path of a folder on the server's machine. `by_folder` says that each folder in it holds one person's
    pictures: faces are named after it, and only the largest of a picture is enrolled."""

    folder: Annotated[str, Field(min_length=1, max_length=4096)]
    by_folder: bool = False


class FaultShown(Shown):
    """A file that was passed over, by its name, and why."""

    name: str
    why: str


class FolderRunShown(Shown):
    """How far the indexing of a folder is; `photos` is 0 until it was looked through, and `others` counts what is no
    picture. `ended` says why it ended before all was done; start it again to go on."""

    folder: str
    by_folder: bool
    photos: int
    done: int
    faces: int
    without_face: int
    others: int
    faults: list[FaultShown]
    running: bool
    ended: str | None


class FolderFile(Shown):
    """The last folder that was indexed into the collection since the server began."""

    run: FolderRunShown | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRoutes:
    runs: FolderRuns

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute("GET", _ONE, self.show, Action.READ, "How far the indexing of a folder is", collection=_OF),
            NativeRoute(
                "POST",
                _ONE,
                self.start,
                Action.ENROL,
                "Index a folder of the server's machine",
                collection=_OF,
                status=202,
            ),
            NativeRoute("POST", f"{_ONE}/stop", self.stop, Action.ENROL, "Stop indexing the folder", collection=_OF),
        )

    def show(self, call: Call, collection_id: CollectionInPath) -> FolderFile:
        return FolderFile(run=_shown(self.runs.show(call.grant, collection_id)))

    def start(self, call: Call, collection_id: CollectionInPath, given: FolderGiven) -> FolderFile:
        return FolderFile(
            run=_shown(self.runs.start(call.grant, collection_id, given.folder, by_folder=given.by_folder))
        )

    def stop(self, call: Call, collection_id: CollectionInPath) -> FolderFile:
        return FolderFile(run=_shown(self.runs.stop(call.grant, collection_id)))


def _shown(run: FolderRun | None) -> FolderRunShown | None:
    if run is None:
        return None
    return FolderRunShown(
        folder=run.folder,
        by_folder=run.by_folder,
        photos=run.photos,
        done=run.done,
        faces=run.faces,
        without_face=run.without_face,
        others=run.others,
        faults=[FaultShown(name=name, why=why) for name, why in run.faults],
        running=run.running,
        ended=run.ended,
    )
