"""From the link in the terminal to a first candidate, with a real server and a browser; and how long that takes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agency import portrait
from browser import PASSWORD, PHONE, Person, violations
from playwright.sync_api import Browser, Page, expect

#: What a newcomer may have to wait for, from the start of the server to the first candidate.
_MOST_SECONDS = 180
_LINK = re.compile(r"http://127\.0\.0\.1:\d+/console/#/welcome/\S+")


@contextmanager
def started(models: Path, home: Path) -> Iterator[str]:
    """The link that a new server shows."""
    environment = os.environ | {"REGARD_HOME": str(home), "REGARD_MODELS_FOLDER": str(models)}
    environment |= {"REGARD_SERVER_FOLDERS": str(home.parent)}
    command = [sys.executable, "-m", "regard", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as server:
        try:
            assert server.stdout is not None
            yield next(found.group() for line in server.stdout if (found := _LINK.search(line)))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def become_administrator(someone: Person, link: str) -> Page:
    page = someone.window(viewport=PHONE, color_scheme="dark")
    page.goto(link)
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Name you sign in with").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Become the administrator").click()
    expect(page.get_by_role("group", name="Whose faces will be recognised?")).to_be_visible()
    assert violations(page) == []
    return page


def test_own_photographs_a_drawn_face_and_a_folder(browser: Browser, models: Path, disk: Path, pictures: Path) -> None:
    (pictures / "eileen.jpg").write_bytes(portrait())
    (pictures / "letter.jpg").write_bytes(b"Dear Ada,")
    began = time.monotonic()
    with started(models, disk / "first-run") as link:
        someone = Person(browser, link.partition("/console")[0])
        page = become_administrator(someone, link)
        page.get_by_label("My own photographs").check()
        page.get_by_label("I add pictures and search as well").check()
        page.get_by_role("button", name="Choose these rules").click()
        expect(page.get_by_text("The rules here: Open.")).to_be_visible()
        assert violations(page) == []

        page.get_by_role("button", name="Add pictures", exact=True).click()
        page.get_by_role("textbox", name="Folder").fill(str(pictures))
        page.get_by_role("button", name="Index the folder").click()
        expect(page.get_by_text("2 of 2 pictures are done: 1 face enrolled now")).to_be_visible()
        page.get_by_text("1 file was passed over").click()
        expect(page.get_by_text("letter.jpg")).to_be_visible()
        assert violations(page) == []

        page.get_by_role("button", name="Try the drawn picture").click()
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.get_by_role("heading", name="1 candidate")).to_be_visible()
        expect(page.get_by_text("drawn-ada")).to_be_visible()
        assert time.monotonic() - began < _MOST_SECONDS
        assert someone.complaints == []
        someone.close()


def test_an_authority_begins_again_under_its_rules_and_nobody_searches_yet(
    browser: Browser, models: Path, tmp_path: Path
) -> None:
    with started(models, tmp_path) as link:
        someone = Person(browser, link.partition("/console")[0])
        page = become_administrator(someone, link)
        page.get_by_label("Police or another public authority").check()
        page.get_by_label("Whose rules").select_option(label="Public safety")
        page.get_by_label("Reference of your impact assessment").fill("DPIA-2026-7")
        assert page.get_by_label("I add pictures and search as well").count() == 0
        page.get_by_role("button", name="Choose these rules").click()
        expect(page.get_by_role("heading", name="Next: your people")).to_be_visible()
        assert violations(page) == []
        assert page.get_by_role("navigation").get_by_role("link", name="Search").count() == 0
        kept = (tmp_path / "regard.toml").read_text(encoding="utf-8")
        assert 'profile = "public-safety"' in kept
        assert 'assessment = "DPIA-2026-7"' in kept
        assert someone.complaints == []
        someone.close()
