"""Every flow of the console by the keyboard alone, and one by what a screen reader is told: no mouse, no touch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from agency import Agency, portrait
from browser import PASSWORD, Person
from playwright.sync_api import Locator, Page, expect

from regard.domain.comparisons import COMPONENTS

#: More steps than any page has: what is not reached by then is not reached.
_MOST_STEPS = 120


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pictures") / "probe.jpg"
    file.write_bytes(portrait(dark=0.85))
    return file


def reach(page: Page, wanted: Locator) -> None:
    """Go from where the focus is to something, by Tab alone; what has the focus must show it."""
    expect(wanted).to_be_visible()
    for _ in range(_MOST_STEPS):
        if wanted.evaluate("each => each === document.activeElement"):
            shown = wanted.evaluate(
                "each => { const style = getComputedStyle(each.labels?.length && each.matches('.unseen') "
                "? each.labels[0] : each); return style.outlineStyle !== 'none' && style.outlineWidth !== '0px'; }"
            )
            assert shown, f"nobody sees that {wanted} has the focus"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by the keyboard")


def press(page: Page, wanted: Locator) -> None:
    reach(page, wanted)
    page.keyboard.press("Enter")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def write(page: Page, label: str, text: str) -> None:
    reach(page, page.get_by_label(label, exact=True))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)


def signed_in(person: Person, station: Agency, name: str) -> Page:
    page = person.window()
    page.goto(f"{station.live.url}/console/")
    write(page, "Name you sign in with", name)
    write(page, "Password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("nav ~ main h1")).to_be_visible()
    return page


def visit(page: Page, name: str) -> None:
    """A page of the list at the side."""
    named = re.compile(f"^{name}( waiting:.*)?$")  # something may wait there
    press(page, page.get_by_role("navigation").get_by_role("link", name=named).last)
    expect(page.locator("main h1")).to_have_text(name)


def choose(page: Page, name: str, *files: Path) -> None:
    """A button that opens the system's own window for files."""
    with page.expect_file_chooser() as opened:
        reach(page, page.get_by_label(name))  # in here: Playwright does not wait until the browser tells of choosers
        page.keyboard.press("Enter")
    opened.value.set_files(files)


def test_searching_choosing_a_face_and_the_case_that_comes_of_it(person: Person, station: Agency, probe: Path) -> None:
    station.authorise("sam")
    page = signed_in(person, station, "sam")
    choose(page, "Choose a picture", probe)
    expect(page.get_by_text("One face was found.")).to_be_visible()
    face = page.get_by_role("button", name="Face 1")
    reach(page, face)
    page.keyboard.press("Space")
    expect(face).to_have_attribute("aria-pressed", "true")
    expect(button(page, "Search")).to_be_enabled()
    press(page, button(page, "Search"))
    expect(page.get_by_text("Sent to review")).to_be_visible()
    press(page, page.get_by_role("link", name="Open the case"))
    expect(page.get_by_text("Under an alias until it is decided").first).to_be_visible()
    reach(page, page.get_by_label("Kind of support"))
    page.keyboard.type("A witness")
    write(page, "Where it is kept", "statement 7")
    reach(page, page.get_by_label("It does not come from this search"))
    page.keyboard.press("Space")
    press(page, button(page, "Add support"))
    expect(page.get_by_text("statement 7")).to_be_visible()
    assert person.complaints == []


def test_reviewing(person: Person, station: Agency) -> None:
    station.session("sam", station.authorise("sam")).search_faces_by_image(
        CollectionId="suspects", Image={"Bytes": portrait(dark=0.7)}
    )
    page = signed_in(person, station, "rita")
    visit(page, "Review")
    press(page, button(page, "Show the next pair"))
    expect(page.get_by_alt_text("Picture A")).to_be_visible()
    reach(page, page.locator("[data-row] input").first)
    for _ in COMPONENTS:
        page.keyboard.press("1")
    expect(page.locator("[data-row] input:checked")).to_have_count(len(COMPONENTS))
    reach(page, page.get_by_role("radio", name="The same person"))
    page.keyboard.press("Space")
    write(page, "Why", "The ears agree.")
    press(page, button(page, "Sign and record"))
    expect(page.get_by_text("Recorded. It cannot be changed.")).to_have_count(1)
    assert person.complaints == []


def test_requesting_an_authorisation_and_deciding_on_it(person: Person, station: Agency) -> None:
    page = signed_in(person, station, "sue")
    visit(page, "Authorisations")
    press(page, page.get_by_role("link", name="Request an authorisation"))
    expect(button(page, "Send the request")).to_be_visible()
    for label, first_letters in (("Kind", "inv"), ("Purpose", "viol")):
        reach(page, page.get_by_label(label, exact=True))
        page.keyboard.type(first_letters)
    for label, text in (
        ("Offence", "robbery"),
        ("Legal basis", "Section 12"),
        ("Case", "C-2026-7"),
        ("Declaration", "It concerns no protected activity."),
        ("Searches allowed", "5"),
    ):
        write(page, label, text)
    press(page, button(page, "Send the request"))
    expect(page.get_by_text("Waits for a decision").first).to_be_visible()
    olga = signed_in(person, station, "olga")
    visit(olga, "Authorisations")
    press(olga, olga.get_by_role("main").get_by_role("link").filter(has_text="C-2026-7").first)
    press(olga, button(olga, "Approve"))
    expect(olga.get_by_text("Approved").first).to_be_visible()
    assert person.complaints == []


def test_making_a_collection_and_leaving_its_window_by_escape(person: Person, station: Agency) -> None:
    page = signed_in(person, station, "adam")
    visit(page, "Collections")
    opener = page.get_by_role("main").get_by_role("button", name="Create a collection").first
    press(page, opener)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    write(page, "Name", "keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="keyboard")).to_be_visible()
    assert person.complaints == []


def test_adding_pictures_to_a_collection(person: Person, station: Agency, probe: Path) -> None:
    station.authorise("erin")
    page = signed_in(person, station, "erin")
    visit(page, "Collections")
    press(page, page.get_by_role("main").get_by_role("link").filter(has_text="suspects"))
    expect(page.get_by_label("Choose pictures")).to_be_enabled()
    choose(page, "Choose pictures", probe)
    expect(page.get_by_text("enrolled from 1 picture")).to_be_visible()
    assert person.complaints == []


def test_verifying_the_ledger_and_opening_a_report(person: Person, station: Agency) -> None:
    page = signed_in(person, station, "alice")
    visit(page, "Ledger")
    press(page, button(page, "Verify in this browser"))
    expect(page.get_by_text("The signature is right")).to_be_visible()
    visit(page, "Reports")
    press(page, page.get_by_role("main").get_by_role("link", name="Open Accountability"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "/v1/reports/accountability" in page.url


def test_signing_out_and_the_way_back_shows_nothing(person: Person, station: Agency) -> None:
    page = signed_in(person, station, "sam")
    visit(page, "Cases")
    visit(page, "You")
    press(page, button(page, "Sign out"))
    expect(page.get_by_label("Password")).to_be_visible()
    page.keyboard.press("Alt+ArrowLeft")
    page.wait_for_timeout(1000)  # the browser goes back by itself, and cannot be told to meanwhile
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()
    assert "sam" not in page.inner_text("body")


def test_a_search_by_what_a_screen_reader_is_told(person: Person, station: Agency, probe: Path) -> None:
    """Only roles and names are used, as the accessibility tree gives them."""
    station.authorise("sue")
    page = signed_in(person, station, "sue")
    tree = page.aria_snapshot() if hasattr(page, "aria_snapshot") else page.locator("body").aria_snapshot()
    assert '- navigation "Pages"' in tree
    assert '- heading "Search" [level=1]' in tree
    page.get_by_role("button", name="Choose a picture").set_input_files(probe)
    expect(page.get_by_role("status").filter(has_text="One face was found.")).to_be_visible()
    expect(page.get_by_role("main")).to_match_aria_snapshot(
        "- 'button /Face 1: .+/ [pressed]'\n"
        '- status: One face was found.\n- combobox "Search in"\n'
        '- combobox "Authorisation"\n- button "Search"'
    )
    page.get_by_role("combobox", name="Search in").select_option("suspects")
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Search", exact=True).press("Enter")
    expect(page.get_by_role("heading", level=2, name="candidate")).to_be_visible()
    expect(page.get_by_role("link", name="Open the case")).to_be_visible()
