"""Cases whole, reviewers' errors, whose authorisations are, folders that are people, trainings, the first passkey: in
browsers, by hand and by the keyboard."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket

import pytest
from agency import Agency, judgement, portrait
from approved import approved
from browser import DESK, PASSWORD, PHONE, Person, violations
from people import crowd, encoded
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert
from test_console_keyboard import choose, press, reach, signed_in, visit

from regard.accountability.cases import KINDS, LINE_UP
from regard.accountability.ledger.ledger_verification import VerifierKey, verify_receipt
from regard.accountability.passwords import Passwords
from regard.bootstrap.ledger import ledger_access
from regard.domain.authorisations import AuthorisationState, OnBehalfOf
from regard.domain.cases import Opinion
from regard.domain.people import Role
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.tables.cases import case_candidates, cases, reviews

_LINK = re.compile(r"http://127\.0\.0\.1:\d+/console/#(/welcome/\S+)")
_FIELDS_HOLD = """[...document.querySelectorAll('.field > *')].every((each) =>
    each.getBoundingClientRect().right <= each.parentElement.getBoundingClientRect().right + 1)"""
#: Narrower than any telephone that is sold.
NARROW = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def decided(station: Agency) -> str:
    """A case whose candidates two reviewers have judged to be the same person."""
    client = station.session("sam", station.authorise("sam"))
    found = client.search_faces_by_image(CollectionId="suspects", Image={"Bytes": portrait(dark=0.9)})
    for name in ("rita", "ron"):
        while (pair := station.next_pair(name)) is not None:
            station.decide(name, pair.number, judgement(Opinion.SAME, "The scar beside the nose."))
    return str(found["ResponseMetadata"]["HTTPHeaders"]["x-regard-case"])


def measured(station: Agency, reviewer: str) -> None:
    """Ten pairs whose answer is known, that this reviewer judged some days ago; one of them wrong."""
    at = datetime.now(UTC) - timedelta(days=3)
    with station.database.write() as connection:
        for number in range(10):
            case = f"case-{reviewer[:8]}{number:02}"
            opened = {"id": case, "collection": "suspects", "profile": "", "state": "seeded", "reviews_needed": 1}
            connection.execute(insert(cases).values(**opened, opened_at=at))
            known = {"alias": f"{reviewer[:24]}{number:02}", "kind": "seeded_nonmate", "face_id": ""}
            connection.execute(insert(case_candidates).values(case_id=case, number=1, state="verified", **known))
            opinion = "same" if number == 0 else "different"
            said = {"opinion": opinion, "components": {}, "reason": "", "assigned_at": at, "decided_at": at}
            connection.execute(insert(reviews).values(case_id=case, number=1, reviewer_id=reviewer, **said))


@pytest.fixture(scope="module")
def rates(station: Agency) -> None:
    measured(station, station.people["ruth"])


@pytest.fixture(scope="module")
def emergency(station: Agency) -> str:
    """One that has begun, for another agency, and waits to be confirmed."""
    now = datetime.now(UTC)
    new = approved(
        station.people["sue"],
        id="A-EMERGENCY",
        case_reference="file 11",
        searches_allowed=5,
        searches_done=2,
        state=AuthorisationState.EMERGENCY,
        confirm_by=now + timedelta(hours=5),
        on_behalf_of=OnBehalfOf(agency="County sheriff", person="J. Doe", request_sha256="ab" * 32),
    )
    AuthorisationRows(station.database).add(new)
    return new.id


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, PHONE, DESK], ids=["narrow", "phone", "desk"])
def test_the_pages_of_cases_and_authorisations_are_accessible_at_any_width(
    person: Person, decided: str, rates: None, emergency: str, size: dict[str, int], scheme: str
) -> None:
    pages = {
        "olga": (f"cases/{decided}", "cases/searches", "authorisations", f"authorisations/{emergency}"),
        "alice": ("accuracy/reviewers", "accuracy/models"),
        "sam": (f"cases/{decided}", "authorisations/new", "you"),
    }
    for name, places in pages.items():
        page = person.signed_in(name, viewport=size, color_scheme=scheme)
        for place in places:
            person.show(page, place)
            assert violations(page) == [], place
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is too wide"
            assert page.evaluate(_FIELDS_HOLD), f"what is typed into on {place} is wider than its field"
    assert person.complaints == []


def test_an_overseer_reads_a_case_whole_and_takes_what_is_handed_out_by_the_keyboard(
    person: Person, station: Agency, decided: str
) -> None:
    page = signed_in(person, station, "olga")
    visit(page, "Cases")
    press(page, page.get_by_role("main").get_by_role("link", name=re.compile(decided)))
    main = page.get_by_role("main")
    expect(page.get_by_alt_text("The face that was searched for")).to_be_visible()
    expect(page.get_by_alt_text(re.compile("^Candidate [12]$"))).to_have_count(2)
    expect(main.get_by_text("The scar beside the nose.")).to_have_count(4)
    expect(main.get_by_text("rita", exact=True)).to_have_count(2)
    marks = main.get_by_text(re.compile("^Every feature")).first
    press(page, marks)
    expect(main.get_by_text("Facial hair").first).to_be_visible()
    receipt = main.get_by_role("button", name="Take the receipt")
    reach(page, receipt)
    with page.expect_download() as taken:
        page.keyboard.press("Enter")
    assert taken.value.suggested_filename.endswith(".tlog-proof")
    engine = station.live.engine
    with station.acting("olga", "ledger keys") as grant:
        keys = [VerifierKey.parse(each) for each in ledger_access(engine.settings, engine.stores).keys(grant)]
    proved = verify_receipt(Path(taken.value.path()).read_text(encoding="utf-8"), keys)
    assert proved.body["operation"] == "SearchFacesByImage"
    press(page, main.get_by_role("button", name="Make the receipts"))
    expect(main.get_by_role("button", name=re.compile(r"^\d+\.tlog-proof$")).first).to_be_visible()
    press(page, main.get_by_role("link", name="Open Report of the case"))
    expect(page.get_by_role("heading", level=1, name=f"Case report {decided}")).to_be_visible()
    page.go_back()
    press(page, main.get_by_role("link", name="Open Page for a court"))
    expect(page.get_by_role("heading", level=1, name="Disclosure of a face search")).to_be_visible()
    assert person.complaints == []


def test_whoever_searched_sees_no_candidate_and_no_reviewer_until_they_support_it_by_the_keyboard(
    person: Person, station: Agency, decided: str
) -> None:
    page = signed_in(person, station, "sam")
    person.show(page, f"cases/{decided}")
    main = page.get_by_role("main")
    expect(page.get_by_alt_text("The face that was searched for")).to_be_visible()
    expect(page.get_by_alt_text(re.compile("^Candidate"))).to_have_count(0)
    expect(main.get_by_text("Reviewer 1", exact=True)).to_have_count(2)
    assert not re.search(r"\b(rita|ron)\b", main.inner_text())
    kinds = page.get_by_label("Kind of support").locator("option:not([disabled])")
    offered = kinds.evaluate_all("options => options.map((each) => each.value)")
    assert set(offered) == {*KINDS, LINE_UP}
    reach(page, page.get_by_label("Kind of support"))
    page.keyboard.type("A line")
    expect(page.get_by_text("A line-up never counts")).to_be_visible()
    page.get_by_label("Kind of support").select_option("witness")
    reach(page, page.get_by_label("Where it is kept"))
    page.keyboard.type("report 14")
    reach(page, page.get_by_label("It does not come from this search"))
    page.keyboard.press("Space")
    press(page, main.get_by_role("button", name="Add support"))
    expect(page.get_by_alt_text(re.compile("^Candidate"))).to_have_count(2)
    expect(main.get_by_text("Enough for the profile.")).to_be_visible()
    assert person.complaints == []


def test_searches_that_found_nobody_are_listed(person: Person, station: Agency) -> None:
    station.client("adam").create_collection(CollectionId="empty-shelf")
    client = station.session("sue", station.authorise("sue"))
    client.search_faces_by_image(CollectionId="empty-shelf", Image={"Bytes": portrait(dark=0.9)})
    page = signed_in(person, station, "sue")
    visit(page, "Cases")
    press(page, page.get_by_role("link", name="All searches, also those that found nobody"))
    expect(page.get_by_text("empty-shelf, 0 faces")).to_be_visible()
    expect(page.get_by_text("Found nobody", exact=True)).to_be_visible()


def test_a_reviewer_reads_their_own_errors_and_the_office_everybodys(
    person: Person, station: Agency, rates: None
) -> None:
    page = signed_in(person, station, "ruth")
    visit(page, "Review")
    press(page, page.get_by_text("How well you do"))
    expect(page.get_by_text(re.compile("^1 of 10: 10"))).to_be_visible()
    assert violations(page) == []
    rita = person.signed_in("rita")
    person.show(rita, "review")
    rita.get_by_text("How well you do").click()
    expect(rita.get_by_text("You are told once you have judged 10 such pairs.")).to_be_visible()
    alice = signed_in(person, station, "alice")
    visit(alice, "Accuracy")
    press(alice, alice.get_by_role("link", name="Reviewers' errors"))
    expect(alice.get_by_role("row", name=re.compile("^ruth.*1 of 10"))).to_be_visible()
    adam = person.signed_in("adam")
    person.show(adam, "accuracy")
    expect(adam.get_by_role("link", name="Reviewers' errors")).to_have_count(0)
    assert person.complaints == []


def test_the_list_of_authorisations_says_whose_they_are_and_what_is_left(
    person: Person, station: Agency, emergency: str
) -> None:
    page = person.signed_in("olga")
    person.show(page, "authorisations")
    row = page.get_by_role("link", name=re.compile("file 11"))
    expect(row.get_by_text("For sue, who asked for it · on behalf of County sheriff")).to_be_visible()
    expect(row.get_by_text(re.compile("^3 searches left · until "))).to_be_visible()
    expect(row.get_by_text(re.compile("^due in [45] hours$"))).to_be_visible()
    row.click()
    expect(page.get_by_text("J. Doe, County sheriff")).to_be_visible()


def test_nobody_is_offered_what_their_roles_are_refused(person: Person, station: Agency, emergency: str) -> None:
    for name, offered in (("olga", 1), ("alice", 0)):
        page = person.signed_in(name)
        person.show(page, f"authorisations/{emergency}")
        expect(page.get_by_role("button", name="End it now")).to_have_count(offered)
    for name, offered in (("alice", 1), ("adam", 0)):
        page = person.signed_in(name)
        person.show(page, "reports")
        expect(page.get_by_role("heading", name="Assessment")).to_be_visible()
        expect(page.get_by_role("heading", name="Audit")).to_have_count(offered)


def test_a_page_that_somebody_has_not_is_their_first_one_and_no_part_of_it(person: Person, station: Agency) -> None:
    page = person.signed_in("olga")
    person.show(page, "library/photos")
    expect(page.get_by_role("heading", name="Cases")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_what_cannot_wait_is_searched_under_before_anybody_has_decided(
    person: Person, station: Agency, tmp_path: Path
) -> None:
    who = station.hire("emery", Role.SEARCHER)
    station.live.engine.stores.sign_ins.set_password(who, Passwords().hash(PASSWORD), None)
    page = person.signed_in("emery", viewport=PHONE)
    page.get_by_role("link", name="Request one").click()
    page.get_by_label("Kind", exact=True).select_option("exigent")
    page.get_by_label("Purpose", exact=True).select_option("violent-crime")
    for label, value in (("Offence", "robbery"), ("Legal basis", "a life in danger"), ("Case", "file 12")):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Declaration").fill("no protected activity")
    page.get_by_label("It cannot wait").check()
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_text("Emergency", exact=True)).to_be_visible()
    person.show(page, "search")
    expect(page.get_by_label("Authorisation")).to_contain_text("file 12")
    (tmp_path / "probe.jpg").write_bytes(portrait(dark=0.9))
    page.locator("input[type=file]").set_input_files(tmp_path / "probe.jpg")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("candidate|No likely match"))).to_be_visible()
    assert person.complaints == []


def test_an_authorisation_is_asked_for_another_agency_and_one_collection_by_the_keyboard(
    person: Person, station: Agency, tmp_path: Path
) -> None:
    (tmp_path / "request.pdf").write_bytes(b"Please look for him.")
    page = signed_in(person, station, "sam")
    person.show(page, "authorisations/new")
    for label, value in (("Kind", "investigation"), ("Purpose", "violent-crime")):
        page.get_by_label(label, exact=True).select_option(value)
    for label, value in (("Offence", "robbery"), ("Legal basis", "order 7"), ("Case", "file 77")):
        reach(page, page.get_by_label(label, exact=True))
        page.keyboard.type(value)
    reach(page, page.get_by_label("Declaration"))
    page.keyboard.type("no protected activity")
    reach(page, page.get_by_label("suspects", exact=True))
    page.keyboard.press("Space")
    reach(page, page.get_by_label("It is asked for by another agency"))
    page.keyboard.press("Space")
    for label, value in (("Agency", "County sheriff"), ("Who asks there", "J. Doe")):
        reach(page, page.get_by_label(label, exact=True))
        page.keyboard.type(value)
    page.get_by_label(re.compile("^Their request")).set_input_files(tmp_path / "request.pdf")
    assert violations(page) == []
    press(page, page.get_by_role("button", name="Send the request"))
    press(page, page.get_by_role("link", name=re.compile("file 77")))
    expect(page.get_by_text("J. Doe, County sheriff")).to_be_visible()
    expect(page.get_by_text("suspects", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("^[0-9a-f]{64}$"))).to_be_visible()
    assert person.complaints == []


def test_folders_are_people_and_pictures_of_several_are_told_by_the_keyboard(
    person: Person, station: Agency, tmp_path: Path
) -> None:
    station.authorise("erin")
    shelf = tmp_path / "shelf"
    for name in ("Zoë Müller", "Zoé Muller"):
        (shelf / name).mkdir(parents=True)
    (shelf / "Zoë Müller" / "1.jpg").write_bytes(portrait(left=30))
    (shelf / "Zoé Muller" / "2.png").write_bytes(encoded(crowd(1, 2, 200)))
    page = signed_in(person, station, "erin")
    person.show(page, "collections/suspects")
    reach(page, page.get_by_label("their file"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("their folder: each folder holds the pictures of one person")).to_be_checked()
    expect(page.get_by_label("Every face in a picture, not only the largest")).to_have_count(0)
    choose(page, "Choose a folder", shelf)
    expect(page.get_by_text("2 faces enrolled from 2 pictures.")).to_be_visible()
    press(page, page.get_by_text("1 picture shows several faces"))
    expect(page.get_by_text("shelf/Zoé Muller/2.png")).to_be_visible()
    assert violations(page) == []
    expect(page.get_by_text("Zoë Müller", exact=True)).to_be_visible()
    expect(page.get_by_text("Zoé Muller", exact=True)).to_be_visible()
    assert person.complaints == []


def test_whoever_has_no_training_is_told_before_they_are_refused(person: Person, station: Agency) -> None:
    for name, until in (("tess", None), ("toni", timedelta(days=-2)), ("tara", timedelta(days=9))):
        who = station.hire(name, Role.SEARCHER, trained_until=until)
        station.live.engine.stores.sign_ins.set_password(who, Passwords().hash(PASSWORD), None)
    said = {
        "tess": "No training of yours is recorded.",
        "toni": "Your training ended on",
        "tara": "Your training holds until",
    }
    for name, words in said.items():
        page = person.signed_in(name, viewport=PHONE)
        expect(page.get_by_role("status").filter(has_text=words)).to_contain_text("Ask an administrator")
        assert violations(page) == []
    assert person.signed_in("sam").get_by_text("Ask an administrator to record one").count() == 0


@contextmanager
def started(models: Path, home: Path) -> Iterator[tuple[int, str]]:
    """The port of a new server, and the step of the link that it shows."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"REGARD_HOME": str(home), "REGARD_MODELS_FOLDER": str(models)}
    command = [sys.executable, "-m", "regard", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as server:
        try:
            assert server.stdout is not None
            yield port, next(found[1] for line in server.stdout if (found := _LINK.search(line)))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def with_an_authenticator(page: Page) -> None:
    """A device that makes passkeys, with its owner in front of it."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    device = {**options, "isUserVerified": True, "automaticPresenceSimulation": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": device})


def test_the_first_administrator_adds_a_passkey_at_once_and_signs_in_with_it(
    browser: Browser, models: Path, tmp_path: Path
) -> None:
    with started(models, tmp_path) as (port, link):
        someone = Person(browser, f"http://localhost:{port}")
        page = someone.window(viewport=PHONE)
        page.goto(f"http://127.0.0.1:{port}/console/#{link}")
        page.get_by_role("link", name=f"http://localhost:{port}").click()
        expect(page).to_have_url(f"http://localhost:{port}/console/#{link}")
        with_an_authenticator(page)
        for label, text in (("Your name", "Ada Lovelace"), ("Name you sign in with", "ada"), ("Password", PASSWORD)):
            page.get_by_label(label).fill(text)
        page.get_by_role("button", name="Become the administrator").press("Enter")
        expect(page.get_by_role("heading", name="Sign in without typing?")).to_be_focused()
        assert violations(page) == []
        reach(page, page.get_by_role("button", name="Add a passkey for this device"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("group", name="Whose faces will be recognised?")).to_be_visible()
        someone.show(page, "you")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.locator("nav ~ main h1")).to_be_visible()
        someone.show(page, "you")
        expect(page.get_by_text("Ada Lovelace")).to_be_visible()
        someone.show(page, "sign-ins")
        expect(page.get_by_text("Signed in with a passkey")).to_be_visible()
        someone.show(page, "you")
        expect(page.get_by_role("listitem").filter(has_text="This device")).to_be_visible()
        page.get_by_role("button", name="Remove the passkey This device").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.get_by_label("Password")).to_be_visible()
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert someone.complaints == []
        someone.close()
