"""Whoever is erased while people compare pictures is nobody's candidate any more; where they were decided they stay, to
be disclosed, and whoever erases them is told so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from agency import portrait
from native import Office, office
from sqlalchemy import select
from test_native_walk_through import HEADER, OPINION, approved, sent

from regard.engine.galleries.reviewed_search import ReviewedSearch
from regard.store.tables.cases import case_candidates, case_pictures, searches

SUPPORT = {"kind": "witness", "reference": "report 14", "independent": True}


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("erased"), models) as made:
        yield made


@pytest.fixture
def wanted(desk: Office) -> str:
    """A collection with two faces, eileen's and collins's."""
    name = f"wanted-{uuid4().hex}"
    desk.post("ann", "/collections", {"collection_id": name})
    under = {HEADER: approved(desk, "eve")}
    for who, content in (("eileen", portrait()), ("collins", portrait(left=60))):
        picture = {"image": sent(content), "external_image_id": who}
        desk.post("eve", f"/collections/{name}/faces", picture, **under)
    return name


def face_of(desk: Office, wanted: str, who: str) -> str:
    found = desk.get("eve", f"/collections/{wanted}/faces")["faces"]
    return str(next(each["face_id"] for each in found if each["external_image_id"] == who))


def searched(desk: Office, wanted: str) -> Any:
    body = {"image": sent(portrait(dark=0.9))}
    found = desk.post("sam", f"/collections/{wanted}/search", body, **{HEADER: approved(desk, "sam")})
    assert len(found["candidates"]) == 2
    return found


def erased(desk: Office, wanted: str, face: str) -> Any:
    """By two people; what either is answered."""
    asked = desk.post("ove", "/subject/erase", {"faces": [{"collection": wanted, "face_id": face}]})
    done = desk.post("oda", f"/subject/erase/{asked['request_id']}/confirm")
    assert done["erased"] == [face]
    return asked["cases"], done["cases"]


def reviewed(desk: Office) -> int:
    """All that waits is judged by both; how many opinions that took."""
    count = 0
    for login in ("rob", "ray"):
        while (pair := desk.post(login, "/reviews/next")["pair"]) is not None:
            assert desk.ask(login, "POST", f"/reviews/{pair['number']}", OPINION).status == 200
            count += 1
    return count


def states(desk: Office, case: str) -> list[str]:
    return sorted(each["state"] for each in desk.get("sam", f"/cases/{case}")["candidates"])


@pytest.mark.control(28, 55)
def test_a_person_whom_two_erased_is_neither_reviewed_nor_named_nor_shown(desk: Office, wanted: str) -> None:
    case, face = searched(desk, wanted)["case"]["id"], face_of(desk, wanted, "eileen")
    assert erased(desk, wanted, face) == ([], [])
    assert states(desk, case) == ["erased", "pending"]
    assert reviewed(desk) == 2, "of the other one, by two"
    assert states(desk, case) == ["erased", "verified"]
    assert desk.post("sam", f"/cases/{case}/corroborations", SUPPORT) == {"state": "actionable"}
    shown = desk.get("sam", f"/cases/{case}")
    assert {each["external_image_id"] for each in shown["candidates"]} == {None, "collins"}
    (gone,) = [each["number"] for each in shown["candidates"] if each["state"] == "erased"]
    for login in ("sam", "ove"):
        pictures = desk.get(login, f"/cases/{case}/pictures")["pictures"]
        assert ("candidate", gone) not in {(each["kind"], each["number"]) for each in pictures}
        assert len(pictures) == 2
    report = desk.ask("aud", "GET", f"/reports/cases/{case}?form=json").content
    assert b"collins" in report
    assert b"eileen" not in report
    assert face.encode() not in report
    with desk.live.engine.stores.database.read() as connection:
        rows = connection.execute(select(case_candidates).where(case_candidates.c.case_id == case)).all()
    assert face not in {each.face_id for each in rows}


@pytest.mark.control(28)
def test_a_reviewer_who_has_the_pair_at_that_moment_is_not_asked_about_it_any_more(desk: Office, wanted: str) -> None:
    searched(desk, wanted)
    number = desk.post("rob", "/reviews/next")["pair"]["number"]
    for who in ("eileen", "collins"):
        erased(desk, wanted, face_of(desk, wanted, who))
    said = desk.ask("rob", "POST", f"/reviews/{number}", OPINION)
    assert (said.status, "decided while you had it" in said.json["detail"]) == (400, True)
    assert desk.post("rob", "/reviews/next")["pair"] is None


def by_request(desk: Office, wanted: str) -> None:
    for who in ("eileen", "collins"):
        erased(desk, wanted, face_of(desk, wanted, who))


def by_deletion(desk: Office, wanted: str) -> None:
    ids = [face_of(desk, wanted, who) for who in ("eileen", "collins")]
    desk.post("eve", f"/collections/{wanted}/faces/delete", {"face_ids": ids})


def with_the_collection(desk: Office, wanted: str) -> None:
    assert desk.ask("ann", "DELETE", f"/collections/{wanted}").status in (200, 204)


@pytest.mark.control(28)
@pytest.mark.parametrize("go", [by_request, by_deletion, with_the_collection])
def test_where_all_candidates_go_however_they_do_nothing_of_them_is_left_and_nothing_is_concluded(
    desk: Office, wanted: str, go: Callable[[Office, str], None]
) -> None:
    case = searched(desk, wanted)["case"]["id"]
    go(desk, wanted)
    shown = desk.get("sam", f"/cases/{case}")
    assert (shown["case"]["state"], states(desk, case)) == ("inconclusive", ["erased", "erased"])
    assert reviewed(desk) == 0
    with desk.live.engine.stores.database.read() as connection:
        kept = connection.execute(select(case_pictures.c.kind).where(case_pictures.c.case_id == case)).scalars().all()
        (search,) = connection.execute(select(searches).where(searches.c.case_id == case)).all()
        rows = connection.execute(select(case_candidates).where(case_candidates.c.case_id == case)).all()
    assert kept == ["probe"]
    assert (search.sealed_candidates, search.best_pseudonym) == (None, None)
    assert {(each.face_id, each.user_id) for each in rows} == {("", None)}
    assert desk.get("aud", f"/reports/cases/{case}?form=json")["candidates"][0]["state"] == "erased"


@pytest.mark.control(28, 35)
def test_who_was_decided_before_stays_for_disclosure_and_whoever_erases_them_is_told_where(
    desk: Office, wanted: str
) -> None:
    case, face = searched(desk, wanted)["case"]["id"], face_of(desk, wanted, "eileen")
    assert reviewed(desk) == 4
    later = searched(desk, wanted)["case"]["id"]
    assert erased(desk, wanted, face) == ([case], [case])
    assert states(desk, case) == ["verified", "verified"]
    assert b"eileen" in desk.ask("aud", "GET", f"/reports/cases/{case}?form=json").content
    assert states(desk, later) == ["erased", "pending"], "of which nothing is to be disclosed yet"
    assert reviewed(desk) == 2, "of the other one, by two, so that nothing waits for the next test"


class Late:
    """Erases somebody between the finding of candidates and their record."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, erase: Callable[[], object]) -> None:
        first = ReviewedSearch.faces
        self.found = 0

        def faces(search: ReviewedSearch, grant: Any, where: Any, matches: Any, probe: Any) -> Any:
            monkeypatch.setattr(ReviewedSearch, "faces", first)
            self.found = len(matches)
            erase()
            return first(search, grant, where, matches, probe)

        monkeypatch.setattr(ReviewedSearch, "faces", faces)


def named(desk: Office, case: str) -> list[str]:
    """The faces of a case's candidates."""
    mine = select(case_candidates.c.face_id).where(case_candidates.c.case_id == case)
    with desk.live.engine.stores.database.read() as connection:
        return list(connection.execute(mine).scalars())


@pytest.mark.control(28, 55)
def test_who_is_erased_after_they_were_found_and_before_that_is_on_record_is_no_candidate(
    desk: Office, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    face, other = face_of(desk, wanted, "eileen"), face_of(desk, wanted, "collins")
    late = Late(monkeypatch, lambda: erased(desk, wanted, face))
    body = {"image": sent(portrait(dark=0.9))}
    found = desk.post("sam", f"/collections/{wanted}/search", body, **{HEADER: approved(desk, "sam")})
    assert (late.found, len(found["candidates"])) == (2, 1)
    case = found["case"]["id"]
    assert (states(desk, case), named(desk, case)) == (["pending"], [other])
    assert reviewed(desk) == 2
    report = desk.ask("aud", "GET", f"/reports/cases/{case}?form=json").content
    assert (b"collins" in report, b"eileen" in report, face.encode() in report) == (True, False, False)


@pytest.mark.control(28, 55)
def test_a_search_whose_only_candidates_were_erased_meanwhile_opens_no_case(
    desk: Office, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Late(monkeypatch, lambda: by_deletion(desk, wanted))
    body = {"image": sent(portrait(dark=0.9))}
    found = desk.post("sam", f"/collections/{wanted}/search", body, **{HEADER: approved(desk, "sam")})
    assert (late.found, found["candidates"], found["case"]["id"]) == (2, [], None)
