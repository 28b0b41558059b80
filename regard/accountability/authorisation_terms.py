"""What an authorisation must be under a profile, and whether it may be used for an act. Nothing is written here but
that nobody confirmed an emergency in time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from regard.accountability.judgement import compared
from regard.accountability.plain_words import check_words
from regard.accountability.profiles.rules import AuthorisationRules, Rules
from regard.domain.authorisations import Authorisation, AuthorisationKind, AuthorisationState, Scope
from regard.domain.authority import Act
from regard.domain.people import Holder
from regard.errors import AccessDenied, ExpiredToken, InvalidParameter
from regard.store.authorisation_rows import AuthorisationRows

Kind = AuthorisationKind
#: Of these the profile's `offence` is not asked: nobody need have done anything.
WITHOUT_OFFENCE = frozenset({Kind.CONSENT, Kind.COURT_ORDER_MISSING, Kind.DECEASED, Kind.DEPLOYMENT, Kind.EXIGENT})
#: These are a document.
DOCUMENTS = frozenset({Kind.WARRANT, Kind.COURT_ORDER_MISSING})
_SHA256 = re.compile("[0-9a-f]{64}")
#: An approval takes time: a request whose approval came late is not too long for that.
SLACK = timedelta(minutes=5)


def check_terms(found: Authorisation, rules: Rules) -> None:
    """Raises InvalidParameter, with what to change, unless the profile knows such an authorisation."""
    demanded, name = rules.authorisation, rules.name
    _check_said(found)
    if found.kind not in demanded.kinds:
        raise InvalidParameter(
            f"The profile {name} knows no authorisation of the kind {found.kind}; it knows "
            f"{', '.join(demanded.kinds) or 'none'}."
        )
    _check_purpose(found, rules)
    if not found.basis.strip():
        raise InvalidParameter("An authorisation needs a basis: the facts or the law that it stands on.")
    if demanded.offence and not found.offence and found.kind not in WITHOUT_OFFENCE:
        raise InvalidParameter(f"The profile {name} needs the offence that an authorisation is about.")
    _check_document(found, rules)
    if demanded.declaration and not found.declaration.strip():
        raise InvalidParameter(
            f"The profile {name} needs a declaration: that no protected activity is the reason, or what suspicion "
            "there is."
        )
    _check_extent(found, demanded, name)
    if found.kind is Kind.INITIAL_IDENTIFICATION:
        _check_initial(found)


def _check_said(found: Authorisation) -> None:
    """Raises InvalidParameter if what somebody else is to read of it has control characters."""
    behalf, scope = found.on_behalf_of, found.scope
    said: dict[str, str | None] = {
        "the purpose": found.purpose,
        "the basis": found.basis,
        "the offence": found.offence,
        "the declaration": found.declaration,
        "the document's SHA-256": found.document_sha256,
        "the reference of the case": found.case_reference,
        "the agency's name": behalf.agency if behalf else None,
        "the name of the agency's person": behalf.person if behalf else None,
        "the SHA-256 of the agency's request": behalf.request_sha256 if behalf else None,
        "a name in the scope": "".join((*(scope.collections or ()), *(scope.operations or ()), *(scope.media or ()))),
    }
    for what, words in said.items():
        check_words(what, words)


def _check_purpose(found: Authorisation, rules: Rules) -> None:
    demanded, purpose = rules.authorisation, found.purpose
    if not purpose or purpose in demanded.forbidden_purposes:
        raise InvalidParameter(f"The purpose {purpose!r} is forbidden under the profile {rules.name}.")
    if demanded.purposes and purpose not in demanded.purposes:
        raise InvalidParameter(
            f"The profile {rules.name} knows no purpose {purpose!r}; it knows {', '.join(demanded.purposes)}."
        )


def _check_document(found: Authorisation, rules: Rules) -> None:
    behalf = found.on_behalf_of
    hashes = [found.document_sha256, behalf.request_sha256 if behalf else None]
    if any(each and not _SHA256.fullmatch(each) for each in hashes):
        raise InvalidParameter("A document is named by its SHA-256: 64 digits from 0 to f.")
    # An emergency cannot wait for a paper; its confirmation is one.
    needed = found.kind in DOCUMENTS or rules.authorisation.document
    if needed and not found.document_sha256 and found.state is not AuthorisationState.EMERGENCY:
        raise InvalidParameter(
            f"An authorisation of the kind {found.kind} under the profile {rules.name} needs its document."
        )


def _check_extent(found: Authorisation, demanded: AuthorisationRules, name: str) -> None:
    if found.ends_at <= found.starts_at:
        raise InvalidParameter("An authorisation must end after it begins.")
    if found.ends_at - found.starts_at > timedelta(days=demanded.longest_days) + SLACK:
        raise InvalidParameter(
            f"Under the profile {name} an authorisation lasts {demanded.longest_days:g} days at most."
        )
    most = demanded.most_searches
    if most is not None and (found.searches_allowed is None or found.searches_allowed > most):
        raise InvalidParameter(f"Under the profile {name} an authorisation is for {most} searches at most.")
    if found.searches_allowed is not None and found.searches_allowed < 1:
        raise InvalidParameter("An authorisation is for one search at least.")


def _check_initial(found: Authorisation) -> None:
    if not found.offence or found.searches_allowed != 1:
        raise InvalidParameter(
            f"An authorisation of the kind {found.kind} needs an offence, objective facts as its basis, and is for "
            "exactly one search."
        )


def settled(rows: AuthorisationRows, found: Authorisation, now: datetime) -> Authorisation:
    """As it stands now: an emergency whose time to be confirmed has passed is written down as unconfirmed."""
    late = found.confirm_by is not None and found.confirm_by <= now
    if found.state is not AuthorisationState.EMERGENCY or not late:
        return found
    rows.decide(found.id, {AuthorisationState.EMERGENCY}, AuthorisationState.UNCONFIRMED, None, now)
    return rows.get(found.id) or found


def check_authorisation(
    act: Act, rules: Rules, holder: Holder, named: str, found: Authorisation | None, now: datetime
) -> Authorisation | None:
    """The authorisation that the act is done under, None where it needs none and names none.

    Raises AccessDenied where one is needed and missing, or is not for this; ExpiredToken once it has ended.
    """
    needed = compared(act) in rules.authorisation.actions
    if not named and needed:
        raise AccessDenied(
            f"{act.operation} is refused: under the profile {rules.name} it takes an authorisation. Request one with "
            "`regard authorise request`, and name it: as the session name of sts:AssumeRole, or with --authorisation."
        )
    if found is None:
        if not needed:
            return None
        raise AccessDenied(f"{act.operation} is refused: there is no authorisation {named}.")
    check_usable(found, holder, act.operation, now)
    _check_scope(act, found.scope, found.id, needed)
    if needed:
        try:
            check_terms(found, rules)
        except InvalidParameter as fault:
            raise AccessDenied(
                f"{act.operation} is refused: the authorisation {found.id} does not reach so far. {fault.message}"
            ) from fault
    return found


def check_usable(found: Authorisation, holder: Holder, operation: str, now: datetime) -> None:
    """Raises AccessDenied unless it is this holder's and was approved, ExpiredToken once it has ended."""
    if found.holder_id not in (holder.id, holder.person_id):
        raise AccessDenied(f"{operation} is refused: the authorisation {found.id} is somebody else's.")
    if found.state in (AuthorisationState.REQUESTED, AuthorisationState.REFUSED):
        state = "has not been approved yet" if found.state is AuthorisationState.REQUESTED else "was refused"
        raise AccessDenied(f"{operation} is refused: the authorisation {found.id} {state}.")
    if found.ended_at is None and now < found.starts_at:
        raise AccessDenied(
            f"{operation} is refused: the authorisation {found.id} begins at {found.starts_at:%Y-%m-%d %H:%M} UTC."
        )
    if not found.usable(now):
        raise ExpiredToken(f"The authorisation {found.id} has ended. Request another with `regard authorise request`.")


def _check_scope(act: Act, scope: Scope, name: str, needed: bool) -> None:
    if scope.collections is not None and act.collection is not None and act.collection not in scope.collections:
        raise AccessDenied(
            f"{act.operation} is refused: the authorisation {name} is for {', '.join(scope.collections)}, not for "
            f"the collection {act.collection}."
        )
    if not needed:
        return
    if scope.operations is not None and act.operation not in scope.operations:
        raise AccessDenied(
            f"{act.operation} is refused: the authorisation {name} is for {', '.join(scope.operations)} only."
        )
    if scope.media is not None and act.medium not in scope.media:
        raise AccessDenied(
            f"{act.operation} is refused: the authorisation {name} is for what is {' or '.join(scope.media)}, and this "
            f"is {act.medium}."
        )
