"""Every operation, over galleries of a test's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from granting import ADA
from toy_gallery import House

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.accountability.profiles.rules import Rules
from regard.accountability.standing import Standing
from regard.domain.results import Result
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.face_comparison import FaceComparison
from regard.engine.analysis.face_detection import FaceDetection
from regard.engine.analysis.label_analyzer import LabelAnalyzer
from regard.engine.analysis.label_detection import LabelDetection
from regard.engine.analysis.moderation_analyzer import Moderation
from regard.engine.analysis.protective_equipment import ProtectiveEquipment
from regard.engine.analysis.text_analyzer import TextDetection
from regard.engine.bulk.media_jobs import MediaJobs
from regard.engine.galleries.celebrities import Celebrities
from regard.engine.jobs.queue import JobQueue
from regard.engine.video.video_jobs import VideoJobs
from regard.media.blobs import FolderStore
from regard.operations.arns import ResourceNames
from regard.operations.call import Family
from regard.operations.celebrities import CelebrityOperations
from regard.operations.collections import CollectionOperations
from regard.operations.faces import FaceOperations
from regard.operations.idempotency import Idempotency
from regard.operations.images import ImageOperations
from regard.operations.media_analysis import MediaAnalysisOperations
from regard.operations.moderation import ModerationOperations
from regard.operations.paging import Pages
from regard.operations.registry import Handler, handlers
from regard.operations.tags import TagOperations
from regard.operations.texts import TextOperations
from regard.operations.users import UserOperations
from regard.operations.videos import VideoOperations
from regard.store.idempotency_rows import IdempotencyRows
from regard.vision.cards import catalogue
from regard.vision.images.moderation import ModerationModels
from regard.vision.images.text_models import TextModels
from regard.vision.model_loader import ModelLoader
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo


class Operations:
    """The families of a server in us-east-1, called through the gate as ada."""

    def __init__(
        self,
        house: House,
        analyzer: FaceAnalyzer,
        labeller: LabelAnalyzer,
        models: FaceModels,
        packs: ModelLoader | None = None,
    ) -> None:
        names = ResourceNames(regions=("us-east-1",), account_id="000000000000")
        no_models = ModelLoader(Zoo(house.folder, None, catalogue()))
        pages = Pages(b"k" * 32, lambda: datetime.now(UTC))
        jobs = JobQueue(
            house.database, account_id="000000000000", kept=timedelta(days=7), clock=lambda: datetime.now(UTC)
        )
        moderation = Moderation(house.loader, ModerationModels(no_models))
        blobs = FolderStore(house.folder)
        self.families: list[Family] = [
            CollectionOperations(galleries=house.galleries, pages=pages, names=names),
            FaceOperations(
                detection=FaceDetection(house.loader, analyzer),
                comparison=FaceComparison(house.probes, house.matcher.models.default),
                enrolment=house.enrolment,
                search=house.face_search,
                galleries=house.galleries,
                users=house.users,
                pages=pages,
            ),
            ImageOperations(
                labels=LabelDetection(house.loader, labeller),
                equipment=ProtectiveEquipment(house.loader, labeller, models),
            ),
            CelebrityOperations(
                celebrities=Celebrities(
                    None,
                    collections=house.collections,
                    users=house.user_rows,
                    matcher=house.matcher,
                    probes=house.probes,
                )
            ),
            MediaAnalysisOperations(media=MediaJobs(blobs, moderation), jobs=jobs, pages=pages),
            ModerationOperations(moderation=moderation),
            TagOperations(galleries=house.galleries, names=names),
            TextOperations(text=TextDetection(house.loader, TextModels(no_models))),
            UserOperations(users=house.users, search=house.user_search, galleries=house.galleries, pages=pages),
            VideoOperations(videos=VideoJobs(blobs, house.collections, packs or no_models), jobs=jobs, pages=pages),
        ]
        self.idempotency = Idempotency(IdempotencyRows(house.database), lambda: datetime.now(UTC))
        self._handlers = self.under(OPEN)

    def under(self, profile: Rules, standing: Standing | None = None) -> dict[str, Handler]:
        """The operations, behind a gate of that profile."""
        return handlers(self.families, gate=Gate(profile, standing=standing), idempotency=self.idempotency)

    def ask(self, operation: str, request: Mapping[str, Any]) -> Result:
        return self._handlers[operation](ADA.principal, request, "r1")
