"""A server with little memory for pictures, and real clients."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from live_server import Live, with_models
from people import astronaut, encoded, nobody


@pytest.fixture(scope="module")
def tight(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Room for two small pictures compared with each other, and for nothing beside them."""
    with with_models(models, tmp_path_factory.mktemp("tight"), server={"memory": "100 MB"}) as server:
        yield server


def test_a_picture_that_never_fits_is_refused_by_its_header_and_the_setting_is_named(tight: Live) -> None:
    with pytest.raises(
        ClientError, match=r"all pictures together may take 100 MB here\. .*`memory` in \[server\]"
    ) as told:
        tight.client().detect_faces(Image={"Bytes": encoded(nobody(1080, 1920))})
    assert told.value.response["Error"]["Code"] == "ImageTooLargeException"


@pytest.mark.slow
def test_pictures_sent_and_stored_that_only_fit_one_after_the_other_are_all_answered(tight: Live) -> None:
    data = encoded(astronaut())
    stored, client = tight.put("a.jpg", data), tight.client()

    def ask(number: int) -> int:
        if number % 2:
            return len(client.detect_faces(Image={"Bytes": data})["FaceDetails"])
        return len(client.compare_faces(SourceImage=stored, TargetImage={"Bytes": data})["FaceMatches"])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(16))) == [1] * 16
