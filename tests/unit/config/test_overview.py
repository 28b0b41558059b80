"""The settings of a running server, with where each comes from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regard.config.layers import Origin
from regard.config.overview import SettingsOverview, StandingSetting
from regard.config.sections import SECTIONS
from regard.config.settings import load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("REGARD_")]:
        monkeypatch.delenv(name)


def told(overview: SettingsOverview) -> dict[str, StandingSetting]:
    return {f"{each.section}.{each.key}": each for each in overview.all()}


def test_each_setting_says_its_value_where_it_comes_from_and_its_name_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "regard.toml").write_text(
        '[jobs]\nworkers = 2\n[accountability]\nworking_hours = "07:00-19:30"\npublic_page = true\n'
        '[events]\nwebhook_secret = "whsec_shh"\nwebhooks = "https://example.org/with/a/token"\n'
    )
    monkeypatch.setenv("REGARD_TELEMETRY_LOG_FORMAT", "json")
    overview = SettingsOverview(load_settings(home=tmp_path, server={"port": 9000}))
    found = told(overview)
    assert found.keys() == {f"{name}.{key}" for name, table in SECTIONS.items() for key in table.model_fields}
    by = {name: (each.value, each.origin) for name, each in found.items()}
    assert by["jobs.workers"] == ("2", Origin.FILE)
    assert by["telemetry.log_format"] == ("json", Origin.ENVIRONMENT)
    assert by["server.port"] == ("9000", Origin.OVERRIDE)
    assert by["server.host"] == ("127.0.0.1", Origin.DEFAULT)
    assert by["accountability.working_hours"] == ("07:00-19:30", Origin.FILE)
    assert by["accountability.public_page"] == ("true", Origin.FILE)
    assert by["jobs.retention_days"] == ("7", Origin.DEFAULT)
    assert by["store.database"] == (None, Origin.DEFAULT)
    assert found["server.port"].variable == "REGARD_SERVER_PORT"
    assert not any(each.awaited for each in found.values())
    assert (overview.file, overview.fault()) == (tmp_path / "regard.toml", None)


def test_of_what_may_hold_a_secret_only_that_it_is_set_is_told(tmp_path: Path) -> None:
    secret = "postgresql://ada:shh@localhost/regard"
    (tmp_path / "regard.toml").write_text(f'[store]\ndatabase = "{secret}"\n[events]\nwebhook_secret = "whsec_shh"\n')
    found = told(SettingsOverview(load_settings(home=tmp_path)))
    assert (found["store.database"].value, found["store.database"].secret) == ("set", True)
    assert found["events.webhook_secret"].value == "set"
    assert "shh" not in repr(found)
    assert (found["index.milvus_token"].value, found["index.milvus_token"].secret) == (None, True)


def test_what_the_next_start_would_find_is_told_and_what_would_keep_it_from_starting(tmp_path: Path) -> None:
    overview = SettingsOverview(load_settings(home=tmp_path, server={"port": 9000}))
    (tmp_path / "regard.toml").write_text("[server]\nqueue = 7\nport = 9001\n")
    found = told(overview)
    assert {name for name, each in found.items() if each.awaited} == {"server.queue"}
    assert (found["server.queue"].value, found["server.queue"].origin) == ("128", Origin.DEFAULT)
    (tmp_path / "regard.toml").write_text("[server]\nqueu = 7\n")
    assert "did you mean queue?" in (overview.fault() or "")
    assert not any(each.awaited for each in overview.all())
