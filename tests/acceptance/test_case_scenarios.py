"""Four wrongful arrests, as far as cases reach: where people went on, the software stops, or discloses.

*Williams* (Detroit): a bad probe, the search as sole lead, then a line-up. *Miles* (New Jersey): two searches of which
one was told. *Tolbert* (Cleveland): an affidavit that hid the search and the other candidates. *Reid* (Louisiana): a
hit from elsewhere, and nothing else. The tests are named after what the sources report, and claim nothing beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest
from agency import Agency, agency, judgement, portrait
from botocore.exceptions import ClientError
from cli_home import Person, Said
from people import astronaut, encoded
from sqlalchemy import select

from regard.accountability.secret_box import SecretBox
from regard.bootstrap import accountability
from regard.domain.cases import CaseState, Opinion
from regard.domain.comparisons import COMPONENTS
from regard.store.case_rows import CaseRows
from regard.store.review_rows import ReviewRows
from regard.store.tables.cases import face_pictures
from regard.store.tables.faces import faces

SUSPECTS = {"CollectionId": "suspects"}
Run = Callable[..., Said]


def blurred() -> bytes:
    """What a bad camera makes of her."""
    small = PIL.Image.fromarray(astronaut()).resize((256, 256)).filter(PIL.ImageFilter.GaussianBlur(2.5))
    return encoded(np.asarray(small))


def size_of(file: Path) -> tuple[int, int]:
    with PIL.Image.open(file) as picture:
        return picture.size


@pytest.fixture(scope="module")
def station(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    with agency(models, tmp_path_factory.mktemp("scenarios")) as made:
        made.enrol("suspects", {"eileen-1": portrait(), "eileen-2": portrait(left=60)})
        erin = made.session("erin", made.authorise("erin"))
        erin.index_faces(**SUSPECTS, Image={"Bytes": blurred()}, ExternalImageId="licence-photo", QualityFilter="NONE")
        (made.live.engine.settings.home / "regard.toml").write_text(
            f'[models]\nfolder = "{models}"\n[accountability]\nprofile = "public-safety"\nassessment = "DPIA-2026-1"\n'
        )
        yield made


@pytest.fixture
def run(station: Agency, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command line, typed by one of them."""

    def typed(name: str, *words: object, keys: str | None = None) -> Said:
        monkeypatch.setattr(accountability.pwd, "getpwuid", lambda _: SimpleNamespace(pw_name=name))
        return Person(station.live.engine.settings.home, tmp_path).run(*words, typed=keys)

    return typed


def search(station: Agency, picture: bytes, *, agreed_by: str | None = None, **request: Any) -> tuple[str, str, Any]:
    """The case, the authorisation, and the answer; `agreed_by` is whose word there is for a bad probe."""
    authorisation = station.authorise("sam", poor_probes=agreed_by)
    client = station.session("sam", authorisation)
    answer = client.search_faces_by_image(**SUSPECTS, Image={"Bytes": picture}, **request)
    return str(answer["ResponseMetadata"]["HTTPHeaders"]["x-regard-case"]), authorisation, answer


def agreed(station: Agency, case: str, *names: str, opinion: Opinion = Opinion.SAME) -> None:
    """These reviewers judge the candidates of a case, and whatever else they are given in between."""
    rows = ReviewRows(station.database)
    for name in names:
        while (pair := station.next_pair(name)) is not None:
            mine = rows.get(pair.number, station.people[name])
            assert mine is not None
            station.decide(name, pair.number, judgement(opinion if mine.case_id == case else Opinion.INCONCLUSIVE))


def state(station: Agency, case: str) -> CaseState:
    found = CaseRows(station.database).find(case)
    assert found is not None
    return found.state


@pytest.mark.control(32, 33, 39)
def test_williams_a_bad_probe_takes_a_second_persons_word_and_a_lead_is_no_ground_for_a_line_up(
    station: Agency, run: Run, tmp_path: Path
) -> None:
    with pytest.raises(ClientError, match="the face can be seen too badly"):
        search(station, blurred(), MaxFaces=1)
    case, authorisation, _ = search(station, blurred(), agreed_by=station.people["olga"], MaxFaces=1)
    (kept,) = CaseRows(station.database).searches_under(authorisation)
    utility = kept.probe_edits["utility"]
    assert isinstance(utility, float)
    assert utility < 40
    line_up = ("cases", "line-up", case, 1, "--save", tmp_path / "line-up.png")
    assert "an investigative lead" in " ".join(run("sam", *line_up).err.split())
    agreed(station, case, "rita")
    assert state(station, case) is CaseState.OPEN
    agreed(station, case, "ron")
    assert state(station, case) is CaseState.VERIFIED
    add = ("cases", "corroborate", case, "--reference", "file 7", "--kind")
    assert "A line-up does not count" in " ".join(run("sam", *add, "line-up", "--independent").err.split())
    assert run("sam", *add, "line-up", "--derived").code == 0
    assert run("sam", *add, "witness", "--derived").code == 0  # who had only seen the same footage
    assert state(station, case) is CaseState.VERIFIED
    refused = run("sam", *line_up)
    assert refused.code == 1
    assert "needs 1 more independent support" in " ".join(refused.err.split())
    assert not (tmp_path / "line-up.png").exists()


@pytest.mark.control(35, 38)
def test_miles_every_search_that_named_somebody_is_on_record_with_all_its_candidates(
    station: Agency, run: Run, tmp_path: Path
) -> None:
    (original := tmp_path / "camera.jpg").write_bytes(portrait())
    (version := tmp_path / "brightened.jpg").write_bytes(portrait(dark=0.8))
    told = []
    for picture, words in ((original, ()), (version, ("--original", original, "--edit", "levels=0,0.8,1"))):
        asked = ("search", picture, "--collection", "suspects", "--authorisation", station.authorise("sam"))
        said = run("sam", *asked, *words, "--json")
        assert said.code == 0, said.err
        told += said.json["CaseIds"]
        assert "eileen" not in said.out
    everybody = [each.face_id for each in CaseRows(station.database).candidates(told[0])]
    for face in everybody:
        found = [each for each in CaseRows(station.database).searches_naming(face) if each.case_id in told]
        assert [each.case_id for each in found] == told
        for each in found:
            with station.acting("alice", "cases list") as grant:
                ranked = station.live.engine.cases.unsealed(grant, each)
            assert [one.rank for one in ranked] == [*range(1, len(ranked) + 1)]
            assert face in [one.face_id for one in ranked]
    first, second = (CaseRows(station.database).searches(case)[0] for case in told)
    assert "edits" not in first.probe_edits
    assert second.probe_edits["edits"] == [{"kind": "levels", "black": 0.0, "white": 0.8, "gamma": 1.0}]
    assert second.probe_edits["original_sha256"] == first.probe_sha256 != second.probe_sha256
    sketch = run("sam", "search", version, "--collection", "suspects", "--original", original, "--edit", "sketch=1")
    assert "no camera saw" in " ".join(sketch.err.split())


@pytest.mark.control(18, 33)
def test_tolbert_what_is_shown_to_others_says_where_it_comes_from_and_the_file_has_all_candidates(
    station: Agency, run: Run, tmp_path: Path
) -> None:
    case, _, _ = search(station, portrait(dark=0.85))
    agreed(station, case, "rita", "ron")
    for number in (1, 2):
        reference = f"exhibit {number}"
        run("sam", "cases", "corroborate", case, "--kind", "documents", "--reference", reference, "--independent")
    assert state(station, case) is CaseState.ACTIONABLE
    saved = tmp_path / "line-up.png"
    assert run("sam", "cases", "line-up", case, 1, "--save", saved).code == 0
    width, height = size_of(saved)
    assert height > width  # the words below the portrait
    shown = run("alice", "cases", "show", case, "--json").json
    assert len(shown["Candidates"]) > 1
    assert shown["Notice"].startswith("A candidate is an investigative lead")
    assert [each["Reference"] for each in shown["Corroborations"]] == ["exhibit 1", "exhibit 2"]
    assert case in run("alice", "cases", "list").out


@pytest.mark.control(32)
def test_reid_a_hit_with_nothing_else_stays_a_lead(station: Agency, run: Run, tmp_path: Path) -> None:
    case, _, _ = search(station, portrait(dark=0.95), MaxFaces=1)
    pending = run("sam", "cases", "show", case, "--json")
    assert pending.json["Candidates"][0]["ExternalImageId"] is None
    assert "eileen" not in pending.out
    assert "more corroboration" not in run("sam", "cases", "show", case).out
    agreed(station, case, "rita", "ron")
    assert state(station, case) is CaseState.VERIFIED
    shown = run("sam", "cases", "show", case)
    assert "eileen" in shown.out
    assert "cases corroborate" in shown.err
    told = run("sam", "cases", "show", case, "--json").json["Candidates"][0]
    assert told["ExternalImageId"].startswith("eileen")
    assert "1 more corroboration is needed that does not derive from the search." in shown.out
    assert run("sam", "cases", "line-up", case, 1, "--save", tmp_path / "line-up.png").code == 1
    assert run("sue", "cases", "show", case).code == 1


@pytest.mark.control(41, 42)
def test_a_review_at_the_command_line_shows_two_pictures_and_asks_for_every_component(
    station: Agency, run: Run, tmp_path: Path
) -> None:
    search(station, portrait(dark=0.75), MaxFaces=1)
    station.hire("roy")
    assert "takes the role reviewer" in " ".join(run("roy", "review", "next", "--save", tmp_path / "x.png").err.split())
    saved = tmp_path / "pair.png"
    said = run("rita", "review", "next", "--save", saved)
    while said.code == 0 and "nothing for you" not in said.out:
        assert size_of(saved)[0] > 2 * 512
        number = said.out.split()[1].rstrip(".")
        swaying = ("suspects", "eileen", "case", "99", "violent")
        assert not [word for word in swaying if word in said.out]
        some = run("rita", "review", "decide", number, "same", "--similar", "nose", "--reason", "The nose.")
        assert "Compare every component" in " ".join(some.err.split())
        every = ("--similar", ",".join(COMPONENTS), "--reason", "All alike.")
        assert run("rita", "review", "decide", number, "same", *every).code == 0
        said = run("rita", "review", "next", "--save", saved)
    assert run("olga", "review", "rates", "--json").code == 0


@pytest.mark.control(42)
def test_a_review_is_given_a_key_at_a_time(station: Agency, run: Run, tmp_path: Path) -> None:
    search(station, portrait(dark=0.7), MaxFaces=1)
    number = run("rita", "review", "next", "--save", tmp_path / "pair.png").out.split()[1].rstrip(".")
    answers = "x" + "s" * (len(COMPONENTS) - 1) + "n" + "s"
    withdrawn = run("rita", "review", "decide", number, keys=f"{answers}All alike.\nn\n")
    assert withdrawn.code == 1
    assert "recorded" not in withdrawn.out
    assert run("rita", "review", "decide", number, keys="ss").code == 1, "whoever stops has said nothing"
    given = run("rita", "review", "decide", number, keys=f"{answers}All alike.\ny\n")
    assert f"Your opinion of the pair {number} is recorded." in given.out, given.err
    assert "alterations: not-visible" in given.out
    row = ReviewRows(station.database).get(int(number), station.people["rita"])
    assert row is not None
    assert (row.opinion, row.components["skin"], row.components["alterations"]) == ("same", "similar", "not-visible")


def test_candidates_who_are_not_reviewed_are_not_drawn(station: Agency, run: Run, tmp_path: Path) -> None:
    photo = tmp_path / "probe.jpg"
    photo.write_bytes(portrait(dark=0.8))
    authorisation = station.authorise("sam", searches=1)
    words = ("search", photo, "--collection", "suspects", "--authorisation", authorisation)
    refused = run("sam", *words, "--save", tmp_path / "sheet.png")
    assert "candidates are drawn for reviewers alone" in " ".join(refused.err.split())
    assert not (tmp_path / "sheet.png").exists()
    assert run("sam", *words).code == 0, "and it cost no search"


@pytest.mark.control(55, 56)
def test_looking_for_what_is_kept_of_people_is_bounded_and_noticed(
    station: Agency, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "asks.jpg"
    photo.write_bytes(portrait(dark=0.8))
    monkeypatch.setattr("regard.engine.galleries.subject_looks._MOST_LOOKS", 2)
    assert [run("olga", "subject", "find", photo).code for _ in range(2)] == [0, 0]
    refused = run("olga", "subject", "find", photo)
    assert (refused.code, "looks for at most 2 in an hour" in " ".join(refused.err.split())) == (1, True)


@pytest.mark.control(8)
def test_a_candidate_that_was_enrolled_without_a_picture_waits_until_the_very_file_is_given(
    station: Agency, run: Run, tmp_path: Path
) -> None:
    with station.database.write() as connection:  # as if they were enrolled before the profile asked for reviews
        connection.exec_driver_sql("DELETE FROM face_pictures")
    case, _, _ = search(station, portrait(dark=0.9), MaxFaces=1)
    agreed(station, case, "rita", "ron")
    assert state(station, case) is CaseState.OPEN
    assert "No picture of 1 is at hand" in " ".join(run("sam", "cases", "show", case).err.split())
    (other := tmp_path / "other.jpg").write_bytes(portrait(dark=0.5))
    refused = run("erin", "faces", "picture", other, "--collection", "suspects")
    assert refused.code == 1
    assert "no face of suspects was enrolled from it" in " ".join(refused.err.split())
    for name, content in (("1.jpg", portrait()), ("2.jpg", portrait(left=60))):
        (tmp_path / name).write_bytes(content)
        assert run("erin", "faces", "picture", tmp_path / name, "--collection", "suspects").code == 0
    agreed(station, case, "rita", "ron")
    assert state(station, case) is CaseState.VERIFIED


@pytest.mark.control(8)
def test_an_indexed_folder_has_pictures_for_reviewers_too(station: Agency, run: Run, tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir()
    (folder / "new.jpg").write_bytes(portrait(left=90))
    refused = run("erin", "index", folder, "--collection", "newly-named")
    assert "needs a basis" in " ".join(refused.err.split())
    assert "Created" not in refused.err
    assert not refused.out
    words = ("index", folder, "--collection", "suspects", "--basis", "arrest 12", "--source", "custody suite")
    said = run("erin", *words)
    assert said.code == 0, said.err
    with station.database.read() as connection:
        query = select(faces.c.face_id, face_pictures.c.sealed).outerjoin(
            face_pictures, face_pictures.c.face_id == faces.c.face_id
        )
        (found,) = connection.execute(query.where(faces.c.external_image_id.like("new%")))
    assert found.sealed is not None
    box = SecretBox(station.live.engine.settings.home / "seal.key")
    picture = box.unseal(found.sealed, f"picture of the face {found.face_id}")
    assert picture is not None
    assert picture.startswith(b"\xff\xd8\xff")


@pytest.mark.control(7, 8)
@pytest.mark.slow
def test_a_collection_may_have_its_candidates_reviewed_where_others_do_not(models: Path, tmp_path: Path) -> None:
    with agency(models, tmp_path, profile="recorded") as station:
        client = station.live.client()
        client.create_collection(CollectionId="wanted", Tags={"regard:profile": "public-safety"})
        station.enrol("wanted", {"eileen": portrait()})
        client.index_faces(CollectionId="suspects", Image={"Bytes": portrait()}, ExternalImageId="eileen")
        plain = client.search_faces_by_image(CollectionId="suspects", Image={"Bytes": portrait()})
        assert plain["FaceMatches"][0]["Face"]["ExternalImageId"] == "eileen"
        sam = station.session("sam", station.authorise("sam"))
        answer = sam.search_faces_by_image(CollectionId="wanted", Image={"Bytes": portrait()})
        case = str(answer["ResponseMetadata"]["HTTPHeaders"]["x-regard-case"])
        alias = answer["FaceMatches"][0]["Face"]["FaceId"]
        reviews = station.live.engine.reviews
        for name, where in (("rita", None), ("ron", "wanted")):
            with station.acting(name, "review next", where) as grant:
                pair = reviews.next(grant)
            assert pair is not None
            with station.acting(name, "review decide", where) as grant:
                reviews.decide(grant, pair.number, judgement())
        assert state(station, case) is CaseState.VERIFIED
        (face,) = sam.list_faces(CollectionId="wanted", FaceIds=[alias])["Faces"]
        assert face["ExternalImageId"] == "eileen"
        with station.acting("sam", "cases show") as grant:
            assert station.live.engine.cases.show(grant, case).case.id == case
        with station.acting("sue", "cases list") as grant:
            assert station.live.engine.cases.all(grant) == []
