"""Reports: what they say of the installation, and where they read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from regard.accountability.reports.audit_report import Audit
from regard.accountability.reports.case_reports import CaseReports
from regard.accountability.reports.public_page import PublicPage
from regard.accountability.reports.public_reports import PublicReports
from regard.accountability.reports.sources import Sources
from regard.accountability.reports.system import ModelFacts, System
from regard.bootstrap.cases import case_doors
from regard.bootstrap.ledger import receipts
from regard.bootstrap.models import face_model, open_zoo
from regard.bootstrap.rules import rules_of
from regard.bootstrap.stores import Stores
from regard.config.settings import Settings
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.memory_budget import MemoryBudget
from regard.engine.analysis.photo_batches import PhotoAnalyzer
from regard.engine.bulk.picture_evaluation import FIRST, PictureEvaluation
from regard.store.evaluation_rows import EvaluationRows
from regard.vision.faces.face_model import KnownModels


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """The doors to reports, and to the evaluations in them."""

    evaluation: PictureEvaluation
    public: PublicReports
    cases: CaseReports
    audit: Audit


def reports(settings: Settings, stores: Stores, models: KnownModels) -> Reports:
    """On the database of the settings."""
    sources, doors, known = Sources.of(stores.database), case_doors(settings, stores), system(settings)
    return Reports(
        evaluation=evaluation(stores, models),
        public=PublicReports(sources, known, _now),
        cases=CaseReports(
            cases=doors.cases,
            pictures=doors.pictures,
            sources=sources,
            system=known,
            receipt=receipts(settings, stores),
            clock=_now,
        ),
        audit=Audit(sources, known, _now),
    )


def evaluation(
    stores: Stores, models: KnownModels, analyzer: FaceAnalyzer | None = None, memory: MemoryBudget | None = None
) -> PictureEvaluation:
    """The door to evaluations. With an `analyzer`, it measures in the caller's own turn too, in this memory."""
    return PictureEvaluation(
        evaluations=EvaluationRows(stores.database),
        collections=stores.collections,
        models=models,
        clock=_now,
        analyzing=None if analyzer is None else lambda version: PhotoAnalyzer(analyzer.using(version), FIRST, memory),
    )


def public_page(settings: Settings, stores: Stores) -> PublicPage | None:
    """The page for everybody, if the settings have one and the installation is not closed."""
    if not settings.accountability.public_page or rules_of(settings).closed:
        return None
    return PublicPage(Sources.of(stores.database), system(settings), _now)


def system(settings: Settings) -> System:
    """The installation, as reports name it."""
    chosen, zoo = settings.accountability, open_zoo(settings)
    cards = [zoo.card(name) for name in (settings.models.detector, settings.models.embedder)]
    return System(
        version=version("regard"),
        agency=chosen.agency or "",
        contact=chosen.contact or "",
        purpose=chosen.purpose or "",
        decision=chosen.decision or "",
        assessment=chosen.assessment or "",
        rules=rules_of(settings),
        models=[
            ModelFacts(
                name=card.name,
                version=card.version,
                task=card.task,
                licence=card.licence,
                provenance=card.provenance,
                sha256=card.fingerprint,
                dimension=card.dimension,
            )
            for card in cards
        ],
        face_model=face_model(settings).version,
    )


def _now() -> datetime:
    return datetime.now(UTC)
