from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from regard.config.layers import Origin
from regard.config.sections import SECTIONS, IndexSettings, split
from regard.config.settings import Settings, load_settings, origins
from regard.errors import SettingsError

MIXED = '[server]\nport = 1\nregion = "a"\n[models]\nembedder = "filed"\n'


def refusal(home: Path, environment: dict[str, str] | None = None, /, **overrides: dict[str, object]) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(environment or {}, home=home, **overrides)
    return raised.value.message


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "regard.toml").write_text(MIXED)
    environment = {"REGARD_SERVER_PORT": "2", "REGARD_SERVER_REGION": "b"}
    settings = load_settings(environment, home=tmp_path, server={"port": 3})
    assert (settings.server.port, settings.server.region) == (3, "b")
    assert (settings.models.embedder, settings.models.detector) == ("filed", "centerface")


def test_what_the_command_line_leaves_out_is_left_to_the_others(tmp_path: Path) -> None:
    (tmp_path / "regard.toml").write_text(MIXED)
    assert load_settings({}, home=tmp_path, server={"port": None}).server.port == 1


def test_where_each_setting_comes_from_is_known_even_where_it_says_what_the_default_does(tmp_path: Path) -> None:
    (tmp_path / "regard.toml").write_text('[server]\nport = 8080\nregion = "a"\n')
    found = origins({"REGARD_SERVER_REGION": "us-east-1"}, home=tmp_path)
    assert found["server", "port"] is Origin.FILE
    assert found["server", "region"] is Origin.ENVIRONMENT
    assert found["server", "host"] is Origin.DEFAULT
    assert set(found) == {(name, key) for name, table in SECTIONS.items() for key in table.model_fields}


def test_an_idle_connection_outlives_the_pools_of_clients_unless_set_otherwise(tmp_path: Path) -> None:
    assert load_settings({}, home=tmp_path).server.idle_seconds == 75
    assert load_settings({"REGARD_SERVER_IDLE_SECONDS": "3"}, home=tmp_path).server.idle_seconds == 3


def test_a_section_is_read_for_every_section_there_is() -> None:
    assert {name: field.annotation for name, field in Settings.model_fields.items() if name != "home"} == SECTIONS


def test_the_places_lie_in_the_home_unless_they_are_set(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path)
    assert (settings.models_folder, settings.buckets_folder) == (tmp_path / "models", tmp_path / "buckets")
    assert settings.database_url == f"sqlite:///{tmp_path}/regard.db"
    elsewhere = load_settings(
        {"REGARD_MODELS_FOLDER": "~/m", "REGARD_OBJECTS_BUCKETS": "b"}, home=tmp_path, store={"database": "x://y"}
    )
    assert (elsewhere.models_folder, elsewhere.buckets_folder) == (Path.home() / "m", Path.cwd() / "b")
    assert elsewhere.database_url == "x://y"


def test_the_home_is_the_one_chosen_else_the_variables_else_the_xdg_folder(tmp_path: Path) -> None:
    assert load_settings({"REGARD_HOME": "/a"}, home=tmp_path).home == tmp_path
    assert load_settings({"REGARD_HOME": str(tmp_path), "XDG_DATA_HOME": "/b"}).home == tmp_path
    assert load_settings({"XDG_DATA_HOME": str(tmp_path)}).home == tmp_path / "regard"


def test_settings_cannot_be_changed_and_travel_to_another_process(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path, server={"port": 3})
    with pytest.raises(ValidationError, match="frozen"):
        settings.server.port = 4  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - our own


def test_other_threads_leave_everything_else_as_it_was(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path, models={"embedder": "own"})
    assert settings.with_threads(3).models.threads == 3
    assert settings.with_threads(3).with_threads(0) == settings


# -- what is not right ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("REGARD_SERVER_PROT", "1", "REGARD_SERVER_PROT is not a setting; did you mean REGARD_SERVER_PORT? There are"),
        ("REGARD_PROT", "8080", "REGARD_PROT is not a setting; did you mean REGARD_SERVER_PORT?"),
        ("REGARD_SERVER", "8080", "REGARD_SERVER is not a setting; "),
        ("REGARD_COLOUR", "1", "REGARD_COLOUR is not a setting; the sections are [server], [store], [index], [models]"),
        ("REGARD_SERVER_PORT", "http", "REGARD_SERVER_PORT is 'http'; it must be a whole number"),
        ("REGARD_SERVER_PORT", "65536", "REGARD_SERVER_PORT is '65536'; it must be at most 65,535"),
        ("REGARD_SERVER_QUEUE", "-1", "REGARD_SERVER_QUEUE is '-1'; it must be at least 0"),
        ("REGARD_MODELS_FOLDER", "", "REGARD_MODELS_FOLDER is ''; leave it out, or say which file or folder"),
        ("REGARD_INDEX_DEFAULT", "faiss", "REGARD_INDEX_DEFAULT is 'faiss'; it must be 'embedded' or 'milvus'"),
        ("REGARD_TELEMETRY_LOG_FORMAT", "xml", "REGARD_TELEMETRY_LOG_FORMAT is 'xml'; it must be 'text' or 'json'"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_named_with_what_is_right(
    variable: str, value: str, said: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path, {variable: value}).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nquotas = 'aws'", ": [server] quotas is now [server] rates"),
        ("[server]\nmodel_dir = '/m'", ": [server] model_dir is now [models] folder"),
        ("[server]\nprot = 1", ": [server] prot is not a setting; did you mean port? There are host, port, region,"),
        ("[server]\nport = '80'", ": [server] port is '80'; it must be a whole number"),
        ("[server]\nport = true", ": [server] port is True; it must be a whole number"),
        ("[server]\nhost = 1", ": [server] host is 1; it must be text"),
        ("[models]\nfolder = 3", ": [models] folder is 3; it must be the path of a file or folder"),
        ("[sever]\nport = 1", ": [sever] is not a section; did you mean [server]? There are [server], [store],"),
        ("server = 1", ": server is 1; write [server], and its settings below it"),
        ("folder = '/m'", " sets folder, which is not a setting; did you mean [models] folder?"),
        ("colour = 'red'", " sets colour, which is not a setting; the sections are [server], [store], [index],"),
        ("home = '/h'", " sets home, the folder that it lies in; choose that by --home or REGARD_HOME"),
        ("[server", " is not valid TOML: "),
    ],
)
def test_a_file_that_cannot_be_meant_is_named_with_the_key_and_what_is_right(
    text: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "regard.toml"
    file.write_text(text)
    assert refusal(tmp_path).startswith(f"{file}{said}")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "regard.toml").write_bytes(b"\xff\xfe")
    assert "regard.toml is not valid TOML: " in refusal(tmp_path)


def test_what_the_command_line_says_is_checked_too(tmp_path: Path) -> None:
    assert refusal(tmp_path, server={"port": -1}) == "the command line: [server] port is -1; it must be at least 0"
    assert refusal(tmp_path, sever={}).startswith("the command line: [sever] is not a section; did you mean [server]?")


def test_the_tests_own_variables_are_passed_over(tmp_path: Path) -> None:
    environment = {"REGARD_TEST_DATA": "/d", "REGARD_TEST_MODELS": "/m"}
    assert load_settings(environment, home=tmp_path) == load_settings({}, home=tmp_path)


def test_milvus_as_the_index_needs_an_address(tmp_path: Path) -> None:
    said = "[index] default is milvus; say in [index] milvus where it is, such as http://localhost:19530"
    assert refusal(tmp_path, {"REGARD_INDEX_DEFAULT": "milvus"}) == said
    with pytest.raises(SettingsError, match="where it is"):
        Settings(home=tmp_path, index=IndexSettings(default="milvus"))
    (tmp_path / "regard.toml").write_text('[index]\nmilvus = "http://m:1"\n')
    assert load_settings({"REGARD_INDEX_DEFAULT": "milvus"}, home=tmp_path).index.default == "milvus"


# -- secrets -------------------------------------------------------------------------------------------------------

SECRETS = [
    ("store", "database"),
    ("index", "milvus"),
    ("index", "milvus_token"),
    ("objects", "s3_secret_access_key"),
]


@pytest.mark.parametrize(("section", "key"), SECRETS)
def test_a_secret_is_not_shown(section: str, key: str, tmp_path: Path) -> None:
    assert "hush" not in repr(load_settings({f"REGARD_{section}_{key}".upper(): "root:hush@x"}, home=tmp_path))


@pytest.mark.parametrize(("section", "key"), SECRETS)
def test_a_secret_is_not_shown_by_the_error_that_it_is_not_text_either(section: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "regard.toml").write_text(f"[{section}]\n{key} = ['hush']\n")
    assert refusal(tmp_path).endswith(f"regard.toml: [{section}] {key} is wrong; it must be text")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ('region = "any"', ("any",)),
        ('region = ["eu-west-1", "eu-central-1"]', ("eu-west-1", "eu-central-1")),
        ('region = "eu-west-1,eu-central-1"', ("eu-west-1", "eu-central-1")),
        ('origins = ["https://a.example", "http://localhost:3000"]', ("https://a.example", "http://localhost:3000")),
        ("origins = []", ()),
        ('path_prefixes = ["/a", "/b/c"]', ("/a", "/b/c")),
    ],
)
def test_a_setting_of_several_is_a_list_or_text_with_commas(said: str, meant: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "regard.toml").write_text(f"[server]\n{said}\n")
    chosen = load_settings({}, home=tmp_path).server
    assert split(getattr(chosen, said.partition(" ")[0])) == meant


@pytest.mark.parametrize(
    ("name", "wrong", "mend"),
    [
        ("REGION", "", "a Region such as us-east-1"),
        ("REGION", "Frankfurt!", "a Region such as us-east-1"),
        ("REGION", "any, eu-west-1", '"any" alone'),
        ("ORIGINS", "https://a.example/app", "without a path"),
        ("ORIGINS", "a.example", "without a path"),
        ("PATH_PREFIXES", "faces", "a slash first"),
        ("PATH_PREFIXES", "/faces/", "none last"),
        ("PATH_PREFIXES", "/../x", "a slash first"),
    ],
)
def test_an_item_that_cannot_be_meant_is_refused_with_what_is_right(
    name: str, wrong: str, mend: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=re.escape(mend)):
        load_settings({f"REGARD_SERVER_{name}": wrong}, home=tmp_path)


@pytest.mark.parametrize(
    "wrong",
    ["ftp://example.org/", "example.org", "https://", "https://me:secret@example.org/", "http://example.org:x/"],
)
def test_a_webhook_that_cannot_be_meant_is_refused_and_not_shown(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="addresses such as") as refused:
        load_settings({"REGARD_EVENTS_WEBHOOKS": f"https://example.org/a, {wrong}"}, home=tmp_path)
    assert "secret" not in str(refused.value)
