"""Buckets, pictures and films in a browser: looked through, searched with, by the keyboard alone; and jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
from agency import Agency, portrait
from browser import DESK, PHONE, Person, violations
from clips import clip
from playwright.sync_api import Page, Request, expect

from regard.bootstrap.job_workers import working_on_jobs

MANY = 3000
EVIL = "<img src=x onerror=alert(1)>.jpg"


@pytest.fixture(scope="module")
def archive(station: Agency) -> Iterator[Agency]:
    """Pictures, a folder of very many, and a film of two shots and black; somebody works on jobs."""
    live = station.live
    for name in ("ada.jpg", EVIL, "people/1.jpg", "people/2.jpg"):
        live.put(name, portrait(dark=0.8))
    live.put("broken.jpg", b"\xff\xd8\xff\xe0 no picture")
    live.put("notes.txt", b"text")
    first = live.engine.settings.buckets_folder / "photos" / "people" / "1.jpg"
    many = live.engine.settings.buckets_folder / "many"
    many.mkdir()
    for number in range(MANY):
        (many / f"{number:05}.jpg").hardlink_to(first)
    grey, stripes = np.full((240, 320, 3), 96, np.uint8), np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::2] = 255
    live.put("films/two shots.mp4", clip([grey] * 25 + [stripes] * 25 + [np.zeros_like(grey)] * 25))
    with working_on_jobs(live.engine):
        yield station


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_face_of_a_stored_picture_is_searched_for_by_the_keyboard_alone(person: Person, archive: Agency) -> None:
    archive.authorise("sam")
    page = person.signed_in("sam")
    person.show(page, "library/photos")
    expect(page.locator(".cell img")).to_have_count(2)  # ada, and the one with markup in its name
    assert page.locator("[role=gridcell] [tabindex='0']").count() == 1
    page.locator("[data-at='0']").focus()
    press(page, "End", "Home")
    while "ada.jpg" not in (page.evaluate("document.activeElement.getAttribute('aria-label')") or ""):
        press(page, "ArrowRight")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="ada.jpg")).to_be_visible()
    page.get_by_role("button", name="Faces").press("Enter")
    page.get_by_role("button", name="Choose face 1").press("Enter")
    box = page.get_by_role("button", name=re.compile("^The box"))
    left = page.get_by_label("From the left, %")
    before = float(left.input_value())
    box.focus()
    press(page, "ArrowRight", "ArrowRight", "Alt+ArrowLeft")
    expect(left).to_have_value(f"{before + 3.6:.1f}".removesuffix(".0"))
    width = float(page.get_by_label("Width, %").input_value())
    press(page, "Shift+ArrowLeft")
    expect(page.get_by_label("Width, %")).to_have_value(f"{width - 2:.1f}".removesuffix(".0"))
    left.fill(str(before))
    press(page, "Tab")
    with page.expect_request("**/v1/collections/suspects/search") as sent:
        page.get_by_role("button", name="Search", exact=True).last.press("Enter")
    body = json.loads(sent.value.post_data or "{}")
    assert body["object"] == {"bucket": "photos", "name": "ada.jpg"}
    assert body["face"]["left"] == pytest.approx(before / 100, abs=0.001)
    expect(page.get_by_text("Sent to review")).to_be_visible()
    assert person.complaints == []


def test_what_is_marked_stays_where_it_is_when_the_picture_is_made_larger(person: Person, archive: Agency) -> None:
    page = person.signed_in("sam", viewport=PHONE)
    person.show(page, "library/photos//ada.jpg")
    page.get_by_role("button", name="Faces").click()
    expect(page.locator("polygon").first).to_be_attached()

    def places() -> list[float]:
        """The first face's outline in ratios of the picture as it is shown, and how wide that is."""
        found = page.evaluate(
            """() => {
                const at = (what) => document.querySelector(`.picture ${what}`).getBoundingClientRect();
                const [all, face] = [at("img"), at("polygon")];
                const [x, y] = [(face.x - all.x) / all.width, (face.y - all.y) / all.height];
                return [x, y, face.width / all.width, face.height / all.height, all.width];
            }"""
        )
        return list(found)

    *before, narrow = places()
    for _ in range(3):
        page.get_by_role("button", name="Larger").click()
    expect(page.get_by_role("button", name="Smaller")).to_be_enabled()
    *after, wide = places()
    assert wide > 3 * narrow
    assert after == pytest.approx(before, abs=0.02)


def test_a_box_can_be_drawn(person: Person, archive: Agency) -> None:
    page = person.signed_in("sam")
    person.show(page, "library/photos//ada.jpg")
    page.get_by_role("button", name="Mark a face").click()
    place = page.locator(".picture").bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 0.05 * place["width"], place["y"] + 0.1 * place["height"])
    page.mouse.down()
    page.mouse.move(place["x"] + 0.25 * place["width"], place["y"] + 0.2 * place["height"], steps=4)
    page.mouse.up()
    for label, value in {"From the left, %": 5, "From the top, %": 10, "Width, %": 20, "Height, %": 10}.items():
        assert float(page.get_by_label(label).input_value()) == pytest.approx(value, abs=0.6)


def test_of_thousands_of_pictures_only_those_on_the_screen_are_there(person: Person, archive: Agency) -> None:
    asked: list[str] = []

    def hear(request: Request) -> None:
        if request.url.endswith("/pictures"):
            asked.extend(json.loads(request.post_data or "{}")["names"])

    page = person.signed_in("sam")
    page.on("request", hear)
    person.show(page, "library/many")
    page.locator("[data-at='0']").focus()
    count = page.get_by_role("status").first
    while count.inner_text() != f"{MANY:,} here":
        press(page, "Control+End")
        page.wait_for_timeout(100)
    press(page, "Control+End")
    last = page.locator(f"[data-at='{MANY - 1}']")
    expect(last).to_be_focused()
    expect(last.locator("img")).to_be_visible()
    assert page.locator("[role=gridcell]").count() < 150
    assert len(set(asked)) < MANY / 4
    page.get_by_label("Names that begin with").fill("0012")
    expect(count).to_have_text("10 here")
    page.locator("[data-at='9']").click()
    expect(page.get_by_role("heading", name="00129.jpg")).to_be_visible()
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_role("heading", name="00128.jpg")).to_be_visible()
    page.get_by_role("link", name="Folder").click()
    expect(count).to_have_text("10 here")


def test_a_film_is_looked_through_and_its_timeline_walked_by_the_keyboard(person: Person, archive: Agency) -> None:
    page = person.signed_in("sam")
    person.show(page, "library/photos/films%2F")
    page.get_by_role("link", name="Film two shots.mp4").click()
    expect(page.get_by_role("heading", name="two shots.mp4")).to_be_visible()
    page.get_by_label("Labels").uncheck()
    page.get_by_role("button", name="Begin 1 job").press("Enter")
    expect(page.get_by_text("1 job has begun.")).to_be_visible()
    first = page.locator("[data-row='0']")
    expect(first).to_contain_text("3 shots")  # heard by itself when the job is done
    assert page.locator("[data-row][tabindex='0']").count() == 1
    first.focus()
    press(page, "ArrowRight")
    expect(page.get_by_text("Shot 2, 00:01 to 00:02")).to_be_attached()
    press(page, "ArrowDown", "Home")
    expect(page.get_by_role("status").filter(has_text="Content, 00:00 to 00:02")).to_be_attached()
    page.get_by_text("As a table").press("Enter")
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("Shot 1")
    page.get_by_role("button", name="Go to 00:02").first.press("Enter")
    assert person.complaints == []
    person.show(page, "video")
    expect(page.get_by_text("films/two shots.mp4").first).to_be_visible()
    overseer = person.signed_in("olga")
    person.show(overseer, "video")
    overseer.get_by_text("films/two shots.mp4").first.click()
    expect(overseer.get_by_text("Jobs on this file")).to_be_visible()
    expect(overseer.get_by_text("Asked for by").first).to_be_visible()
    assert overseer.get_by_text("What was found", exact=True).count() == 0
    assert overseer.locator("video").count() == 0


def test_what_is_in_a_files_name_is_shown_as_text(person: Person, archive: Agency) -> None:
    page = person.signed_in("sam")
    person.show(page, "library/photos")
    expect(page.get_by_text(EVIL)).to_be_visible()
    page.get_by_role("link", name=EVIL).click()
    expect(page.get_by_role("heading", name=EVIL)).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert person.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_of_library_and_video_is_accessible(
    person: Person, archive: Agency, size: dict[str, int], scheme: str
) -> None:
    archive.authorise("sam")
    options = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}  # what fades is of no colour yet
    page = person.signed_in("sam", **options)

    def sound(what: str) -> None:
        assert violations(page) == [], what
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], what

    for place in ("library", "library/photos", "library/nowhere", "video", "video/photos/films%2Ftwo%20shots.mp4"):
        person.show(page, place)
        if place == "library/photos":
            expect(page.locator(".cell img")).to_have_count(2)
        sound(place)
    page.get_by_label("People of a collection").check()
    expect(page.get_by_label("Search in")).to_be_visible()
    sound("a job that searches")
    person.show(page, "library/photos//ada.jpg")
    for kind in ("Labels", "Text", "Faces", "Colours and quality", "Moderation"):
        page.get_by_role("button", name=kind).click()
        expect(page.get_by_text("Looking…")).to_have_count(0)
        sound(kind)
    page.get_by_role("button", name="Mark a face").click()
    expect(page.get_by_label("Search in")).to_be_visible()
    sound("the box")
    person.show(page, "library/photos//broken.jpg")
    expect(page.get_by_role("alert")).to_be_visible()
    sound("a broken picture")
