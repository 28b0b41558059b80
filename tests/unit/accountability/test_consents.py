"""Nobody is enrolled without a basis, nor, where the profile says so, without a written release; withdrawing erases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from safekeeping import MakeSafe, ruled
from stores import units

from regard.domain.authority import Action
from regard.errors import AccessDenied, InvalidParameter, ResourceNotFound
from regard.store.remake_rows import RemakeRows
from regard.store.tables.retention import consents, enrolment_terms, erasure_receipts

SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
CONSENTED = ruled(enrolment_basis=True, consent=True)
RELEASE = {"text": "We keep your face to open the door, for a year.", "signed_name": "Ada King"}


@pytest.mark.control(21, 53)
def test_a_release_is_recorded_with_its_text_and_its_withdrawal_erases(safe_under: MakeSafe) -> None:
    safe = safe_under(CONSENTED)
    staff = safe.collection()
    with safe.may(Action.ENROL, "staff") as grant:
        with pytest.raises(AccessDenied, match="there is no valid consent for ada in staff"):
            safe.terms.check_consent(grant, staff, "ada")
        with pytest.raises(AccessDenied, match="no valid consent for a face without an ExternalImageId"):
            safe.terms.check_consent(grant, staff, None)
        made = safe.consents.record(grant, "staff", "ada", "door", **RELEASE)
        safe.terms.check_consent(grant, staff, "ada")
        safe.enrol(grant, staff, "ada", "eve")
    assert len(made.text_sha256) == 64
    assert safe.rows(consents)[0]["text_shown"] == RELEASE["text"]
    with safe.may(Action.DELETE, "staff") as grant:
        assert len(safe.consents.withdraw(grant, "staff", "ada")) == 1
    assert [each.external_image_id for each in safe.face_rows.page(staff.key, 0, 10)] == ["eve"]
    assert safe.rows(consents)[0]["withdrawn_at"] == safe.now
    assert [each["kind"] for each in safe.rows(erasure_receipts)] == ["consents"]


@pytest.mark.control(53)
def test_there_is_one_release_for_a_person_and_a_purpose(safe_under: MakeSafe) -> None:
    safe = safe_under(CONSENTED)
    staff = safe.collection()

    with safe.may(Action.ENROL, "staff") as grant:
        safe.consents.record(grant, "staff", "ada", "door", **RELEASE)
        with pytest.raises(InvalidParameter, match="ada has agreed to door already"):
            safe.consents.record(grant, "staff", "ada", "door", **RELEASE)
        safe.consents.record(grant, "staff", "ada", "canteen", **RELEASE)
        safe.enrol(grant, staff, "ada")
    with safe.may(Action.DELETE, "staff") as grant:
        assert safe.consents.withdraw(grant, "staff", "ada", "door") == [], "another purpose is left"
        assert len(safe.consents.withdraw(grant, "staff", "ada")) == 1
        with pytest.raises(ResourceNotFound, match="ada has no valid consent in staff"):
            safe.consents.withdraw(grant, "staff", "ada")


@SQLITE
@pytest.mark.control(21)
def test_when_a_release_expires_the_faces_go(safe_under: MakeSafe) -> None:
    safe = safe_under(CONSENTED)
    staff = safe.collection()
    with safe.may(Action.ENROL, "staff") as grant:
        until = safe.now + timedelta(days=10)
        safe.consents.record(grant, "staff", "ada", "door", **RELEASE, expires_at=until)
        safe.enrol(grant, staff, "ada")
    safe.later(days=9)
    assert safe.sweep() == {}
    safe.later(days=2)
    assert safe.sweep() == {"consents": 1}
    assert safe.held(staff) == []
    assert safe.sweep() == {}


@SQLITE
@pytest.mark.control(21)
def test_a_user_needs_a_release_of_their_own_or_for_each_face(safe_under: MakeSafe) -> None:
    safe = safe_under(CONSENTED)
    staff = safe.collection()
    ada, eve = safe.enrolled(staff, "ada", "eve")
    with safe.may(Action.ENROL, "staff") as grant:
        safe.consents.record(grant, "staff", "ada", "door", **RELEASE)
        safe.terms.check_user(grant, staff, "u1", [ada.face_id])
        with pytest.raises(AccessDenied, match="no valid consent for u1 in staff"):
            safe.terms.check_user(grant, staff, "u1", [ada.face_id, eve.face_id])
        safe.consents.record(grant, "staff", "u1", "door", **RELEASE)
        safe.terms.check_user(grant, staff, "u1", [ada.face_id, eve.face_id])


@SQLITE
@pytest.mark.control(4, 21)
def test_without_a_basis_nothing_is_enrolled(safe_under: MakeSafe) -> None:
    safe = safe_under(ruled(enrolment_basis=True))
    with (
        safe.may(Action.ENROL, "staff", operation="IndexFaces") as grant,
        pytest.raises(AccessDenied, match="under the profile recorded every enrolled face needs a basis"),
    ):
        safe.terms.check(grant)


@SQLITE
@pytest.mark.control(21)
def test_terms_and_releases_stay_when_a_collection_is_remade(safe_under: MakeSafe) -> None:
    safe = safe_under(CONSENTED)
    staff = safe.collection()
    with safe.may(Action.ENROL, "staff") as grant:
        safe.consents.record(grant, "staff", "ada", "door", **RELEASE)
        (face,) = safe.enrol(grant, staff, "ada")
    remakes = RemakeRows(safe.database)
    remake = remakes.begin(staff, "sface-1")
    remakes.add(remake, {face.face_id: units(1, dimension=128)[0]})
    assert remakes.end(remake, set(), lambda rows: rows.mean(axis=0)) == []
    remade = safe.collections.get("staff")
    assert remade.key != staff.key
    assert [each["collection_key"] for each in safe.rows(enrolment_terms)] == [remade.key]
    with safe.may(Action.ENROL, "staff") as grant:
        safe.terms.check_consent(grant, remade, "ada")
