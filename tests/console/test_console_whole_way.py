"""From a photograph to an identification that may be acted on: four people, each with a browser, and a fake camera."""

from __future__ import annotations

import json
import re

import pytest
from agency import Agency
from browser import DESK, PHONE, Person
from playwright.sync_api import Page, expect

from regard.domain.comparisons import COMPONENTS

#: Row 41: what nobody may know before their own opinion is signed. The first are names, wherever they stand; the others
#: are members of an answer.
NAMES = ("eileen", "collins", "violent-crime", "robbery", "suspects", "review-pending")
MEMBERS = ("score", "similarity", "rank", "name", "purpose", "authorisation", "search", "case", "threshold")
OPINION, REASON = "The same person", "The mark beside the nose and the ears agree."


def photograph_and_search(page: Page) -> None:
    page.get_by_role("button", name="Take a picture").click()
    page.get_by_role("button", name="Take the picture").click()
    expect(page.get_by_text("One face was found.")).to_be_visible()
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile(r"^\d+ candidates?$"))).to_be_visible()


def judge(page: Page) -> None:
    for row in page.locator("[data-row]").all():
        row.get_by_label("Similar").check()
    page.get_by_label(OPINION).check()
    page.get_by_label("Why").fill(REASON)
    page.get_by_role("button", name="Sign and record").click()


def judge_all(page: Page) -> int:
    """Every pair that waits; how many there were."""
    page.get_by_role("button", name="Show the next pair").click()
    for done in range(10):
        left = page.get_by_text("Nothing waits for you.").or_(page.get_by_alt_text("Picture A"))
        expect(left).to_be_visible()
        if page.get_by_alt_text("Picture A").count() == 0:
            return done
        before = page.get_by_alt_text("Picture B").get_attribute("src")
        judge(page)
        expect(page.locator(f'img[alt="Picture B"][src="{before}"]')).to_have_count(0)
    raise AssertionError("there is no end of pairs")


@pytest.mark.control(41, 42, 43)
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_photograph_search_two_reviews_support(person: Person, station: Agency, size: dict[str, int]) -> None:
    station.authorise("sam")
    sam = person.signed_in("sam", viewport=size, permissions=["camera"])
    photograph_and_search(sam)
    expect(sam.get_by_text("Sent to review")).to_be_visible()
    assert "eileen" not in sam.content()
    sam.get_by_role("link", name="Open the case").click()
    expect(sam.get_by_text("Under an alias until it is decided").first).to_be_visible()

    for name in ("rita", "ron"):
        assert judge_all(person.signed_in(name, viewport=size)) > 0

    sam.reload()
    expect(sam.get_by_text("Verified").first).to_be_visible()
    expect(sam.get_by_text("eileen")).to_be_visible()
    sam.get_by_label("Kind of support").select_option("witness")
    sam.get_by_label("Where it is kept").fill("statement 7")
    sam.get_by_label("It does not come from this search").check()
    sam.get_by_role("button", name="Add support").click()
    expect(sam.get_by_text("Actionable")).to_be_visible()
    assert person.complaints == []


@pytest.mark.control(41)
def test_a_reviewer_is_shown_nothing_that_would_sway_them(person: Person, station: Agency) -> None:
    """Not in the page, not in what the server answers, not in its headers."""
    station.authorise("sam")
    photograph_and_search(person.signed_in("sam", permissions=["camera"]))
    rita = person.signed_in("rita")
    with rita.expect_response("**/v1/reviews/next") as given:
        rita.get_by_role("button", name="Show the next pair").click()
    expect(rita.get_by_alt_text("Picture A")).to_be_visible()
    answer = given.value
    headers, body = json.dumps(answer.all_headers()), answer.text()
    assert '"probe"' in body
    pictures = re.compile(r"[A-Za-z0-9+/=]{200,}")
    told = pictures.sub("", headers + body).lower()
    for text in (told, pictures.sub("", rita.content()).lower()):
        assert not [name for name in NAMES if name in text]
    assert not [member for member in MEMBERS if f'"{member}' in told]


def test_a_thumb_moves_a_pair_every_way_and_a_tap_does_without_dragging(person: Person, station: Agency) -> None:
    station.authorise("sam")
    photograph_and_search(person.signed_in("sam", permissions=["camera"]))
    page = person.signed_in("ruth", viewport=PHONE, has_touch=True)
    page.get_by_role("button", name="Show the next pair").tap()
    pictures = [page.get_by_alt_text(name) for name in ("Picture A", "Picture B")]
    zoom = page.get_by_role("slider", name="Zoom")
    zoom.fill("4")
    frame = page.locator(".frame").first.bounding_box()
    assert frame is not None
    x, y, side = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2, frame["width"]

    def off() -> tuple[float, float]:
        """How far both are from the middle, in sides of their frames."""
        matrix = "each => { const at = new DOMMatrix(getComputedStyle(each).transform); return [at.e, at.f]; }"
        (right, down), other = (picture.evaluate(matrix) for picture in pictures)
        assert (right, down) == pytest.approx(other)
        return right / side, down / side

    touches = page.context.new_cdp_session(page)
    scrolled = page.evaluate("scrollY")
    for kind, points in (
        ("touchStart", [(x, y)]),
        *(("touchMove", [(x, y + step)]) for step in range(8, int(side / 2), 8)),
        ("touchEnd", []),
    ):
        if kind == "touchEnd":
            page.wait_for_timeout(300)  # the thumb rests, or the browser takes the next tap for the end of a fling
        given = {"type": kind, "touchPoints": [{"x": at, "y": to} for at, to in points]}
        touches.send("Input.dispatchTouchEvent", given)
    assert off()[1] > 0.3, "downwards, as the thumb"
    assert page.evaluate("scrollY") == scrolled
    page.get_by_role("button", name="Show whole pictures").tap()
    expect(zoom).to_have_value("1")
    zoom.fill("4")
    page.touchscreen.tap(x - side / 4, y + side / 4)
    assert off() == pytest.approx((0.25, -0.25), abs=0.02)
    for _ in range(3):
        page.touchscreen.tap(x - 0.45 * side, y + 0.45 * side)
    assert max(map(abs, off())) <= 1.5, "a picture never leaves its frame"
    assert person.complaints == []


def test_a_pair_can_be_judged_by_the_keyboard_alone(person: Person, station: Agency) -> None:
    station.authorise("sam")
    photograph_and_search(person.signed_in("sam", permissions=["camera"]))
    page = person.signed_in("ruth")
    page.locator("main h1").wait_for()
    page.get_by_role("button", name="Show the next pair").press("Enter")
    expect(page.get_by_alt_text("Picture A")).to_be_visible()
    for width in (PHONE["width"], 1280, 1366, DESK["width"]):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.querySelectorAll('main .sheet')].every(e => e.scrollWidth <= e.clientWidth)")
    page.locator("[data-row] input").first.focus()
    for _ in COMPONENTS:
        page.keyboard.press("1")
    expect(page.locator("[data-row] input:checked")).to_have_count(len(COMPONENTS))
    page.get_by_label(OPINION).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type(REASON)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    said = page.get_by_text("Recorded. It cannot be changed.")
    expect(said).to_have_count(1)
    expect(said).not_to_have_class("unseen")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert page.evaluate("scrollY") == 0
