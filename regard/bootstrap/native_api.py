"""The native API, composed: which families of routes there are, and the doors they need."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI

from regard.accountability.openid import OpenId
from regard.accountability.passkeys import Passkeys
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in import SignIn
from regard.api.application import native_api
from regard.api.case_routes import CaseRoutes
from regard.api.door import Door
from regard.api.evaluation_routes import EvaluationRoutes
from regard.api.incident_routes import IncidentRoutes
from regard.api.native_routes import RouteFamily
from regard.api.review_routes import ReviewRoutes
from regard.api.sign_in_routes import SignInRoutes
from regard.api.subject_routes import SubjectRoutes
from regard.api.suspension_routes import SuspensionRoutes
from regard.bootstrap.engine import Engine
from regard.edge.request_pipeline import RequestPipeline


def native(engine: Engine, pipeline: RequestPipeline) -> FastAPI:
    """The application to mount at `/v1`."""
    sign_in = SignIn(engine.stores.sign_ins, _secret_box(engine))
    families = route_families(engine, sign_in)
    return native_api(families, Door(pipeline=pipeline, gate=engine.gate, sign_in=sign_in), pipeline)


def route_families(engine: Engine, sign_in: SignIn) -> Sequence[RouteFamily]:
    """Every family; add yours here."""
    rows, chosen, secret_box = engine.stores.sign_ins, engine.settings.accountability, _secret_box(engine)
    return [
        SignInRoutes(
            sign_in=sign_in,
            passkeys=Passkeys(rows, secret_box, chosen.site),
            openid=OpenId(rows, secret_box, chosen.openid_issuer, chosen.openid_client_id),
        ),
        SuspensionRoutes(suspensions=engine.keeping.suspensions),
        IncidentRoutes(incidents=engine.keeping.incidents, watch=engine.keeping.signals),
        SubjectRoutes(subjects=engine.subjects),
        CaseRoutes(cases=engine.cases),
        ReviewRoutes(reviews=engine.reviews),
        EvaluationRoutes(evaluation=engine.evaluation),
    ]


def _secret_box(engine: Engine) -> SecretBox:
    return SecretBox(engine.settings.home / "seal.key")
