from __future__ import annotations

from pathlib import Path

import pytest

from regard.config.moved_settings import MOVED
from regard.config.sections import SECTIONS
from regard.config.settings import load_settings
from regard.errors import SettingsError


def refusal(home: Path, environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(environment, home=home)
    return raised.value.message


def test_every_old_name_has_a_place_of_its_own_among_the_sections() -> None:
    assert len(set(MOVED.values())) == len(MOVED)
    assert [place for place in MOVED.values() if place[1] not in SECTIONS[place[0]].model_fields] == []


@pytest.mark.parametrize(("old", "place"), MOVED.items(), ids=MOVED)
def test_an_old_setting_is_answered_with_its_new_place(old: str, place: tuple[str, str], tmp_path: Path) -> None:
    section, key = place
    assert refusal(tmp_path, {f"REGARD_{old}".upper(): "x"}) == (
        f"REGARD_{old.upper()} is now REGARD_{section.upper()}_{key.upper()}"
    )
    file = tmp_path / "regard.toml"
    file.write_text(f"{old} = 'x'\n")
    assert refusal(tmp_path, {}) == f"{file} sets {old}, which is now [{section}] {key}"


def test_all_old_settings_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "regard.toml").write_text('index = "milvus"\nport = 1\n[server]\nhost = "a"\n')
    assert refusal(tmp_path, {}).endswith(
        "regard.toml sets index, which is now [index] default; port, which is now [server] port"
    )
