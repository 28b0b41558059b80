"""The AWS CLI with an authorisation, by each way that a profile of its configuration has."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from authorised import PHOTO, ROLE, Authorise, left
from live_server import Live
from staff import Staff

from regard.accountability.secret_box import SecretBox
from regard.accountability.web_identity import WebIdentityTokens
from regard.domain.people import Role

from .installing import aws_cli

pytestmark = pytest.mark.slow
Search = Callable[[str, str], Any]


@pytest.fixture
def search(known: Live, tmp_path: Path) -> Search:
    """Searches for a face by the CLI, with what `~/.aws/config` and `~/.aws/credentials` say."""
    (tmp_path / "probe.jpg").write_bytes(PHOTO["Bytes"])

    def run(config: str, credentials: str = "") -> Any:
        where = f"region = us-east-1\nendpoint_url = {known.url}\n"
        (tmp_path / "config").write_text(f"[profile case]\n{config}{where}")
        (tmp_path / "credentials").write_text(credentials)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        files = {
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }
        command = [str(aws_cli() / "aws"), "--profile", "case", "--output", "json", "rekognition"]
        options = ["search-faces-by-image", "--collection-id", "suspects"]
        options += ["--image-bytes", f"fileb://{tmp_path / 'probe.jpg'}"]
        done = subprocess.run([*command, *options], env=plain | files, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_by_the_name_of_a_session(search: Search, staff: Staff, authorise: Authorise) -> None:
    found, (key, secret) = authorise(), staff.keys["sam"]
    config = f"role_arn = {ROLE}\nsource_profile = desk\nrole_session_name = {found.id}\n"
    answer = search(config, f"[desk]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    assert answer["FaceMatches"] == []
    assert left(staff, found) == 1


def test_by_a_token_file(search: Search, known_home: Path, staff: Staff, authorise: Authorise, tmp_path: Path) -> None:
    found, holder = authorise(), staff.people.holder("sam-0001")
    assert holder is not None
    token = WebIdentityTokens(SecretBox(known_home / "seal.key")).issue(found, holder)
    (tmp_path / "token").write_text(token)
    assert search(f"role_arn = {ROLE}\nweb_identity_token_file = {tmp_path / 'token'}\n")["FaceMatches"] == []
    assert left(staff, found) == 1


def test_by_a_process(search: Search, known_home: Path, staff: Staff, authorise: Authorise) -> None:
    login = pwd.getpwuid(os.getuid()).pw_name
    person_id = staff.add(login, Role.SEARCHER)
    found = authorise(holder_id=person_id, requested_by=person_id)
    process = f"{sys.executable} -m regard authorise credentials {found.id} --home {known_home}"
    assert search(f"credential_process = {process}\n")["FaceMatches"] == []
    assert left(staff, found) == 1
