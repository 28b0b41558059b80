"""What must not happen in a browser: faces that stay, scripts in names, pages that break without a camera."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from agency import Agency, portrait
from browser import DESK, PASSWORD, PHONE, Person, violations
from live_server import without_models
from playwright.sync_api import Browser, Page, Playwright, Route, expect
from sqlalchemy import update

from regard.console.assets import BUILT
from regard.store.tables.authorisations import authorisations

#: The longest that a first visit loads, in bytes of gzip (CONSOLE of the issue).
FIRST_LOAD, ALL_TOGETHER, ONE_PAGE = 70_000, 220_000, 40_000
#: Adds a colleague from a page of the console.
ADD = """given => fetch("/v1/people", {
  method: "POST", headers: { "content-type": "application/json", "x-regard-console": "1" }, body: JSON.stringify(given),
}).then(answer => answer.status)"""
EVIL = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pictures") / "probe.jpg"
    file.write_bytes(portrait(dark=0.8))
    return file


def choose(page: Page, file: Path) -> None:
    page.locator("input[type=file]").set_input_files(file)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_is_accessible(
    person: Person, station: Agency, size: dict[str, int], scheme: str, probe: Path
) -> None:
    station.authorise("sam")
    options = {"viewport": size, "color_scheme": scheme}
    page = person.window(**options)
    page.goto(f"{station.live.url}/")
    expect(page.get_by_label("Password")).to_be_visible()
    assert violations(page) == []
    sam = person.signed_in("sam", **options)
    assert violations(sam) == []
    choose(sam, probe)
    expect(sam.get_by_role("button", name="Search", exact=True)).to_be_enabled()
    assert violations(sam) == []
    sam.get_by_role("button", name="Search", exact=True).click()
    expect(sam.get_by_text("Sent to review")).to_be_visible()
    assert violations(sam) == []
    pages = {
        "sam": ("cases", "authorisations", "authorisations/new", "collections", "you"),
        "alice": ("ledger", "reports"),
        "erin": (
            "collections/suspects",
            "collections/suspects/people",
            "collections/suspects/quality",
            "collections/suspects/changes",
        ),
    }
    for name, places in pages.items():
        window = sam if name == "sam" else person.signed_in(name, **options)
        for place in places:
            person.show(window, place)
            if place == "collections/suspects":
                expect(window.get_by_text("eileen").first).to_be_visible()
            assert violations(window) == [], place
    rita = person.signed_in("rita", **options)
    rita.get_by_role("button", name="Show the next pair").click()
    expect(rita.get_by_alt_text("Picture A")).to_be_visible()
    assert violations(rita) == []
    assert person.complaints == []


def test_no_face_stays_in_the_browser_after_signing_out(
    playwright: Playwright, chromium: str, station: Agency, probe: Path, tmp_path: Path
) -> None:
    """Looked for on the disk: in caches, databases, history, wherever the browser writes."""
    station.authorise("sam")
    context = playwright.chromium.launch_persistent_context(
        tmp_path, executable_path=chromium, args=["--no-sandbox"], viewport=DESK
    )
    page = context.new_page()
    page.goto(f"{station.live.url}/")
    page.get_by_label("Name you sign in with").fill("sam")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    choose(page, probe)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("link", name="Open the case").click()
    page.goto(f"{station.live.url}/console/#/you")
    with page.expect_navigation(wait_until="load"):  # signing out leaves nothing of the page, not even its memory
        page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()
    stores = page.evaluate(
        "async () => [Object.keys(localStorage), Object.keys(sessionStorage), (await indexedDB.databases()).length]"
    )
    assert stores == [[], [], 0]
    kept = page.evaluate(
        """async () => {
            const found = [];
            for (const name of await caches.keys())
                for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
            return found;
        }"""
    )
    assert not [path for path in kept if "/v1/" in path]
    context.close()
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert written
    for file in written:
        content = file.read_bytes()
        assert b"\xff\xd8\xff" not in content, file
        assert PASSWORD.encode() not in content, file


def test_markup_in_what_people_write_is_shown_as_text(person: Person, station: Agency) -> None:
    evil = station.authorise("sue")
    with station.database.write() as connection:
        row = update(authorisations).where(authorisations.c.id == evil)
        connection.execute(row.values(purpose=EVIL, case_reference=EVIL, basis=EVIL))
    page = person.signed_in("sue")
    for place in ("authorisations", f"authorisations/{evil}"):
        person.show(page, place)
        expect(page.get_by_text(EVIL).first).to_be_visible()
        assert page.locator("img[src=x]").count() == 0
    assert page.title() == "Authorisations · Regard"


def test_without_a_camera_it_says_what_to_do(playwright: Playwright, chromium: str, station: Agency) -> None:
    """No device, and none allowed."""
    running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    someone = Person(running, station.live.url)
    page = someone.signed_in("sam", viewport=PHONE)
    page.get_by_role("button", name="Take a picture").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a picture instead")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Choose a picture", exact=True)).to_be_visible()
    someone.close()
    running.close()


def test_a_file_that_is_no_picture_is_refused_in_words(person: Person, tmp_path: Path) -> None:
    file = tmp_path / "letter.jpg"
    file.write_bytes(b"Dear Ada,")
    page = person.signed_in("sam")
    choose(page, file)
    expect(page.get_by_role("alert")).to_contain_text("no picture that the browser can open")


def test_a_large_picture_is_sent_small(person: Person, station: Agency, tmp_path: Path) -> None:
    import PIL.Image  # noqa: PLC0415 - only this test makes one

    file = tmp_path / "large.jpg"
    PIL.Image.new("RGB", (8000, 6000), "grey").save(file, quality=30)
    page = person.signed_in("sam")
    with page.expect_request(lambda request: request.url.endswith("/v1/faces")) as sent:
        choose(page, file)
    assert len(sent.value.post_data_buffer or b"") < 400_000
    expect(page.get_by_text("No face was found")).to_be_visible()


def test_the_ledger_is_verified_in_the_browser_and_a_lie_is_noticed(person: Person, station: Agency) -> None:
    page = person.signed_in("alice")
    person.show(page, "ledger")
    page.get_by_role("button", name="Verify in this browser").click()
    expect(page.get_by_text("The signature is right")).to_be_visible()

    def lying(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]
        said = answer.json()
        entry = next(each for each in reversed(said["entries"]) if each["body"])
        entry["body"] = entry["body"].replace("allowed", "refused")
        route.fulfill(response=answer, json=said)  # type: ignore[attr-defined]

    page.route("**/v1/ledger/entries*", lying)
    page.reload()
    page.get_by_role("button", name="Verify in this browser").click()
    expect(page.get_by_role("alert")).to_contain_text("is not what was recorded")


def test_when_the_sign_in_ends_the_page_says_so_and_shows_nothing(person: Person, station: Agency) -> None:
    page = person.signed_in("sam")
    page.context.clear_cookies()
    page.goto(f"{station.live.url}/console/#/cases")
    expect(page.get_by_label("Password")).to_be_visible()


def test_what_is_loaded_is_small_and_comes_from_here(person: Person, station: Agency) -> None:
    sizes = {file: len(gzip.compress(file.read_bytes(), 9)) for file in BUILT.glob("assets/*") if file.suffix != ".br"}
    assert sum(sizes.values()) <= ALL_TOGETHER
    page = person.window()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{station.live.url}/")
    expect(page.get_by_label("Password")).to_be_visible()
    first = {file: size for file, size in sizes.items() if any(url.endswith(f"/{file.name}") for url in asked)}
    assert any(file.name.startswith("index-") for file in first)
    assert sum(first.values()) <= FIRST_LOAD
    assert max(size for file, size in sizes.items() if file not in first) <= ONE_PAGE
    assert not [url for url in asked if not url.startswith(station.live.url)]


class Held:
    """A route's requests, held back until they are let go."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def __call__(self, route: Route) -> None:
        self._routes.append(route)

    def let_go(self, page: Page) -> None:
        while not self._routes:
            page.wait_for_timeout(20)
        while self._routes:
            self._routes.pop().continue_()
            page.wait_for_timeout(20)
        page.unroute_all()


def test_what_stands_below_something_on_its_way_waits_for_it_and_is_not_pushed_down(
    person: Person, station: Agency
) -> None:
    page = person.signed_in("adam")
    page.route("**/v1/people", held := Held())
    with page.expect_request("**/v1/people"):
        page.goto(f"{station.live.url}/console/#/staff")
    below = page.locator("section[aria-labelledby=services]")
    below.wait_for(state="attached")
    animation = "each => getComputedStyle(each).animationName"
    assert below.evaluate(animation) == "shown", "hidden at first, and shown when it takes long"
    held.let_go(page)
    expect(page.get_by_text("One moment…")).to_have_count(0)
    assert below.evaluate(animation) == "none"
    expect(below).to_be_visible()


def test_what_stands_in_for_the_facts_of_a_collection_takes_their_room(person: Person, station: Agency) -> None:
    page = person.signed_in("erin")
    page.route("**/v1/collections/suspects", held := Held())
    page.goto(f"{station.live.url}/console/#/collections/suspects")
    below = page.get_by_role("heading", name="Add pictures")
    expect(below).to_be_visible()
    at = below.bounding_box()
    expect(page.get_by_text("2 Jan 2026")).to_have_count(0)
    held.let_go(page)
    expect(page.locator("dl.facts")).to_contain_text("public-safety")
    assert below.bounding_box() == at


def test_what_could_not_be_asked_for_again_is_said_beside_what_was_there(person: Person, station: Agency) -> None:
    page = person.signed_in("adam")
    page.goto(f"{station.live.url}/console/#/staff")
    people = page.locator("section[aria-labelledby=people]")
    expect(people).to_contain_text("erin · enroller")
    page.route("**/v1/people", lambda route: route.abort())
    assert person.signed_in("adam").evaluate(ADD, {"name": "Zoe", "login": None, "roles": []}) == 201
    expect(people.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    expect(people).to_contain_text("What is shown here may be out of date.")
    expect(people).to_contain_text("erin · enroller")
    page.unroute("**/v1/people")
    people.get_by_role("button", name="Try again").click()
    expect(people).to_contain_text("Zoe")
    expect(people.get_by_role("alert")).to_have_count(0)


def test_who_has_signed_in_is_asked_once_and_while_the_scripts_are_on_their_way(
    person: Person, station: Agency
) -> None:
    page = person.signed_in("sam")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(station.live.url)))
    page.reload()
    expect(page.locator("main[aria-busy=false] h1")).to_be_visible()
    assert asked.count("/v1/me") == asked.count("/v1/sign-in") == 1
    assert asked.index("/v1/me") < next(at for at, each in enumerate(asked) if "/assets/Search-" in each)
    assert person.complaints == []


def test_a_pages_own_script_is_on_its_way_before_there_is_one_to_ask_for_it(person: Person, station: Agency) -> None:
    page = person.window()
    page.route("**/assets/index-*.js", held := Held())
    with page.expect_request("**/assets/Collection-*.js"):
        page.goto(f"{station.live.url}/console/#/collections/suspects", wait_until="commit")
    held.let_go(page)
    expect(page.get_by_label("Password")).to_be_visible()
    assert person.complaints == []


def test_whoever_started_the_server_makes_themself_the_administrator(browser: Browser, tmp_path: Path) -> None:
    with without_models(tmp_path) as live:
        someone = Person(browser, live.url)
        page = someone.window(viewport=PHONE)
        page.goto(f"{live.url}/console/#/welcome/{live.engine.first_run.offer()}")
        page.get_by_label("Your name").fill("Ada Lovelace")
        page.get_by_label("Name you sign in with").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        assert violations(page) == []
        page.get_by_role("button", name="Become the administrator").click()
        expect(page.get_by_role("heading", name="Get started")).to_be_visible()
        someone.show(page, "collections")
        page.get_by_role("button", name="Create a collection").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("family")
        dialog.get_by_role("button", name="Create a collection").click()
        expect(page.get_by_role("heading", name="family")).to_be_visible()
        expect(page.get_by_text("No faces are enrolled.")).to_be_visible()
        assert someone.complaints == []
        someone.close()
