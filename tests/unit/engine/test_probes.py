from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from people import astronaut, crowd, encoded, image, nobody

from regard.domain.faces import Detail
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.probes import NoFace, ProbeReader
from regard.errors import InvalidImageFormat, InvalidParameter
from regard.media.blobs import FolderStore


@pytest.fixture
def probes(analyzer: FaceAnalyzer, buckets: Path) -> ProbeReader:
    return ProbeReader(ImageLoader(FolderStore(buckets)), analyzer)


def test_the_largest_face_is_the_probe_with_a_unit_vector(probes: ProbeReader) -> None:
    crew = image(crowd(1, 3, 160))
    found = probes.of(crew)
    assert found.image is crew
    assert (len(found.faces), found.embeddings.shape) == (1, (1, 512))
    assert np.linalg.norm(found.embeddings[0]) == pytest.approx(1, abs=1e-5)
    everyone = probes.of(crew, most=100)
    np.testing.assert_array_equal(everyone.faces.boxes[0], found.faces.boxes[0])
    assert len(everyone.embeddings) == 3


def test_a_face_below_the_level_is_left_out_and_a_picture_without_any_other_refused(probes: ProbeReader) -> None:
    small = image(crowd(2, 2, 48))
    assert len(probes.of(small, "AUTO", most=4).faces) == 4
    with pytest.raises(NoFace, match=r"^There are no faces in the image\. Should be at least 1\.$") as told:
        probes.of(small, "HIGH", most=4)
    assert told.value.image is small
    with pytest.raises(NoFace):
        probes.of(image(nobody()))
    assert issubclass(NoFace, InvalidParameter)


def test_only_what_is_asked_for_or_judged_by_is_described(probes: ProbeReader) -> None:
    picture = image(astronaut())
    assert probes.of(picture).faces.quality is None
    assert probes.of(picture, "LOW").faces.quality is not None
    assert probes.of(picture, detail=Detail.AGE).faces.age_range is not None


def test_every_face_can_be_found_first_and_embedded_later(probes: ProbeReader) -> None:
    crew = image(crowd(1, 3, 160))
    found = probes.found(crew, Detail.QUALITY)
    assert len(found) == 3
    assert found.embeddings is None
    np.testing.assert_allclose(probes.embedded(crew, found).embeddings, probes.of(crew, most=3).embeddings, atol=1e-4)


def test_a_picture_is_read_as_the_loader_reads_it(probes: ProbeReader) -> None:
    with probes.reading(encoded(nobody(90, 120), "PNG")) as (picture,):
        assert (picture.load().image.pixels == nobody(90, 120)).all()
    with pytest.raises(InvalidImageFormat), probes.reading(b"text"):
        pass
