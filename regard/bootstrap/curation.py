"""The doors by which the people of a collection are kept right."""

from __future__ import annotations

from dataclasses import dataclass

from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.bootstrap.cases import CaseDoors
from regard.bootstrap.galleries import now
from regard.bootstrap.stores import Stores
from regard.engine.galleries.collection_quality import CollectionQuality
from regard.engine.galleries.face_portraits import FacePortraits
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.uploads import Uploads
from regard.engine.galleries.user_curation import UserCuration
from regard.engine.galleries.user_files import UserFiles
from regard.engine.galleries.user_history import UserHistory
from regard.engine.galleries.user_likenesses import UserLikenesses
from regard.engine.galleries.user_record import UserRecord
from regard.store.upload_rows import UploadRows


@dataclass(frozen=True, slots=True, kw_only=True)
class CurationDoors:
    """The doors."""

    curation: UserCuration
    history: UserHistory
    files: UserFiles
    likenesses: UserLikenesses
    quality: CollectionQuality
    portraits: FacePortraits
    uploads: Uploads


def curation_doors(stores: Stores, matcher: Matcher, reviewing: CaseDoors) -> CurationDoors:
    database, cases = stores.database, reviewing.cases
    terms, record = EnrolmentTerms(database, now), UserRecord(database, now)
    return CurationDoors(
        curation=UserCuration(database, matcher, terms, record),
        history=UserHistory(database, matcher, terms, cases, now),
        files=UserFiles(database, matcher, cases),
        likenesses=UserLikenesses(database, matcher, cases),
        quality=CollectionQuality(database, matcher, cases),
        portraits=FacePortraits(stores.collections, reviewing.pictures, cases),
        uploads=Uploads(stores.collections, stores.faces, UploadRows(database), cases),
    )
