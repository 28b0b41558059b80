"""What the first administrator does next: choose the profile, and have a folder indexed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from agency import portrait
from botocore.exceptions import ClientError
from live_server import Live, with_models, without_models
from people import crowd, encoded
from test_first_run import become, offered
from test_native_api import Answer, ask, sign_in

from regard.config.settings import load_settings
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.identifiers import name_of
from regard.domain.people import Role
from regard.engine.galleries.enrolment import EnrolmentOptions
from regard.errors import AccessDenied
from regard.store.profile_rows import ProfileRows

CHOICE = "/v1/first-run/profile"
_LINK = re.compile(r"(http://127\.0\.0\.1:\d+)/console/#/welcome/(\S+)")


def administrator(live: Any) -> str:
    """The token of the first administrator."""
    assert become(live, offered(live)).status == 201
    return str(sign_in(live).said["token"])


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with without_models(tmp_path) as server:
        yield server


def test_the_profile_is_chosen_once_and_stands_in_the_settings(live: Live, tmp_path: Path) -> None:
    settings = tmp_path / "regard.toml"
    settings.write_text("# mine\n[server]\nport = 9000\n[accountability] # who may do what\nagency = 'Ranger'\n")
    token = administrator(live)
    shown = ask(live, "GET", CHOICE, token=token).said
    assert shown == {"open": True, "reason": None, "profile": "open"}
    chosen = ask(live, "POST", CHOICE, {"profile": "public-safety", "assessment": 'DPIA "7"'}, token=token)
    assert chosen.said == {
        "profile": "public-safety",
        "begins_again": False,
        "withdrawn": {},
    }
    kept = load_settings({}, home=tmp_path)
    assert (kept.accountability.profile, kept.accountability.assessment) == ("public-safety", 'DPIA "7"')
    assert (kept.server.port, kept.accountability.agency) == (9000, "Ranger")
    assert settings.read_text().startswith("# mine\n")
    assert ask(live, "GET", CHOICE, token=token).said["open"] is False
    assert ask(live, "POST", CHOICE, {"profile": "open"}, token=token).status == 409


@pytest.mark.parametrize("given", [{"profile": "closed"}, {"profile": "lax"}, {"profile": "eu", "searches": True}])
@pytest.mark.slow
def test_a_choice_that_cannot_be_meant_changes_nothing(live: Live, tmp_path: Path, given: dict[str, object]) -> None:
    token = administrator(live)
    assert ask(live, "POST", CHOICE, given, token=token).status == 400
    assert not (tmp_path / "regard.toml").exists()
    assert ask(live, "GET", CHOICE, token=token).said["open"] is True


def test_a_profile_that_the_other_settings_do_not_go_with_is_refused(tmp_path: Path) -> None:
    with without_models(tmp_path, server={"untold_attributes": "unknown"}) as live:
        token = administrator(live)
        refused = ask(live, "POST", CHOICE, {"profile": "consented"}, token=token)
        assert refused.status == 400
        assert "untold_attributes" in refused.said["detail"]


def test_the_administrator_of_an_open_installation_searches_only_if_they_say_so(live: Live) -> None:
    token = administrator(live)
    (person,) = live.engine.stores.people.all()
    assert live.engine.stores.people.roles(person.id) == {Role.ADMINISTRATOR}
    assert ask(live, "POST", CHOICE, {"profile": "open", "searches": True}, token=token).status == 200
    held = live.engine.stores.people.roles(person.id)
    assert held == {Role.ADMINISTRATOR, Role.ENROLLER, Role.SEARCHER}


def test_a_profile_that_was_set_before_is_not_chosen_again(tmp_path: Path) -> None:
    with without_models(tmp_path, accountability={"profile": "recorded"}) as live:
        token = administrator(live)
        assert ask(live, "GET", CHOICE, token=token).said["open"] is False
        assert ask(live, "POST", CHOICE, {"profile": "open"}, token=token).status == 409


def test_an_enroller_does_not_choose_the_profile_though_no_roles_hold(live: Live) -> None:
    token = administrator(live)
    live.engine.stores.people.withdraw(
        live.engine.stores.people.all()[0].id, [Role.ADMINISTRATOR], None, datetime.now(UTC)
    )
    assert ask(live, "POST", CHOICE, {"profile": "recorded"}, token=token).status == 403
    assert ask(live, "GET", CHOICE, token=token).said["open"] is True


def test_an_administrator_keeps_no_role_that_the_chosen_rules_part_from_theirs(live: Live) -> None:
    token, rows = administrator(live), live.engine.stores.people
    (person,) = rows.all()
    rows.grant(person.id, [Role.SEARCHER, Role.OVERSEER], None, datetime.now(UTC))
    body = {"profile": "public-safety", "assessment": "DPIA-7"}
    assert ask(live, "POST", CHOICE, body, token=token).said["withdrawn"] == {person.id: ["overseer", "searcher"]}
    assert rows.roles(person.id) == {Role.ADMINISTRATOR}
    (entry,) = live.engine.stores.ledger.entries(0, 9)
    assert entry.body is not None
    assert json.loads(entry.body)["facts"]["profile_chosen"] == "public-safety"


def test_nobody_enrols_while_or_after_another_profile_is_chosen(live: Live) -> None:
    token, body = administrator(live), {"profile": "recorded"}
    caller = Caller(principal=Principal(access_key_id="", name="ada"), channel=Channel.API)
    act = Act(action=Action.ENROL, operation="POST /v1/collections/{collection_id}/faces", collection="family")
    with live.engine.gate.open(caller, act):
        assert ask(live, "POST", CHOICE, body, token=token).status == 409
    assert ask(live, "POST", CHOICE, body, token=token).status == 200
    with pytest.raises(AccessDenied, match="Another profile was chosen"), live.engine.gate.open(caller, act):
        pass


@pytest.mark.slow
def test_no_other_process_enrols_under_the_rules_before(live: Live, models: Path, tmp_path: Path) -> None:
    """A second server on the same home, begun before the choice: what it was at is not stored, and what it is asked
    afterwards is under the rules that were chosen."""
    token, body = administrator(live), {"profile": "public-safety", "assessment": "DPIA-7"}
    caller = Caller(principal=Principal(access_key_id="", name="ada"), channel=Channel.AWS)
    act = Act(action=Action.ENROL, operation="IndexFaces", collection="family")
    with with_models(models, tmp_path) as other:
        client = other.client()
        client.create_collection(CollectionId="family")
        enrolment, options = other.engine.enrolment, EnrolmentOptions(level="NONE", most=1)
        with other.engine.gate.open(caller, act) as grant:
            assert ask(live, "POST", CHOICE, body, token=token).status == 200
            with pytest.raises(AccessDenied, match="public-safety has been chosen"):
                enrolment.index(grant, "family", portrait(), options)
        assert [size for _, size in other.engine.stores.collections.with_sizes()] == [0]
        time.sleep(1.1)  # what another process decided takes effect within a second
        for refused in (
            lambda: client.index_faces(CollectionId="family", Image={"Bytes": portrait()}),
            lambda: client.search_faces_by_image(CollectionId="family", Image={"Bytes": portrait()}),
            lambda: client.list_faces(CollectionId="family"),
        ):
            with pytest.raises(ClientError, match="belongs to nobody"):
                refused()
        assert [size for _, size in live.engine.stores.collections.with_sizes()] == [0]


def test_a_chosen_profile_gives_way_to_another_in_the_settings(live: Live, tmp_path: Path) -> None:
    token = administrator(live)
    assert ask(live, "POST", CHOICE, {"profile": "consented"}, token=token).status == 200
    with without_models(tmp_path, accountability={"profile": "recorded"}) as laxer:
        installed = ProfileRows(laxer.engine.stores.database).installed()
        assert installed is not None
        assert (installed.name, installed.before, installed.chosen) == ("recorded", "consented", False)
        laxer.client().create_collection(CollectionId="family")


def test_only_whoever_signed_in_is_told_or_chooses(live: Live) -> None:
    assert ask(live, "GET", CHOICE).status == 401
    assert ask(live, "POST", CHOICE, {"profile": "open"}).status == 401


@pytest.mark.slow
def test_the_server_begins_again_under_the_chosen_profile_at_the_same_address(models: Path, tmp_path: Path) -> None:
    """The link of the terminal, one process, the same port, and the sign-in of before."""
    home = tmp_path / "home"
    environment = os.environ | {"REGARD_HOME": str(home), "REGARD_MODELS_FOLDER": str(models)}
    command = [sys.executable, "-m", "regard", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as server:
        try:
            url, link = _told(server)
            there = SimpleNamespace(url=url, port=int(url.rpartition(":")[2]))
            become(there, link)  # type: ignore[arg-type]
            token = sign_in(there).said["token"]  # type: ignore[arg-type]
            chosen = ask(there, "POST", CHOICE, {"profile": "recorded"}, token=token)  # type: ignore[arg-type]
            assert chosen.said == {"profile": "recorded", "begins_again": True, "withdrawn": {}}
            assert _until(there, token, "recorded")
            assert server.poll() is None
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(60) == 0


def _told(server: subprocess.Popen[str]) -> tuple[str, str]:
    assert server.stdout is not None
    for line in server.stdout:
        if found := _LINK.search(line):
            return found.group(1), found.group(2)
    raise AssertionError("no link was shown")


def _until(there: Any, token: str, profile: str) -> bool:
    for _ in range(600):
        try:
            said: Answer = ask(there, "GET", "/v1/me", token=token)
        except OSError:
            pass
        else:
            if said.status == 200 and said.said["profile"] == profile:
                return True
        time.sleep(0.1)
    return False


# -- a folder of the server's machine -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def family(models: Path, disk: Path) -> Iterator[tuple[Live, str]]:
    with with_models(models, disk / "first-steps", server={"folders": str(disk)}) as server:
        token = administrator(server)
        assert ask(server, "POST", "/v1/collections", {"collection_id": "family"}, token=token).status == 201
        yield server, token


def done(live: Live, token: str, collection: str = "family") -> dict[str, Any]:
    for _ in range(600):
        run = ask(live, "GET", f"/v1/collections/{collection}/folder", token=token).said["run"]
        if not run["running"]:
            return dict(run)
        time.sleep(0.05)
    raise AssertionError("the folder was never done")


def test_a_folder_is_indexed_while_one_looks_on_and_no_file_twice(family: tuple[Live, str], pictures: Path) -> None:
    live, token = family
    path = "/v1/collections/family/folder"
    (pictures / "below").mkdir()
    (pictures / "ada.jpg").write_bytes(portrait())
    (pictures / "below" / "ben.jpg").write_bytes(portrait(dark=0.8))
    (pictures / "secrets.txt").write_text("not to be told")
    (pictures / "broken.jpg").write_bytes(b"Dear Ada,")
    begun = ask(live, "POST", path, {"folder": str(pictures)}, token=token)
    assert (begun.status, begun.said["run"]["running"]) == (202, True)
    first = done(live, token)
    assert (first["photos"], first["others"]) == (3, 1)
    assert (first["done"], first["faces"], first["ended"]) == (3, 2, None)
    assert [each["name"] for each in first["faults"]] == ["broken.jpg"]
    faces = ask(live, "GET", "/v1/collections/family/faces", token=token).said["faces"]
    assert {each["external_image_id"] for each in faces} == {"ada.jpg", "ben.jpg"}
    (pictures / "cleo.jpg").write_bytes(portrait(left=40))
    ask(live, "POST", path, {"folder": str(pictures)}, token=token)
    again = done(live, token)
    assert (again["photos"], again["done"], again["faces"]) == (4, 4, 1)


def test_folders_are_people_if_one_says_so_and_only_the_largest_face_is_theirs(
    family: tuple[Live, str], pictures: Path
) -> None:
    live, token = family
    assert ask(live, "POST", "/v1/collections", {"collection_id": "friends"}, token=token).status == 201
    (pictures / "Zoë Müller").mkdir()
    (pictures / "Zoë Müller" / "1.jpg").write_bytes(portrait())
    (pictures / "Zoë Müller" / "2.png").write_bytes(encoded(crowd(1, 2, 200)))
    given = {"folder": str(pictures), "by_folder": True}
    begun = ask(live, "POST", "/v1/collections/friends/folder", given, token=token)
    assert begun.said["run"]["by_folder"] is True
    assert done(live, token, "friends")["faces"] == 2
    faces = ask(live, "GET", "/v1/collections/friends/faces", token=token).said["faces"]
    assert [name_of(each["external_image_id"]) for each in faces] == ["Zoë Müller"] * 2


def test_a_picture_is_enrolled_under_any_name_and_never_under_two(family: tuple[Live, str]) -> None:
    live, token = family
    assert ask(live, "POST", "/v1/collections", {"collection_id": "named"}, token=token).status == 201
    path, image = "/v1/collections/named/faces", base64.b64encode(portrait()).decode()
    for name in ("Zoë", "Zoé"):  # letters that no id can have are no reason to be taken for somebody else
        said = ask(live, "POST", path, {"image": image, "name": name, "sha256": sha256(name), "most": 1}, token=token)
        assert said.status == 201, said.content
    faces = ask(live, "GET", path, token=token).said["faces"]
    assert {name_of(each["external_image_id"]) for each in faces} == {"Zoë", "Zoé"}
    both = {"image": image, "name": "Zoë", "external_image_id": "zoe"}
    assert ask(live, "POST", path, both, token=token).status == 422


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_what_may_not_be_indexed_is_refused_in_the_same_words_as_what_is_not_there(
    family: tuple[Live, str], pictures: Path
) -> None:
    live, token = family
    home = live.engine.settings.home
    (pictures / ".hidden").mkdir()
    (pictures / "away").symlink_to("/etc")
    asked = [
        *("Pictures", "/no/such/place", "/", "/etc", "/proc", "/sys", "/dev", "~nobody/x", "~no-such-user/x", "a\0b"),
        *map(str, (home, home / "buckets", pictures / "gone", pictures / ".hidden", pictures / "away")),
    ]
    said = [ask(live, "POST", "/v1/collections/family/folder", {"folder": each}, token=token) for each in asked]
    assert {each.status for each in said} == {400}
    (words,) = {each.said["detail"] for each in said}
    assert "not a folder that may be indexed" in words


def test_a_server_that_others_reach_indexes_no_folder_that_was_not_named(tmp_path: Path) -> None:
    with without_models(tmp_path, server={"host": "0.0.0.0"}) as live:  # noqa: S104
        token = administrator(live)
        assert ask(live, "POST", "/v1/collections", {"collection_id": "family"}, token=token).status == 201
        refused = ask(live, "POST", "/v1/collections/family/folder", {"folder": str(Path.home())}, token=token)
        assert refused.status == 403
        assert "[server] folders" in refused.said["detail"]


def test_no_folder_is_indexed_into_a_collection_there_is_not(family: tuple[Live, str], pictures: Path) -> None:
    live, token = family
    assert ask(live, "POST", "/v1/collections/gone/folder", {"folder": str(pictures)}, token=token).status == 404


def test_a_profile_that_knows_people_wants_a_basis_for_each_picture(family: tuple[Live, str], pictures: Path) -> None:
    live, token = family
    made = {"collection_id": "wanted", "profile": "public-safety"}
    assert ask(live, "POST", "/v1/collections", made, token=token).status == 201
    assert ask(live, "POST", "/v1/collections/wanted/folder", {"folder": str(pictures)}, token=token).status == 403
