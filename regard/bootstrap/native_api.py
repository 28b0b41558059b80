"""The native API, composed: which families of routes there are, and the doors they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import FastAPI

from regard.accountability.authorisations import Authorisations
from regard.accountability.gate import Gate, Grant
from regard.accountability.openid import OpenId
from regard.accountability.passkeys import Passkeys
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in import SignIn
from regard.accountability.thresholds import Thresholds
from regard.api.application import native_api
from regard.api.authorisation_routes import AuthorisationRoutes
from regard.api.bucket_routes import BucketRoutes
from regard.api.case_routes import CaseRoutes
from regard.api.collection_routes import CollectionRoutes
from regard.api.curation_routes import CurationRoutes
from regard.api.door import Door
from regard.api.evaluation_routes import EvaluationRoutes
from regard.api.event_routes import EventRoutes
from regard.api.face_routes import FaceRoutes
from regard.api.first_run_routes import FirstRunRoutes
from regard.api.folder_routes import FolderRoutes
from regard.api.health_routes import HealthRoutes
from regard.api.incident_routes import IncidentRoutes
from regard.api.job_routes import JobRoutes
from regard.api.ledger_routes import LedgerRoutes
from regard.api.model_routes import ModelRoutes
from regard.api.native_routes import RouteFamily
from regard.api.operator_job_routes import OperatorJobRoutes
from regard.api.own_sign_in_routes import OwnSignInRoutes
from regard.api.people_routes import PeopleRoutes
from regard.api.picture_routes import PictureRoutes
from regard.api.profile_routes import ProfileRoutes
from regard.api.report_routes import ReportRoutes
from regard.api.review_routes import ReviewRoutes
from regard.api.search_routes import SearchRoutes
from regard.api.service_routes import ServiceRoutes
from regard.api.setting_routes import SettingRoutes
from regard.api.sign_in_routes import SignInRoutes
from regard.api.streaming import Streams
from regard.api.subject_routes import SubjectRoutes
from regard.api.suspension_routes import SuspensionRoutes
from regard.api.threshold_routes import ThresholdRoutes
from regard.api.user_routes import UserRoutes
from regard.bootstrap.accountability import authorised_credentials, people, services, sign_in_means, waiting
from regard.bootstrap.curation import CurationDoors
from regard.bootstrap.engine import Engine
from regard.bootstrap.health import ServerHealth
from regard.bootstrap.ledger import ledger_access, ledger_changes, ledger_reading
from regard.bootstrap.loopback import is_loopback
from regard.bootstrap.model_facts import ServerModels
from regard.bootstrap.reports import reports
from regard.config.overview import SettingsOverview
from regard.config.settings import Settings
from regard.edge.request_pipeline import RequestPipeline
from regard.engine.jobs.changes import JobChanges
from regard.errors import RegardError
from regard.operations.call import Call as OperationCall
from regard.operations.videos import ANALYSES
from regard.store.job_rows import JobRows


def native(engine: Engine, pipeline: RequestPipeline) -> FastAPI:
    """The application to mount at `/v1`."""
    sign_in = SignIn(engine.stores.sign_ins, _secret_box(engine))
    streams = Streams(pipeline=pipeline, still=partial(_still, engine.gate, sign_in))
    families = [*route_families(engine, sign_in), *_streamed(engine, streams)]
    return native_api(families, Door(pipeline=pipeline, gate=engine.gate, sign_in=sign_in), pipeline)


def route_families(engine: Engine, sign_in: SignIn) -> Sequence[RouteFamily]:
    """Every family; add yours here."""
    rows, chosen, secret_box = engine.stores.sign_ins, engine.settings.accountability, _secret_box(engine)
    return [
        SignInRoutes(
            sign_in=sign_in,
            passkeys=Passkeys(rows, secret_box, passkey_site(engine.settings)),
            openid=OpenId(rows, secret_box, chosen.openid_issuer, chosen.openid_client_id),
            people=people(engine.stores),
        ),
        OwnSignInRoutes(sign_in=sign_in, means=sign_in_means(engine.settings, engine.stores)),
        FirstRunRoutes(first_run=engine.first_run, choice=engine.profile_choice),
        SuspensionRoutes(suspensions=engine.keeping.suspensions),
        IncidentRoutes(incidents=engine.keeping.incidents, watch=engine.keeping.signals),
        SubjectRoutes(subjects=engine.subjects),
        *_authority(engine),
        *_galleries(engine),
        *_stored(engine),
        CaseRoutes(cases=engine.cases, people=people(engine.stores)),
        ReviewRoutes(reviews=engine.reviews),
        EvaluationRoutes(evaluation=engine.evaluation),
        SettingRoutes(overview=SettingsOverview(engine.settings)),
        ModelRoutes(models=ServerModels(engine=engine)),
    ]


def _still(gate: Gate, sign_in: SignIn, grant: Grant) -> bool:
    """Whether whoever was let in by this grant is still signed in, and holds what they held then."""
    try:
        return sign_in.lasts(grant) and gate.check(grant).holder == grant.mandate.holder
    except RegardError:
        return False


def passkey_site(settings: Settings) -> str | None:
    """The address that passkeys are bound to: the one in the settings, or that of this machine itself, by its name, for
    browsers make none for a number."""
    site, server = settings.accountability.site, settings.server
    if site is not None or not server.port or not is_loopback(server.host):
        return site
    return f"{'https' if server.tls_certificate else 'http'}://localhost:{server.port}"


def _streamed(engine: Engine, streams: Streams) -> Sequence[RouteFamily]:
    """What goes on being told."""
    return [
        EventRoutes(
            changes=ledger_changes(engine.stores),
            jobs=JobChanges(JobRows(engine.stores.database)),
            waiting=waiting(engine.stores),
            streams=streams,
        ),
        HealthRoutes(reading=ServerHealth(engine=engine), streams=streams),
    ]


def _authority(engine: Engine) -> Sequence[RouteFamily]:
    """Who may do what, on what ground, and what was recorded of it."""
    settings, stores = engine.settings, engine.stores
    known, served, told = people(stores), services(settings, stores), reports(settings, stores, engine.known_models)
    return [
        AuthorisationRoutes(
            authorisations=Authorisations(stores.authorisations, stores.people, stores.collections),
            credentials=authorised_credentials(settings, stores),
            people=known,
        ),
        PeopleRoutes(people=known, services=served, means=sign_in_means(settings, stores)),
        ServiceRoutes(services=served),
        ThresholdRoutes(thresholds=Thresholds(stores.thresholds, stores.collections)),
        LedgerRoutes(ledger=ledger_access(settings, stores), reading=ledger_reading(settings, stores), people=known),
        ReportRoutes(public=told.public, cases=told.cases, audit=told.audit),
        ProfileRoutes(),
    ]


def _galleries(engine: Engine) -> Sequence[RouteFamily]:
    """Collections, and what pictures show."""
    return [
        CollectionRoutes(galleries=engine.galleries),
        FaceRoutes(
            galleries=engine.galleries, users=engine.users, enrolment=engine.enrolment, uploads=engine.curation.uploads
        ),
        FolderRoutes(runs=engine.folder_runs),
        UserRoutes(galleries=engine.galleries, users=engine.users),
        _curation(engine.curation),
        SearchRoutes(faces=engine.face_search, users=engine.user_search),
        PictureRoutes(detection=engine.detection, labels=engine.labels, text=engine.text, moderation=engine.moderation),
    ]


def _curation(doors: CurationDoors) -> CurationRoutes:
    return CurationRoutes(
        curation=doors.curation,
        history=doors.history,
        files=doors.files,
        likenesses=doors.likenesses,
        quality=doors.quality,
        portraits=doors.portraits,
        uploads=doors.uploads,
    )


def _stored(engine: Engine) -> Sequence[RouteFamily]:
    """What is in the buckets, and the work on it."""
    jobs, stars = engine.jobs, engine.settings.celebrities
    return [
        BucketRoutes(objects=engine.stored_objects),
        JobRoutes(videos=engine.video_jobs, queue=jobs.queue, control=jobs.control, settings=_job_settings),
        OperatorJobRoutes(
            celebrities=engine.celebrities,
            videos=engine.video_jobs,
            media=engine.media_jobs,
            queue=jobs.queue,
            collection=stars.collection,
            threshold=stars.threshold,
        ),
    ]


def _job_settings(kind: str, grant: Grant, asked: Mapping[str, Any]) -> dict[str, Any]:
    """As AWS's clients would ask for it."""
    analysis = next(each for each in ANALYSES if each.kind == kind)
    return analysis.settings(OperationCall(grant, asked))


def _secret_box(engine: Engine) -> SecretBox:
    return SecretBox(engine.settings.home / "seal.key")
