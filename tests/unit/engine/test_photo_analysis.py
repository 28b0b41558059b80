from __future__ import annotations

from people import astronaut, crowd, encoded, nobody

from regard.domain.arrays import ByteArray
from regard.domain.faces import Detail
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import load
from regard.engine.analysis.photo_analysis import Submission, analyze_photos


def submission(pixels: ByteArray, name: str | None = None) -> Submission:
    return Submission(picture=load(encoded(pixels, "PNG")), external_image_id=name)


def test_every_picture_has_its_analysis_in_its_place(analyzer: FaceAnalyzer) -> None:
    batch = [submission(astronaut(), "ada"), submission(nobody()), submission(crowd(2, 2), "crew")]
    found = analyze_photos(analyzer, batch)
    assert [len(each.chosen) for each in found] == [1, 0, 4]
    assert [each.external_image_id for each in found] == ["ada", None, "crew"]
    assert [each.image_id for each in found] == [each.picture.image_id for each in batch]
    assert analyze_photos(analyzer, []) == []


def test_only_the_faces_that_are_kept_are_embedded(analyzer: FaceAnalyzer) -> None:
    (found,) = analyze_photos(analyzer, [submission(crowd(2, 3, 160))], most=2)
    assert len(found.found) == 6
    assert found.found.embeddings is None
    assert found.selection.kept.tolist() == [0, 1]
    assert found.selection.refused == {row: ["EXCEEDS_MAX_FACES"] for row in (2, 3, 4, 5)}
    assert found.chosen.embeddings is not None
    assert found.chosen.embeddings.shape == (2, 512)


def test_the_level_decides_which_faces_are_kept(analyzer: FaceAnalyzer) -> None:
    small = [submission(crowd(2, 2, 48))]
    assert len(analyze_photos(analyzer, small, "AUTO")[0].chosen) == 4
    (strict,) = analyze_photos(analyzer, small, "HIGH")
    assert len(strict.chosen) == 0
    assert all("SMALL_BOUNDING_BOX" in reasons for reasons in strict.selection.refused.values())


def test_a_face_has_what_it_is_judged_by_and_what_is_asked_for(analyzer: FaceAnalyzer) -> None:
    (plain,) = analyze_photos(analyzer, [submission(astronaut())])
    (detailed,) = analyze_photos(analyzer, [submission(astronaut())], detail=Detail.AGE)
    assert plain.found.quality is not None
    assert plain.found.pose is not None
    assert plain.found.age_range is None
    assert detailed.found.age_range is not None
