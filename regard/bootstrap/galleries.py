"""The doors to galleries, for a server and for commands that only need the database."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime

from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.accountability.standing import Standing
from regard.bootstrap.cases import CaseDoors
from regard.bootstrap.keeping import Keeping, keeping
from regard.bootstrap.models import known_models
from regard.bootstrap.stores import Stores
from regard.config.settings import Settings
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.probes import ProbeReader
from regard.engine.galleries.celebrities import Celebrities, CelebrityGallery
from regard.engine.galleries.celebrity_names import CelebrityNames
from regard.engine.galleries.enrolment import Enroller, Enrolment
from regard.engine.galleries.face_erasure import FaceErasure
from regard.engine.galleries.face_search import FaceSearch
from regard.engine.galleries.gallery import Galleries
from regard.engine.galleries.matching import Index, Matcher
from regard.engine.galleries.reviewed_search import ReviewedSearch
from regard.engine.galleries.user_record import UserRecord
from regard.engine.galleries.user_search import UserSearch
from regard.engine.galleries.user_vectors import Users
from regard.store.upload_rows import UploadRows


def matcher_of(settings: Settings, stores: Stores, index: Index) -> Matcher:
    return Matcher(models=known_models(settings), index=index, faces=stores.faces, users=stores.users)


def face_search(stores: Stores, matcher: Matcher, probes: ProbeReader, reviewing: CaseDoors) -> FaceSearch:
    return FaceSearch(
        collections=stores.collections,
        matcher=matcher,
        probes=probes,
        terms=EnrolmentTerms(stores.database, now),
        indexed_files=stores.indexed_files,
        reviewed=_reviewed(stores, reviewing),
    )


def user_search(stores: Stores, matcher: Matcher, probes: ProbeReader, reviewing: CaseDoors) -> UserSearch:
    return UserSearch(
        collections=stores.collections,
        users=stores.users,
        matcher=matcher,
        probes=probes,
        terms=EnrolmentTerms(stores.database, now),
        reviewed=_reviewed(stores, reviewing),
    )


def _reviewed(stores: Stores, reviewing: CaseDoors) -> ReviewedSearch:
    return ReviewedSearch(reviewing.opening, reviewing.pictures, stores.faces)


def enroller(stores: Stores, matcher: Matcher, reviewing: CaseDoors) -> Enroller:
    return Enroller(
        collections=stores.collections,
        faces=stores.faces,
        matcher=matcher,
        pictures=reviewing.pictures,
        terms=EnrolmentTerms(stores.database, now),
        clock=now,
    )


def enrolment(
    stores: Stores, loader: ImageLoader, analyzer: FaceAnalyzer, matcher: Matcher, reviewing: CaseDoors
) -> Enrolment:
    made = enroller(stores, matcher, reviewing)
    return Enrolment(
        collections=stores.collections,
        uploads=UploadRows(stores.database),
        loader=loader,
        analyzer=analyzer,
        enroller=made,
    )


def galleries(stores: Stores, matcher: Matcher, reviewing: CaseDoors) -> Galleries:
    return Galleries(
        collections=stores.collections,
        faces=stores.faces,
        matcher=matcher,
        cases=reviewing.cases,
        progress=reviewing.progress,
        clock=now,
    )


def users(stores: Stores, matcher: Matcher, reviewing: CaseDoors) -> Users:
    return Users(
        collections=stores.collections,
        users=stores.users,
        matcher=matcher,
        terms=EnrolmentTerms(stores.database, now),
        cases=reviewing.cases,
        record=UserRecord(stores.database, now),
    )


def keeping_of(settings: Settings, stores: Stores, matcher: Matcher) -> Keeping:
    erasing, standing = FaceErasure(stores.database, matcher), Standing(lambda: nullcontext(stores.database))
    return keeping(settings, stores, erasing, standing)


def celebrities(settings: Settings, stores: Stores, matcher: Matcher, probes: ProbeReader) -> Celebrities:
    chosen = settings.celebrities
    gallery = chosen.collection and CelebrityGallery(
        collection=chosen.collection, names=CelebrityNames(settings.celebrities_file), threshold=chosen.threshold
    )
    return Celebrities(
        gallery or None, collections=stores.collections, users=stores.users, matcher=matcher, probes=probes
    )


def now() -> datetime:
    return datetime.now(UTC)
