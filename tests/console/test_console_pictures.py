"""What becomes of a picture on its way from a camera or a file to the server, and what happens when that goes wrong."""

from __future__ import annotations

import base64
import gzip
import io
import json
import time
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest
from agency import Agency, portrait
from browser import PASSWORD, PHONE, Person
from people import astronaut, crowd, encoded
from playwright.sync_api import Page, Playwright, Request, Route, expect

from regard.accountability.passwords import Passwords
from regard.domain.people import Role

EVIL = "<img src=x onerror=\"document.title='owned'\">.jpg"
#: EXIF: where an upright picture is to be turned, and who made it.
_ORIENTATION, _TURN_RIGHT, _MAKE = 0x0112, 6, 0x010F


class Sent:
    """The pictures that a page sends, in order, each with where it went."""

    def __init__(self, page: Page) -> None:
        self.all: list[tuple[str, bytes]] = []
        self.bytes = 0
        page.on("request", self._hear)

    def _hear(self, request: Request) -> None:
        if request.method != "POST":
            return
        content = request.post_data_buffer or b"{}"
        self.bytes += len(content)
        said = json.loads(gzip.decompress(content) if "content-encoding" in request.headers else content)
        if "image" in said:
            self.all.append((request.url.rpartition("/")[2], base64.b64decode(said["image"])))

    def opened(self, to: str) -> list[PIL.Image.Image]:
        return [PIL.Image.open(io.BytesIO(content)) for where, content in self.all if where == to]


def choose(page: Page, file: Path) -> None:
    page.locator("input[type=file]").set_input_files(file)


def scene(file: Path, size: tuple[int, int], side: int, **options: object) -> Path:
    """A large picture with one head of `side` pixels, whose face is about 0.6 of that."""
    picture = PIL.Image.new("RGB", size, (96, 104, 110))
    head = PIL.Image.fromarray(astronaut()[0:220, 110:330]).resize((side, side))
    picture.paste(head, (size[0] // 3, size[1] // 3))
    picture.save(file, "JPEG", quality=88, **options)
    return file


def test_of_fifty_megapixels_little_is_sent_and_the_face_keeps_its_own(
    person: Person, station: Agency, tmp_path: Path
) -> None:
    station.authorise("sam")
    page = person.signed_in("sam", viewport=PHONE)
    sent = Sent(page)
    choose(page, scene(tmp_path / "large.jpg", (8192, 6144), 900))
    expect(page.get_by_text("One face was found.")).to_be_visible()
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Sent to review")).to_be_visible()
    assert [max(each.size) for each in sent.opened("faces")] == [800]
    (searched,) = sent.opened("search")
    assert max(searched.size) == 448  # some 220 pixels of face, where the small picture had 50
    assert sent.bytes < 80_000
    assert sent.bytes < 1.1 * sum(len(content) for _, content in sent.all)  # base64 takes nothing of the line
    assert person.complaints == []


PATIENCE_SECONDS = 120
#: Every bitmap that a page makes: one that was closed has no pixels.
_COUNTED = """() => {
  const [made, bitmaps] = [window.createImageBitmap, []];
  window.createImageBitmap = async (...given) => {
    const bitmap = await made.apply(window, given);
    bitmaps.push(bitmap);
    return bitmap;
  };
  window.held = () => bitmaps.reduce((sum, each) => sum + each.width * each.height, 0);
  window.bitmaps = bitmaps;
}"""


@pytest.mark.parametrize("size", [(8192, 6144), (1200, 9000)], ids=["wide", "tall"])
def test_of_a_large_picture_only_what_is_shown_stays_in_memory(
    person: Person, station: Agency, tmp_path: Path, size: tuple[int, int]
) -> None:
    station.authorise("sam")
    page = person.signed_in("sam")
    page.evaluate(_COUNTED)
    choose(page, scene(tmp_path / "large.jpg", size, 700))
    expect(page.get_by_text("One face was found.")).to_be_visible()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not page.evaluate("window.bitmaps.length > 2 && window.held() <= 1600 * 1600"):
        assert time.monotonic() < deadline, "more stays in memory than is shown"
        page.wait_for_timeout(200)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Sent to review")).to_be_visible()
    assert page.evaluate("window.held()") <= 1600 * 1600
    page.get_by_role("button", name="Search with another picture").click()
    expect(page.get_by_role("button", name="Take a picture")).to_be_visible()
    assert page.evaluate("window.held()") == 0
    assert person.complaints == []


def test_a_picture_is_sent_upright_and_without_what_the_camera_wrote_into_it(
    person: Person, station: Agency, tmp_path: Path
) -> None:
    exif = PIL.Image.Exif()
    exif[_ORIENTATION], exif[_MAKE] = _TURN_RIGHT, "Spycam"
    file = tmp_path / "turned.jpg"
    PIL.Image.fromarray(np.rot90(astronaut()[:, 60:420])).save(file, "JPEG", exif=exif, quality=95)
    page = person.signed_in("sam")
    sent = Sent(page)
    choose(page, file)
    expect(page.get_by_text("One face was found.")).to_be_visible()
    assert page.locator("main canvas").evaluate("each => each.height > each.width")
    for where, content in sent.all:
        assert b"Exif" not in content, where
        assert b"Spycam" not in content, where
    (first, *_) = sent.opened("faces")
    assert first.height > first.width


def test_where_no_face_is_seen_it_looks_more_closely_before_it_says_so(
    person: Person, station: Agency, tmp_path: Path
) -> None:
    page = person.signed_in("sam")
    sent = Sent(page)

    def blind(route: Route) -> None:
        """The server sees nothing in what is small."""
        answer = route.fetch()
        small = max(sent.opened("faces")[-1].size) < 2560
        route.fulfill(response=answer, json=answer.json() | ({"faces": []} if small else {}))

    page.route("**/v1/faces", blind)
    choose(page, scene(tmp_path / "far.jpg", (4032, 3024), 300))
    expect(page.get_by_text("One face was found.")).to_be_visible()
    assert [max(each.size) for each in sent.opened("faces")] == [800, 1600, 2560]


def test_smaller_faces_are_looked_for_while_one_is_chosen(person: Person, station: Agency, tmp_path: Path) -> None:
    page = person.signed_in("sam")
    sent = Sent(page)
    file = scene(tmp_path / "two.jpg", (4032, 3024), 900)
    with PIL.Image.open(file) as picture:
        picture.paste(PIL.Image.fromarray(astronaut()[0:220, 110:330]).resize((110, 110)), (3200, 400))
        picture.save(file, "JPEG", quality=88)
    choose(page, file)
    expect(page.get_by_text("One face was found.")).to_be_visible()
    expect(page.get_by_role("button", name="Face 2")).to_be_visible()
    expect(page.get_by_role("button", name="Face 1")).to_have_attribute("aria-pressed", "true")
    assert [max(each.size) for each in sent.opened("faces")] == [800, 1600]


def held(page: Page, file: Path) -> Route:
    """The question for the faces of a picture, which waits to be let go; by then the search was asked for."""
    routes: list[Route] = []

    def hold(route: Route) -> None:
        routes.append(route)

    page.route("**/v1/faces", hold, times=1)
    choose(page, file)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("button", name="Searching…")).to_be_disabled()
    (route,) = routes
    return route


def test_a_search_that_is_asked_for_before_the_face_is_found_begins_when_it_is(
    person: Person, station: Agency, tmp_path: Path
) -> None:
    station.authorise("sam")
    page = person.signed_in("sam", viewport=PHONE)
    expect(page.get_by_label("Search in")).to_be_visible()  # where and why can be said before there is a picture
    (tmp_path / "probe.jpg").write_bytes(portrait())
    held(page, tmp_path / "probe.jpg").continue_()
    expect(page.get_by_text("Sent to review")).to_be_visible()
    assert person.complaints == []


def test_of_several_faces_one_is_chosen_before_any_is_searched_for(
    person: Person, station: Agency, tmp_path: Path
) -> None:
    station.authorise("sam")
    page = person.signed_in("sam", viewport=PHONE)
    sent = Sent(page)
    (tmp_path / "crowd.jpg").write_bytes(encoded(crowd(1, 2, 200)))
    held(page, tmp_path / "crowd.jpg").continue_()
    page.get_by_role("button", name="Face 2").click()
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_enabled()
    assert sent.opened("search") == []
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Sent to review")).to_be_visible()
    assert len(sent.opened("search")) == 1


def test_a_lost_connection_is_tried_again_and_in_the_end_said(person: Person, station: Agency, tmp_path: Path) -> None:
    file = tmp_path / "probe.jpg"
    file.write_bytes(portrait())
    page = person.signed_in("sam")
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.abort() if len(lost) <= 2 else route.continue_()

    page.route("**/v1/faces", lose)
    choose(page, file)
    expect(page.get_by_text("One face was found.")).to_be_visible()
    assert len(lost) > 2
    page.unroute("**/v1/faces")
    page.route("**/v1/faces", lambda route: route.abort())
    page.get_by_role("button", name="Another picture").click()
    choose(page, file)
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    page.unroute("**/v1/faces")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("One face was found.")).to_be_visible()


def test_who_has_no_authorisation_is_asked_for_one_before_pictures_are_chosen(person: Person, station: Agency) -> None:
    new = station.hire("emil", Role.ENROLLER)
    station.live.engine.stores.sign_ins.set_password(new, Passwords().hash(PASSWORD), None)
    page = person.signed_in("emil")
    person.show(page, "collections/suspects")
    expect(page.get_by_role("link", name="Request one")).to_be_visible()
    expect(page.get_by_label("Choose pictures")).to_be_disabled()  # each would be refused


def test_markup_in_the_name_of_a_file_is_shown_as_text(person: Person, station: Agency) -> None:
    station.authorise("erin")
    page = person.signed_in("erin")
    person.show(page, "collections/suspects")
    expect(page.get_by_label("Choose pictures")).to_be_enabled()
    files = [{"name": EVIL, "mimeType": "image/jpeg", "buffer": b"Dear Ada,"}]
    page.locator("input[type=file]").first.set_input_files(files=files)  # type: ignore[arg-type]
    expect(page.get_by_text(EVIL)).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "Collections · Regard"


def test_a_camera_that_is_not_allowed_leaves_the_file(playwright: Playwright, chromium: str, station: Agency) -> None:
    arguments = ["--no-sandbox", "--use-fake-device-for-media-stream", "--deny-permission-prompts"]
    running = playwright.chromium.launch(executable_path=chromium, args=arguments)
    someone = Person(running, station.live.url)
    page = someone.signed_in("sam", viewport=PHONE)
    page.get_by_role("button", name="Take a picture").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a picture instead")
    assert page.get_by_role("button", name="Take the picture").count() == 0
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Choose a picture")).to_be_attached()
    assert someone.complaints == []
    someone.close()
    running.close()


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [("dark", "Too dark"), ("bright", "Too bright"), ("blurred", "Blurred"), ("as it is", "hold still and take it")],
)
def test_the_camera_says_what_its_view_lacks(
    playwright: Playwright, chromium: str, station: Agency, tmp_path: Path, spoilt: str, said: str
) -> None:
    """It says so on the device: no picture has been sent."""
    view = PIL.Image.fromarray(astronaut()[0:240, 60:380]).resize((640, 480))
    view = {
        "dark": lambda: view.point(lambda level: level // 5),
        "bright": lambda: view.point(lambda level: 235 + level // 16),
        "blurred": lambda: view.filter(PIL.ImageFilter.GaussianBlur(9)),
        "as it is": lambda: view,
    }[spoilt]()
    file = tmp_path / "view.mjpeg"
    view.save(file, "JPEG", quality=90)
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    arguments = ["--no-sandbox", *flags, f"--use-file-for-fake-video-capture={file}"]
    running = playwright.chromium.launch(executable_path=chromium, args=arguments)
    someone = Person(running, station.live.url)
    page = someone.signed_in("sam", viewport=PHONE, permissions=["camera"])
    sent = Sent(page)
    page.get_by_role("button", name="Take a picture").click()
    expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()
    assert sent.all == []
    someone.close()
    running.close()
