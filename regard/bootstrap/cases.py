"""Cases and reviews, and the pictures they are made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from regard.accountability.case_opening import CaseOpening
from regard.accountability.case_progress import CaseProgress
from regard.accountability.cases import Cases
from regard.accountability.reviews import Reviews
from regard.accountability.sealed_pictures import SealedPictures
from regard.accountability.secret_box import SecretBox
from regard.accountability.seeded_pairs import SeededPairs
from regard.bootstrap.stores import Stores
from regard.config.settings import Settings
from regard.media import portraits
from regard.store.case_rows import CaseRows
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.people_rows import PeopleRows
from regard.store.picture_rows import PictureRows
from regard.store.review_rows import ReviewRows
from regard.store.seed_rows import SeedRows


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDoors:
    """`cases` and `reviews` are doors; the engine records searches by `opening`, keeps faces' `pictures`,
    and has cases whose candidates are deleted settled by `progress`."""

    cases: Cases
    reviews: Reviews
    opening: CaseOpening
    pictures: SealedPictures
    progress: CaseProgress


def case_doors(settings: Settings, stores: Stores) -> CaseDoors:
    """On the database of the settings, with the key file of its home."""
    return reviewing(stores.database, settings.home, _now)


def reviewing(database: Database, home: Path, clock: Callable[[], datetime]) -> CaseDoors:
    box = SecretBox(home / "seal.key")
    rows, reviews = CaseRows(database), ReviewRows(database)
    pictures, progress = SealedPictures(PictureRows(database), box), CaseProgress(rows)
    seeds = SeededPairs(
        collections=CollectionRows(database),
        rows=rows,
        reviews=reviews,
        seeds=SeedRows(database),
        pictures=pictures,
        clock=clock,
    )
    return CaseDoors(
        cases=Cases(
            rows=rows,
            reviews=reviews,
            pictures=pictures,
            progress=progress,
            box=box,
            clock=clock,
            marked=portraits.marked,
        ),
        reviews=Reviews(
            cases=rows,
            reviews=reviews,
            pictures=pictures,
            seeds=seeds,
            progress=progress,
            people=PeopleRows(database),
            clock=clock,
        ),
        opening=CaseOpening(rows=rows, pictures=pictures, seeds=seeds, box=box, clock=clock),
        pictures=pictures,
        progress=progress,
    )


def _now() -> datetime:
    return datetime.now(UTC)
