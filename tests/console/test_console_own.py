"""The pages about oneself and about the server: where one is signed in, what one signs in with, the settings; and lists
of pictures that are looked through."""

from __future__ import annotations

import re
from collections.abc import Iterator

import cv2
import numpy as np
import pyotp
import pytest
from agency import Agency, portrait
from browser import DESK, PASSWORD, PHONE, Person, violations
from playwright.sync_api import Page, expect
from test_console_keyboard import reach

from regard.bootstrap.job_workers import working_on_jobs

#: A worker starts slowly on a machine that does other work.
PATIENCE_MS = 180_000
MANIFEST = '{"source-ref": "s3://photos/ada.jpg"}\n{"source-ref": "s3://photos/none.jpg"}\n'


@pytest.fixture
def listed(station: Agency) -> Iterator[Agency]:
    """A list of pictures, one of which is there; somebody works on jobs."""
    station.live.put("ada.jpg", portrait())
    station.live.put("lists/all.jsonl", MANIFEST.encode())
    with working_on_jobs(station.live.engine):
        yield station


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_ones_own_pages_and_the_settings_are_accessible(
    person: Person, listed: Agency, size: dict[str, int], scheme: str
) -> None:
    options = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}

    def sound(page: Page, what: str) -> None:
        assert violations(page) == [], what
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], what

    person.signed_in("adam", **options)  # elsewhere
    page = person.signed_in("adam", **options)
    for place in ("you", "sign-ins", "settings"):
        person.show(page, place)
        sound(page, place)
    page.get_by_label("Find a setting").fill("port")
    page.get_by_role("group").filter(has_text="port").first.locator("summary").click()
    sound(page, "a setting that is open")
    page.get_by_label("Find a setting").fill("no such thing")
    expect(page.get_by_text("No setting is called that.")).to_be_visible()
    sound(page, "no setting")
    person.show(page, "sign-ins")
    page.get_by_role("button", name="Sign out everywhere else").click()
    sound(page, "a question")
    erin = person.signed_in("erin", **options)
    person.show(erin, "video/photos/lists%2Fall.jsonl")
    sound(erin, "a list of pictures")
    assert person.complaints == []


def test_a_sign_in_elsewhere_is_seen_and_ended_by_the_keyboard(person: Person, station: Agency) -> None:
    lost, page = person.signed_in("ruth", viewport=PHONE), person.signed_in("ruth")
    person.show(page, "you")
    reach(page, page.get_by_role("main").get_by_role("link", name="Where you are signed in"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Where you are signed in")).to_be_focused()
    rows = page.get_by_role("main").get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="This one")).to_have_count(1)
    expect(rows.first).to_contain_text("Chrome on Linux")
    expect(rows.first).to_contain_text("from the server's own machine")
    expect(rows.first).to_contain_text("Signed in with a password")
    reach(page, page.get_by_role("button", name=re.compile("^End the sign-in by Chrome on Linux")))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Chrome on Linux is signed out.")).to_be_visible()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("heading", name="Where you are signed in")).to_be_focused()
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    lost.reload()
    expect(lost.get_by_label("Password")).to_be_visible()
    others = [person.signed_in("ruth") for _ in range(2)]
    person.show(page, "sign-ins")
    page.reload()
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Sign out everywhere else").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("2 other sign-ins were ended.")).to_be_visible()
    for each in others:
        each.reload()
        expect(each.get_by_label("Password")).to_be_visible()
    assert person.complaints == []


def test_a_code_is_asked_for_once_its_picture_was_scanned(person: Person, station: Agency) -> None:
    page = person.signed_in("sue")
    person.show(page, "you")
    expect(page.get_by_text("You are asked for no code.")).to_be_visible()
    page.get_by_role("button", name="Ask me for a code").click()
    picture = page.get_by_role("img", name="A QR code with the key that stands below it")
    expect(picture).to_be_visible()
    pixels = cv2.imdecode(np.frombuffer(picture.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    address, *_ = cv2.QRCodeDetector().detectAndDecode(cv2.resize(pixels, None, fx=2, fy=2, interpolation=0))
    app = pyotp.parse_uri(address)
    assert isinstance(app, pyotp.TOTP)
    assert page.locator(".once code").inner_text() == app.secret
    page.get_by_role("button", name="Sign out").first.click()
    page.get_by_label("Name you sign in with").fill("sue")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code of your authenticator app").fill(app.now())
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("nav ~ main h1")).to_be_visible()
    person.show(page, "sign-ins")
    expect(page.get_by_text("Signed in with a password and a code")).to_be_visible()
    person.show(page, "you")
    page.get_by_role("button", name="Ask me for no code").click()
    page.get_by_role("dialog").get_by_role("button", name="Ask me for no code").click()
    expect(page.get_by_label("Password")).to_be_visible()
    person.show(person.signed_in("sue"), "you")
    assert person.complaints == []


def test_an_administrator_finds_a_setting_and_what_to_do_to_change_it(person: Person, station: Agency) -> None:
    page = person.signed_in("adam")
    person.show(page, "settings")
    reach(page, page.get_by_label("Find a setting"))
    page.keyboard.type("working_hours")
    expect(page.get_by_text("1 setting", exact=True)).to_be_visible()
    setting = page.locator("summary").filter(has_text="working_hours")
    reach(page, setting)
    page.keyboard.press("Enter")
    expect(page.get_by_text("write under [accountability] in the file: working_hours = …")).to_be_visible()
    (station.live.engine.settings.home / "regard.toml").write_text("[server]\nqueu = 3\n")
    try:
        page.reload()
        expect(page.get_by_text("the server would not start again")).to_be_visible()
        expect(page.get_by_text("did you mean queue?")).to_be_visible()
    finally:
        (station.live.engine.settings.home / "regard.toml").unlink()
    auditor = person.signed_in("alice")
    person.show(auditor, "settings")
    expect(auditor.get_by_role("heading", name="[server]")).to_be_visible()
    searcher = person.signed_in("sam")
    expect(searcher.get_by_role("link", name="Settings")).to_have_count(0)
    assert person.complaints == []


def test_pictures_of_a_list_are_looked_through_by_the_keyboard(person: Person, listed: Agency) -> None:
    page = person.signed_in("erin")
    person.show(page, "library/photos/lists%2F")
    page.get_by_role("link", name="List of pictures all.jsonl").press("Enter")
    expect(page.get_by_role("heading", name="all.jsonl")).to_be_visible()
    reach(page, page.get_by_label("How sure it is at least, %"))
    page.keyboard.press("Control+A")
    page.keyboard.type("0")
    reach(page, page.get_by_role("button", name="Begin 1 job"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 job has begun.")).to_be_visible()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2, timeout=PATIENCE_MS)  # heard by itself when the job is done
    expect(rows.first).to_contain_text("s3://photos/ada.jpg")
    expect(rows.last).to_contain_text("none.jpg")
    assert violations(page) == []
    assert (listed.live.engine.settings.buckets_folder / "photos" / "results").is_dir()
    person.show(page, "video")
    expect(page.get_by_text("Pictures of a manifest").first).to_be_visible()
    sam = person.signed_in("sam")
    person.show(sam, "video/photos/ada.mp4")
    expect(sam.get_by_text("No celebrities are known to this server", exact=False)).to_be_visible()
    expect(sam.get_by_label("Celebrities")).to_have_count(0)
    assert person.complaints == []
