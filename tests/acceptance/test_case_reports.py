"""What is disclosed of a case: all of it, in order, with proofs that others verify; and what is told before."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import in_process
import pango
import pytest
from agency import Agency, agency, portrait
from people import encoded, head
from test_reviewed_search import SUSPECTS, case_of, decided

from regard.accountability.reports import rendering
from regard.bootstrap.reports import Reports, reports
from regard.domain.cases import Opinion
from regard.errors import AccessDenied

PROBE = {"Bytes": portrait(dark=0.9)}


@pytest.fixture(scope="module")
def station(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    with agency(models, tmp_path_factory.mktemp("station"), agency="Seed County", contact="board@seed.example") as made:
        made.faces = made.enrol("suspects", {"eileen-1": portrait(), "-cmd:A1": portrait(left=60)})  # type: ignore[attr-defined]
        yield made


@pytest.fixture(scope="module")
def doors(station: Agency) -> Reports:
    engine = station.live.engine
    return reports(engine.settings, engine.stores, engine.known_models)


@pytest.fixture(scope="module")
def case(station: Agency) -> str:
    """A search that found two faces, one of which reviewers say is another person; and one before that found nobody."""
    client = station.session("sam", station.authorise("sam"))
    nobody = client.search_faces_by_image(**SUSPECTS, Image={"Bytes": encoded(head(160)[:, ::-1])}, MaxFaces=1)
    assert "FaceMatches" in nobody
    found = case_of(client.search_faces_by_image(**SUSPECTS, Image=PROBE))
    decided(station, {"rita": Opinion.SAME, "ron": Opinion.SAME}, found)
    with station.acting("sam", "cases corroborate") as grant:
        reference = '=HYPERLINK("http://x.example")<script>alert(1)</script>'
        station.live.engine.cases.corroborate(grant, found, "witness", reference, independent=False)
    return found


@pytest.fixture(scope="module")
def bundle(station: Agency, doors: Reports, case: str) -> Any:
    with station.acting("alice", "report case") as grant:
        return doors.cases.case(grant, case)


@pytest.mark.control(18, 35, 37, 38, 40)
def test_a_case_report_has_every_candidate_in_order_and_who_compared_them(station: Agency, bundle: Any) -> None:
    said = json.loads(rendering.text_json(bundle.report))
    (search,) = said["searches"]
    similarities = [each["similarity"] for each in search["candidates"]]
    assert [each["rank"] for each in search["candidates"]] == [1, 2]
    assert similarities == sorted(similarities, reverse=True)
    assert min(similarities) > 99
    assert search["gallery_size"] == 2
    assert search["threshold"] == 99
    assert re.fullmatch("[0-9a-f]{64}", search["probe_sha256"])
    assert search["expected_false"] > 0
    reviewers = {each["name"] for each in said["reviewers"].values()}
    assert reviewers == {"rita", "ron"}
    assert all(each["trainings"][0]["reference"] == "T-1" for each in said["reviewers"].values())
    assert {each["reason"] for each in said["reviews"]} == {"The marks beside the nose agree."}
    assert len(said["other_searches"]) == 1
    assert said["system"]["models"][0]["sha256"]
    html = rendering.html(bundle.report)
    for heading in (
        "The tool, its maker, its version and its source",
        "What it compares",
        "Error rates, and who measured them",
        "What its scores mean",
        "Every candidate of every search, in order",
        "The database that was searched",
        "The original picture, and every edited copy",
        "Who compared them, what they noted, and their training",
    ):
        assert heading in html
    assert html.count("data:image/jpeg") == 3
    assert "Investigative lead only" in html
    assert "compliant" not in html


@pytest.mark.control(36, 37)
@pytest.mark.slow
def test_the_proofs_of_a_case_are_verified_by_somebody_who_has_nothing_else(
    station: Agency, bundle: Any, tmp_path: Path
) -> None:
    with station.acting("alice", "ledger keys") as grant:
        from regard.bootstrap.ledger import ledger_access  # noqa: PLC0415

        (key, *_) = ledger_access(station.live.engine.settings, station.live.engine.stores).keys(grant)
    operations = set()
    for number, (name, proof) in enumerate(bundle.proofs.items()):
        (tmp_path / name).write_text(proof)
        words = ["ledger", "verify", str(tmp_path / name), "--key", key]
        verified = in_process.run(words, {}) if number else _alone(words, tmp_path)
        assert verified.returncode == 0, verified.stderr
        operations |= {each for each in ("SearchFacesByImage", "review decide") if each in verified.stdout}
    assert operations == {"SearchFacesByImage", "review decide"}


def _alone(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """`regard …` in a process that has nothing but an empty home."""
    command, environment = [sys.executable, "-m", "regard", *words], {"HOME": str(folder)}
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # WeasyPrint leaves a file open
@pytest.mark.control(37)
@pytest.mark.slow
def test_a_bundle_is_html_pdf_json_and_a_spreadsheet_and_no_name_becomes_a_formula(bundle: Any) -> None:
    sheet = rendering.spreadsheet(bundle.report)
    assert '"\'-cmd:A1"' in sheet
    assert "\"'=HYPERLINK" in sheet
    assert not re.search('"[=+@-]', sheet)
    html = rendering.html(bundle.report)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    pango.needed()
    made = rendering.pdf(bundle.report)
    assert made.startswith(b"%PDF")
    streams = [part.partition(b"endstream")[0].strip(b"\r\n") for part in made.split(b"stream\n")[1:]]
    metadata = [text for text in map(_inflated, streams) if b"pdfaid:part" in text]
    assert b'pdfaid:conformance="A"' in metadata[0]


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


@pytest.mark.control(34)
def test_a_warrant_page_tells_rank_number_of_others_and_what_speaks_against_it(
    station: Agency, doors: Reports, case: str
) -> None:
    with station.acting("sam", "report warrant") as grant:
        said = dict(doors.cases.warrant(grant, case).data)
    assert [(each["rank"], each["others"]) for each in said["verified"]] == [(1, 1), (2, 1)]
    flaws = " ".join(said["flaws"])
    assert "1 other people or pictures were returned by the same search" in flaws
    assert "Nothing that is independent of the search supports" in flaws
    assert "error rates of this system were not measured in this place" in flaws


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # WeasyPrint leaves a file open
@pytest.mark.control(34)
@pytest.mark.slow
def test_a_warrant_page_is_one_page(station: Agency, doors: Reports, case: str) -> None:
    pango.needed()
    with station.acting("sam", "report warrant") as grant:
        made = rendering.pdf(doors.cases.warrant(grant, case))
    streams = [part.partition(b"endstream")[0].strip(b"\r\n") for part in made.split(b"stream\n")[1:]]
    objects = b"".join(map(_inflated, streams))
    assert len(re.findall(rb"/Type /Page\b", objects + made)) == 1


@pytest.mark.control(32, 34)
def test_what_supports_a_case_is_told_once_however_often_it_is_named(station: Agency, doors: Reports) -> None:
    client = station.session("sam", station.authorise("sam"))
    found = case_of(client.search_faces_by_image(**SUSPECTS, Image=PROBE))
    decided(station, {"rita": Opinion.SAME, "ron": Opinion.SAME}, found)
    for reference in ("W-1", " w-1 ", "W 1"):
        with station.acting("sam", "cases corroborate") as grant:
            station.live.engine.cases.corroborate(grant, found, "witness", reference, independent=True)
    with station.acting("sam", "report warrant") as grant:
        said = doors.cases.warrant(grant, found).data
    assert (said["independent_support"], said["kinds_of_support"]) == (1, {"witness": 1})


@pytest.mark.control(34, 41)
def test_no_warrant_page_tells_ranks_before_reviewers_have_decided(station: Agency, doors: Reports) -> None:
    client = station.session("sam", station.authorise("sam"))
    pending = case_of(client.search_faces_by_image(**SUSPECTS, Image=PROBE))
    with station.acting("sam", "report warrant") as grant, pytest.raises(AccessDenied, match="is open"):
        doors.cases.warrant(grant, pending)


def test_whoever_searched_is_told_no_order_of_candidates(station: Agency, doors: Reports, case: str) -> None:
    with (
        pytest.raises(AccessDenied, match="it takes one of the roles auditor or overseer"),
        station.acting("sam", "report case"),
    ):
        pass


@pytest.mark.control(35, 55)
def test_every_search_that_returned_a_face_is_listed_with_its_rank(station: Agency, doors: Reports, case: str) -> None:
    face = station.faces["eileen-1"]  # type: ignore[attr-defined]
    with station.acting("alice", "report searches") as grant:
        found = doors.cases.naming(grant, face).data["searches"]
    assert {each["case"] for each in found} >= {case}  # type: ignore[attr-defined]
    assert {each["rank"] for each in found} <= {1, 2}  # type: ignore[attr-defined]
