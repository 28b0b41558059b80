"""Reviews, cases, incidents, reports and subject access at the command line of people who share no machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from agency import portrait
from native import Office, Terminals, office
from test_native_walk_through import HEADER, OPINION, approved, sent

from regard.domain.comparisons import COMPONENTS


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("oversight"), models) as made:
        made.post("ann", "/collections", {"collection_id": "suspects"})
        under = {HEADER: approved(made, "eve")}
        for name, content in (("eileen", portrait()), ("collins", portrait(left=60))):
            picture = {"image": sent(content), "external_image_id": name}
            made.post("eve", "/collections/suspects/faces", picture, **under)
        yield made


@pytest.fixture(scope="module")
def typed(desk: Office, tmp_path_factory: pytest.TempPathFactory) -> Terminals:
    return Terminals(desk, tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module")
def case(desk: Office) -> str:
    body = {"image": sent(portrait(dark=0.9))}
    return str(desk.post("sam", "/collections/suspects/search", body, **{HEADER: approved(desk, "sam")})["case"]["id"])


@pytest.mark.slow
def test_two_reviewers_agree_and_the_searcher_learns_who_it_is(typed: Terminals, case: str, tmp_path: Path) -> None:
    before = json.loads(typed("sam", "cases", "show", case, "--json").stdout)
    assert (before["State"], {each["ExternalImageId"] for each in before["Candidates"]}) == ("open", {None})
    for login in ("rob", "ray"):
        while True:
            pair = typed(login, "review", "next", "--save", tmp_path / f"{login}.png").stdout
            if pair.startswith("There is nothing"):
                break
            number = pair.split()[1].rstrip(".")
            said = ("--similar", ",".join(COMPONENTS), "--reason", "The marks beside the nose agree.")
            assert "recorded" in typed(login, "review", "decide", number, "same", *said).stdout
        assert (tmp_path / f"{login}.png").stat().st_size > 10_000
    after = typed("sam", "cases", "show", case).stdout
    assert "verified" in after
    assert "eileen" in after or "collins" in after
    (found,) = json.loads(typed("sam", "cases", "list", "--state", "verified", "--json").stdout)["Cases"]
    assert found["CaseId"] == case
    supported = typed("sam", "cases", "corroborate", case, "--kind", "witness", "--reference", "W-1", "--independent")
    assert supported.stdout == f"{case} is actionable.\n"
    rates = json.loads(typed("aud", "review", "rates", "--json").stdout)
    assert {each["Login"] for each in rates["Reviewers"]} <= {"rob", "ray"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # WeasyPrint leaves a file open
@pytest.mark.slow
def test_reports_are_written_where_they_are_asked_for(typed: Terminals, case: str, tmp_path: Path) -> None:
    typed("aud", "report", "case", case, "--output", tmp_path / "case")
    assert {f"case-report-{case}{kind}" for kind in (".html", ".json", ".csv")} <= {
        each.name for each in (tmp_path / "case").iterdir()
    }
    assert any((tmp_path / "case" / "proofs").iterdir())
    typed("sam", "report", "warrant", case, "--output", tmp_path / "warrant.html")
    assert "lead" in (tmp_path / "warrant.html").read_text()
    typed("ove", "report", "accountability", "--output", tmp_path / "accountability.json")
    assert json.loads((tmp_path / "accountability.json").read_text())["report"] == "accountability-report"
    period = ("--from", "2026-01-01", "--to", "2026-01-31")
    audited = typed("aud", "report", "audit", *period, "--output", tmp_path / "a.csv")
    assert audited.stdout == "0 searches were checked; exceptions: none.\n"
    typed("ove", "report", "transparency", *period, "--output", tmp_path / "public.html")
    assert "it takes" in typed("sam", "report", "accountability", code=1).stderr


def test_incidents_are_opened_told_of_and_closed(typed: Terminals) -> None:
    opened = typed("sam", "incidents", "open", "misuse", "a search without a case", "--recipient", "the commission")
    (found,) = json.loads(typed("aud", "incidents", "list", "--json").stdout)
    assert found["Id"] in opened.stdout
    assert found["Notices"][0]["Recipient"] == "the commission"
    assert "was told" in typed("ove", "incidents", "notify", found["Id"], "the commission").stdout
    typed("ove", "incidents", "close", found["Id"], "--resolution", "explained")
    assert "explained" in typed("ann", "incidents", "show", found["Id"]).stdout
    assert typed("aud", "incidents", "signals", "--json").stdout.startswith("[")


def test_a_person_is_found_and_erased_by_two(typed: Terminals, desk: Office, tmp_path: Path, case: str) -> None:
    for login in ("rob", "ray"):
        while (pair := desk.post(login, "/reviews/next")["pair"]) is not None:
            desk.post(login, f"/reviews/{pair['number']}", OPINION)
    picture = tmp_path / "applicant.jpg"
    picture.write_bytes(portrait())
    found = json.loads(typed("ove", "subject", "find", picture, "--json").stdout)
    names = {each["ExternalImageId"] for each in found["Faces"]}
    assert "eileen" in names
    asked = typed("ove", "subject", "erase", picture, "--yes").stdout
    request = asked.rstrip(".\n").rpartition(" as ")[2]
    assert "another person" in typed("ove", "subject", "confirm", request, code=1).stderr
    done = typed("oda", "subject", "confirm", request)
    assert done.stdout.startswith("Erased ")
    assert f"until their own time is over: {case}." in " ".join(done.stderr.split()), "it was decided about them"
    left = desk.get("eve", "/collections/suspects/faces")["faces"]
    assert "eileen" not in {each["external_image_id"] for each in left}


@pytest.mark.slow
def test_a_face_is_searched_for_at_the_server_under_an_authorisation(
    desk: Office, typed: Terminals, tmp_path: Path
) -> None:
    picture, at = tmp_path / "probe.jpg", ("--collection", "wanted")
    picture.write_bytes(portrait(dark=0.9))
    desk.post("ann", "/collections", {"collection_id": "wanted"})
    enrolled = {HEADER: approved(desk, "eve")}
    for name, content in (("eileen", portrait()), ("collins", portrait(left=60))):
        given = {"image": sent(content), "external_image_id": name}
        desk.post("eve", "/collections/wanted/faces", given, **enrolled)
    assert "authorisation" in typed("sam", "search", picture, *at, code=1).stderr
    under = ("--authorisation", approved(desk, "sam"))
    found = json.loads(typed("sam", "search", picture, *at, *under, "--json").stdout)
    (face,) = found["Faces"]
    assert (found["FaceCount"], found["FaceMatchThreshold"], len(face["FaceMatches"])) == (2, 99, 2)
    assert set(face["Face"]) == {"BoundingBox"}
    assert face["FaceMatches"][0]["Face"]["ExternalImageId"].startswith("review-pending:")
    shown = typed("sam", "search", picture, *at, *under)
    assert found["CaseIds"][0] in typed("sam", "cases", "list").stdout
    assert "2 people must agree" in shown.stderr
    assert "wanted holds 2 faces" in " ".join(shown.stdout.split())
    users = json.loads(typed("sam", "users", "search", picture, *at, *under, "--json").stdout)
    assert (users["UserCount"], users["UserMatches"]) == (0, [])
    assert "leave out --all-faces" in typed("sam", "search", picture, *at, "--all-faces", code=1).stderr
    assert not (typed.homes / "sam" / "regard.db").exists()
