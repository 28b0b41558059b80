from __future__ import annotations

from pathlib import Path

import pytest

from regard.config.settings import load_settings
from regard.errors import SettingsError


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "regard.toml").write_text('port = 1\nregion = "a"\nembedder = "filed"\n')
    settings = load_settings({"REGARD_PORT": "2", "REGARD_REGION": "b"}, home=tmp_path, port=3)
    assert (settings.port, settings.region, settings.embedder, settings.detector) == (3, "b", "filed", "centerface")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("REGARD_PROT", "8080", "REGARD_PROT sets 'prot', which is not a setting"),
        ("REGARD_PORT", "http", "port to 'http', which is not a whole number"),
        ("REGARD_MODEL_DIR", "", "REGARD_MODEL_DIR sets model_dir to nothing"),
    ],
)
def test_what_cannot_be_meant_is_an_error_that_names_its_place(variable: str, value: str, said: str, tmp_path) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings({variable: value}, home=tmp_path)


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    assert "hush" not in repr(load_settings({"REGARD_S3_SECRET_ACCESS_KEY": "hush"}, home=tmp_path))


@pytest.mark.parametrize(
    ("chosen", "said"), [("faiss", "neither embedded nor milvus"), ("milvus", "say in `milvus` where it is")]
)
def test_an_index_there_is_not_is_refused(tmp_path: Path, chosen: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings({"REGARD_INDEX": chosen}, home=tmp_path)
    assert load_settings({"REGARD_INDEX": "milvus", "REGARD_MILVUS": "http://m:1"}, home=tmp_path).index == "milvus"


def test_what_opens_milvus_is_not_shown_with_the_settings(tmp_path: Path) -> None:
    assert "s3cret" not in repr(load_settings({"REGARD_MILVUS_TOKEN": "root:s3cret"}, home=tmp_path))
