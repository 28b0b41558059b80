"""The pages of those who run and oversee the server: people, thresholds, suspensions, incidents, accuracy, health; and
what changes, told as it changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from agency import Agency
from browser import DESK, PHONE, Person, violations
from measured import of_spring
from playwright.sync_api import Locator, Page, Route, expect

from regard.domain.people import Role
from regard.store.evaluation_rows import EvaluationRows

EVALUATION = "evaluation-of-spring"
OWN = "seven lanterns over the harbour"


@pytest.fixture(scope="module", autouse=True)
def evaluated(station: Agency) -> None:
    """Error rates that somebody has measured."""
    EvaluationRows(station.database).add(
        of_spring(EVALUATION, station.people["alice"], station.live.engine.known_models.default.version)
    )


@pytest.fixture
def lasting(station: Agency) -> Iterator[None]:
    """Whatever was suspended goes on afterwards."""
    yield
    with station.acting("olga", "suspensions list") as grant:
        left = [each.key for each in station.live.engine.keeping.suspensions.list(grant)]
    for key in left:
        with station.acting("adam", "suspensions lift") as grant:
            station.live.engine.keeping.suspensions.lift(grant, key)


def badge(page: Page, name: str) -> Locator:
    return page.locator("nav.shell-bar").get_by_role("link", name=re.compile(f"^{name} waiting:"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_of_the_office_is_accessible(
    person: Person, station: Agency, size: dict[str, int], scheme: str
) -> None:
    page = person.signed_in("adam", viewport=size, color_scheme=scheme)
    places = (
        "staff",
        f"staff/{station.people['sam']}",
        "thresholds",
        "thresholds/suspects",
        "suspensions",
        "incidents",
    )
    rates = ("incidents/new", "accuracy", "accuracy/models", f"accuracy/{EVALUATION}", "health", "you")
    for place in (*places, *rates):
        person.show(page, place)
        assert violations(page) == [], place
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is wider than the screen"
    for place, button in (("staff", "Add a person"), ("staff", "Add a service"), ("suspensions", "Suspend")):
        person.show(page, place)
        page.get_by_role("button", name=button).first.click()
        expect(page.locator("dialog[open] form")).to_be_visible()
        assert violations(page) == [], button
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name=button).first).to_be_focused()
    assert person.complaints == []


def test_an_administrator_adds_somebody_by_the_keyboard_who_signs_in_and_sets_their_own_password(
    person: Person, station: Agency
) -> None:
    page = person.signed_in("adam")
    person.show(page, "staff")
    page.get_by_role("button", name="Add a person").press("Enter")
    page.keyboard.type("Ivy Green")
    page.keyboard.press("Tab")
    page.keyboard.type("ivy")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the second role: enroller
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ivy Green")).to_be_visible()
    given = page.locator(".once code").inner_text()
    assert len(given) >= 23
    expect(page.get_by_role("button", name="Take away the role enroller from Ivy Green")).to_be_visible()
    page.get_by_role("button", name="Give the role searcher to Ivy Green").click()
    expect(page.get_by_role("button", name="Take away the role searcher from Ivy Green")).to_be_visible()
    page.get_by_role("button", name="Record a training").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("In what").fill("face comparison")
    dialog.get_by_label("Where that is written down").fill("C-17")
    dialog.get_by_label("Completed").fill("2026-01-05")
    dialog.get_by_role("button", name="Record a training").click()
    expect(page.get_by_text("C-17")).to_be_visible()

    hers = person.window()
    hers.goto(f"{station.live.url}/console/#/you")
    for password, again in ((given, False), (OWN, True)):
        hers.get_by_label("Name you sign in with").fill("ivy")
        hers.get_by_label("Password").fill(password)
        hers.get_by_role("button", name="Sign in", exact=True).click()
        if not again:
            expect(hers.locator("nav ~ main h1")).to_be_visible()
            person.show(hers, "you")
            hers.get_by_label("New password").fill(OWN)
            hers.get_by_role("button", name="Set it, and sign in again").click()
            expect(hers.get_by_label("Password")).to_be_visible()
    expect(hers.locator("nav ~ main h1")).to_be_visible()

    page.get_by_role("button", name="End for good").click()
    page.get_by_role("dialog").get_by_role("button", name="End for good").click()
    expect(page.locator("header").get_by_text("Ended")).to_be_visible()
    assert person.complaints == []


def test_the_day_of_a_training_is_the_same_wherever_it_is_read(person: Person, station: Agency) -> None:
    """It is one by UTC: in Los Angeles another day has not ended when it begins."""
    page = person.signed_in("adam", timezone_id="America/Los_Angeles")
    person.show(page, f"staff/{station.hire('tim', Role.SEARCHER, trained_until=None)}")
    page.get_by_role("button", name="Record a training").click()
    dialog = page.get_by_role("dialog")
    for label, said in (("In what", "face comparison"), ("Where that is written down", "C-18")):
        dialog.get_by_label(label).fill(said)
    dialog.get_by_label("Completed").fill("2026-01-05")
    dialog.get_by_label("Holds until").fill("2030-03-01")
    dialog.get_by_role("button", name="Record a training").click()
    expect(page.get_by_text("Completed 5 Jan 2026 · Holds until 1 Mar 2030")).to_be_visible()


def test_what_is_nearly_round_is_written_so(person: Person, station: Agency) -> None:
    page = person.signed_in("alice")

    def nearly(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        for model in found["face_models"]:
            model["at"][0]["fmr"] = 0.00996
        route.fulfill(response=answer, json=found)

    def now(route: Route) -> None:
        notice = {"recipient": "the council", "due_at": (datetime.now(UTC) + timedelta(seconds=9)).isoformat()}
        incident = {"id": "i", "kind": "misuse", "severity": "low", "description": "", "facts": {}, "overdue": False}
        moments = {"opened_at": datetime.now(UTC).isoformat(), "notices": [notice]}
        route.fulfill(json={"incidents": [incident | moments]})

    page.route("**/v1/accuracy", nearly)
    person.show(page, "accuracy")
    expect(page.get_by_role("cell", name="1 in 100 10⁻²")).to_be_visible()
    page.route("**/v1/incidents?*", now)
    person.show(page, "incidents")
    expect(page.get_by_text("due in a moment")).to_be_visible()
    assert person.complaints == []


def test_a_threshold_is_lowered_by_two_people_and_each_sees_at_once_what_the_other_did(
    person: Person, station: Agency
) -> None:
    adam, olga = person.signed_in("adam"), person.signed_in("olga")
    person.show(adam, "thresholds/suspects")
    person.show(olga, "thresholds/suspects")
    before = adam.get_by_text(re.compile(r"^Similarity \d+ and above$")).inner_text()
    lower = adam.locator("form", has=adam.get_by_role("heading", name="Ask for a lower one"))
    lower.get_by_label("Similarity").fill("85")
    lower.get_by_label("Evaluation").select_option(EVALUATION)
    lower.get_by_label("Reason").fill("The cameras at the yard are blurred.")
    lower.get_by_role("button", name="Ask for it").click()
    expect(adam.get_by_text("Asked for. Somebody else approves.")).to_be_visible()
    expect(adam.get_by_text(before)).to_be_visible()
    expect(badge(olga, "Thresholds")).to_be_visible()
    olga.get_by_role("button", name="Approve").click()
    olga.get_by_role("dialog").get_by_role("button", name="Approve").click()
    for page in (olga, adam):  # neither loads the page again
        expect(page.get_by_text("Similarity 85 and above")).to_be_visible()
        expect(page.get_by_text("In effect")).to_be_visible()
    expect(badge(olga, "Thresholds")).to_have_count(0)
    adam.locator("form", has=adam.get_by_role("heading", name="Raise it")).get_by_label("Similarity").fill("99")
    adam.locator("form", has=adam.get_by_role("heading", name="Raise it")).get_by_label("Reason").fill("Over.")
    adam.get_by_role("button", name="Raise the threshold").click()
    expect(olga.get_by_text("Similarity 99 and above")).to_be_visible()
    assert person.complaints == []


def test_somebody_is_suspended_at_once_and_another_lifts_it(person: Person, station: Agency, lasting: None) -> None:
    adam, olga = person.signed_in("adam"), person.signed_in("olga")
    person.show(adam, "suspensions")
    person.show(olga, "suspensions")
    olga.get_by_role("button", name="Suspend", exact=True).click()
    dialog = olga.get_by_role("dialog")
    dialog.get_by_label("What").select_option("person")
    dialog.get_by_label("Which").select_option(station.people["sue"])
    dialog.get_by_label("Reason").fill("Searched without a case.")
    dialog.get_by_role("button", name="Suspend now").click()
    expect(olga.get_by_text("You began it: somebody else lifts it.")).to_be_visible()
    expect(adam.get_by_role("heading", name="Person sue")).to_be_visible()
    expect(badge(adam, "Suspensions")).to_be_visible()
    adam.get_by_role("button", name="Lift it").click()
    adam.get_by_role("dialog").get_by_role("button", name="Lift it").click()
    expect(olga.get_by_text("Nothing is suspended.")).to_be_visible()
    assert person.complaints == []


def test_a_reviewer_reports_what_went_wrong_and_an_overseer_tells_and_closes(person: Person, station: Agency) -> None:
    olga, ruth = person.signed_in("olga"), person.signed_in("ruth")
    person.show(ruth, "incidents")
    ruth.get_by_label("What happened").fill("A pair had a name in its picture.")
    ruth.get_by_label("Who must be told").fill("Data protection authority")
    ruth.get_by_role("button", name="Report it").click()
    expect(ruth.get_by_text("Those who oversee the system see it.")).to_be_visible()
    olga.get_by_role("link", name=re.compile("^Incidents waiting:")).click()
    olga.get_by_role("link", name=re.compile("A pair had a name in its picture")).click()
    expect(olga.get_by_text(re.compile("^due ")).first).to_be_visible()
    expect(olga.get_by_role("button", name="Close the incident")).to_be_disabled()
    expect(olga.get_by_label("Who", exact=True)).to_have_value("Data protection authority")
    olga.get_by_label("How, with its number").fill("letter 12")
    olga.get_by_role("button", name="Record it").click()
    expect(olga.get_by_text(re.compile("letter 12"))).to_be_visible()
    olga.get_by_label("How it ended").fill("The picture was cut.")
    olga.get_by_role("button", name="Close the incident").click()
    expect(olga.locator("header").get_by_text("Closed")).to_be_visible()
    assert person.complaints == []


def test_health_is_live_and_nobody_else_is_offered_it(person: Person, station: Agency) -> None:
    page = person.signed_in("adam")
    person.show(page, "health")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_text("The same as a table").click()
    expect(page.locator("details tbody tr").first).to_be_visible()
    drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    for canvas in page.locator("canvas").all():
        assert canvas.evaluate(drawn)
    assert page.locator("canvas").count() == 3
    canvas = page.locator("canvas").first
    before = canvas.evaluate("canvas => canvas.toDataURL()")
    moved = "([canvas, before]) => canvas.toDataURL() !== before"
    page.wait_for_function(moved, arg=[canvas.element_handle(), before])  # time goes on, whoever asks for what
    expect(page.get_by_role("rowheader", name="POST /v1/sign-in", exact=True)).to_be_visible()
    sam = person.signed_in("sam")
    assert sam.get_by_role("link", name="Health").count() == 0
    assert person.complaints == []


def test_two_windows_share_a_connection_which_comes_back_after_a_break(person: Person, station: Agency) -> None:
    first = person.signed_in("olga")
    asked: list[str] = []
    first.context.on("request", lambda request: asked.append(request.url))
    first.reload()
    second = first.context.new_page()
    second.goto(f"{station.live.url}/console/#/authorisations")
    expect(second.locator("main h1")).to_be_visible()

    def seen_by_both(description: str) -> None:
        with station.acting("olga", "incidents open") as grant:
            station.live.engine.keeping.incidents.open(grant, "misuse", "low", description)
        with station.acting("olga", "incidents list") as grant:
            number = len(station.live.engine.keeping.incidents.list(grant))
        for page in (first, second):
            expect(page.get_by_role("link", name=re.compile(f"^Incidents waiting: ?{number}$"))).to_be_visible()

    seen_by_both("before")
    assert sum(url.endswith("/v1/events") for url in asked) == 1
    first.context.set_offline(True)
    expect(first.get_by_role("link", name=re.compile("^Incidents waiting:"))).to_be_visible()
    first.context.set_offline(False)
    seen_by_both("after")
