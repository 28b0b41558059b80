"""Collections and people in a real browser: who is who put right and undone, two tabs, an upload that is cut."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import DESK, PHONE, Person, violations
from native import Office, office
from people import encoded, head
from playwright.sync_api import Browser, Page, expect

CUTS = 3


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("people"), models, profile="open", assessment=None) as made:
        yield made


@pytest.fixture
def who(browser: Browser, desk: Office) -> Iterator[Person]:
    opened = Person(browser, desk.live.url)
    yield opened
    opened.close()


@pytest.fixture
def place(desk: Office, request: pytest.FixtureRequest) -> str:
    name = re.sub(r"[^a-z_]", "", request.node.name.removeprefix("test_"))[:50]
    if name not in [each["collection_id"] for each in desk.get("sam", "/collections")["collections"]]:
        desk.post("sam", "/collections", {"collection_id": name, "pictures": True})
    return name


def enrol(desk: Office, place: str, name: str, pixels: Any) -> str:
    image = base64.b64encode(encoded(pixels)).decode()
    body = {"image": image, "external_image_id": name, "most": 1, "quality": "NONE"}
    return str(desk.post("sam", f"/collections/{place}/faces", body)["enrolled"][0]["face_id"])


def person(desk: Office, place: str, name: str, *face_ids: str) -> None:
    desk.post("sam", f"/collections/{place}/users", {"user_id": name})
    given = {"face_ids": list(face_ids), "threshold": 0}
    assert desk.post("sam", f"/collections/{place}/users/{name}/faces", given)["moved"] == list(face_ids)


def owners(desk: Office, place: str) -> dict[str, str | None]:
    return {each["face_id"]: each["user_id"] for each in desk.get("sam", f"/collections/{place}/faces")["faces"]}


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_two_who_are_one_are_merged_by_a_key_and_parted_again_by_undo(
    who: Person, desk: Office, place: str, size: dict[str, int]
) -> None:
    place = f"{place}_{size['width']}"
    desk.post("sam", "/collections", {"collection_id": place, "pictures": True})
    faces = [enrol(desk, place, f"h{side}", head(side)) for side in (150, 170, 190)]
    person(desk, place, "ada", *faces[:2])
    person(desk, place, "adah", faces[2])
    page = who.signed_in("sam", viewport=size)
    who.show(page, f"collections/{place}/people")
    for_a_thumb = page.locator("label", has=page.get_by_label("Select adah")).bounding_box()
    assert for_a_thumb is not None
    assert min(for_a_thumb["width"], for_a_thumb["height"]) >= 44
    page.get_by_role("button", name="Look for people who are there twice").press("Enter")
    expect(page.get_by_role("button", name="1 · Same")).to_be_enabled()
    assert violations(page) == []
    page.keyboard.press("1")
    expect(page.get_by_text("1 face moved to ada.")).to_be_visible()
    assert set(owners(desk, place).values()) == {"ada"}
    page.get_by_role("button", name="Undo", exact=True).press("Enter")
    expect(page.get_by_text("Undone: 1 face.")).to_be_visible()
    assert owners(desk, place) == {faces[0]: "ada", faces[1]: "ada", faces[2]: "adah"}
    who.show(page, f"collections/{place}/changes")
    expect(page.get_by_text("adah (1) merged into ada: 1 face")).to_be_visible()
    assert violations(page) == []
    assert who.complaints == []


def test_the_next_pair_stands_there_after_each_decision(who: Person, desk: Office, place: str) -> None:
    for name, side in (("ada", 150), ("adah", 170), ("adele", 190)):
        person(desk, place, name, enrol(desk, place, name, head(side)))
    page = who.signed_in("sam")
    who.show(page, f"collections/{place}/people")
    page.get_by_role("button", name="Look for people who are there twice").click()
    for left in ("3 pairs left.", "2 pairs left.", "One pair left."):
        expect(page.get_by_text(left)).to_be_visible()
        page.get_by_role("button", name="2 · Different").click()
    expect(page.get_by_text("No two people here look like one.")).to_be_visible()


def test_only_the_largest_face_of_a_picture_gets_the_name_of_its_file(who: Person, desk: Office, place: str) -> None:
    large, small = head(300), head(150)
    beside = np.zeros((large.shape[0], small.shape[1], 3), np.uint8)
    beside[: small.shape[0]] = small
    content = encoded(np.hstack([large, beside]))
    page = who.signed_in("sam")
    for least, every in ((1, False), (3, True)):
        who.show(page, f"collections/{place}")
        page.get_by_label("Every face in a picture, not only the largest").set_checked(every)
        name = f"both{least}.jpg"
        picture = content + bytes([least])  # other bytes: it was not there before
        page.locator("input[type=file]").first.set_input_files(
            {"name": name, "mimeType": "image/jpeg", "buffer": picture}
        )
        expect(page.get_by_text("from 1 picture.")).to_be_visible()
        expect(page.get_by_text("1 other face was left out.")).to_have_count(0 if every else 1)
        assert len(owners(desk, place)) == least


def test_a_wrong_face_is_said_not_to_be_somebodys_and_may_be_again(who: Person, desk: Office, place: str) -> None:
    faces = [enrol(desk, place, f"h{side}", head(side)) for side in (150, 170, 190)]
    person(desk, place, "ada", *faces)
    page = who.signed_in("sam", color_scheme="dark")
    who.show(page, f"collections/{place}/people/ada")
    expect(page.locator("ul.grid img")).to_have_count(3)
    page.locator("ul.grid input").first.check()
    page.get_by_role("button", name="Not ada: 1 face").click()
    expect(page.get_by_role("heading", name="Said not to be ada")).to_be_visible()
    assert violations(page) == []
    (wrong,) = (face for face, owner in owners(desk, place).items() if owner is None)
    expect(page.get_by_text("Nobody else here looks like the same person.")).to_be_visible()
    page.get_by_role("region", name="Said not to be ada").locator("ul.grid input").check()
    page.get_by_role("button", name="Allow 1 face again").click()
    expect(page.get_by_text("Faces that are nobody's yet")).to_be_visible()
    page.get_by_role("region", name="May be ada").locator("ul.grid input").check()
    page.get_by_role("button", name="Give 1 face to ada").click()
    expect(page.get_by_text("1 face is ada's now.")).to_be_visible()
    assert owners(desk, place)[wrong] == "ada"
    page.get_by_role("button", name="Delete ada").click()
    expect(page.get_by_text("You can undo this for 30 days")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Delete ada").click()
    expect(page.get_by_text("There is nobody yet.")).to_be_visible()
    who.show(page, f"collections/{place}/changes")
    page.get_by_role("button", name="Undo: ada deleted: 3 faces left to nobody").click()
    expect(page.get_by_text("Undone: 3 faces.")).to_be_visible()
    assert set(owners(desk, place).values()) == {"ada"}


def test_a_stale_tab_changes_nothing_and_shows_what_was_seen_and_what_is_there(
    who: Person, desk: Office, place: str
) -> None:
    faces = [enrol(desk, place, f"h{side}", head(side)) for side in (150, 170, 190)]
    person(desk, place, "ada", *faces)
    first = who.signed_in("sam")
    who.show(first, f"collections/{place}/people/ada")
    second = first.context.new_page()
    who.show(second, f"collections/{place}/people/ada")
    for page in (first, second):
        expect(page.locator("ul.grid input")).to_have_count(3)
        page.locator("ul.grid input").first.check()
    second.get_by_role("button", name="Take 1 face away").click()
    expect(second.get_by_text("1 face taken from ada.")).to_be_visible()
    before = owners(desk, place)
    with first.expect_response("**/faces/remove") as answered:
        first.get_by_role("button", name="Take 1 face away").click()
    assert answered.value.status == 409
    expect(first.get_by_text("Somebody has changed ada since you looked. Nothing was done.")).to_be_visible()
    expect(first.get_by_text("You saw 3 faces; now there are 2 faces: 1 gone, 0 new.")).to_be_visible()
    assert violations(first) == []
    assert owners(desk, place) == before
    first.get_by_role("button", name="Show how it is now").click()
    expect(first.get_by_text("You saw")).to_have_count(0)
    expect(first.get_by_role("region", name="Faces, the most doubtful first").locator("ul.grid input")).to_have_count(2)


def test_a_person_who_could_not_be_deleted_stays_on_the_page_with_the_reason(
    who: Person, desk: Office, place: str
) -> None:
    person(desk, place, "ada", enrol(desk, place, "ada", head(150)))
    page = who.signed_in("sam")
    who.show(page, f"collections/{place}/people/ada")
    page.route("**/users/ada?*", lambda route: route.abort())
    page.get_by_role("button", name="Delete ada").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete ada").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(page.get_by_role("heading", name="ada", exact=True)).to_be_visible()


def test_files_that_are_no_pictures_are_not_passed_over_in_silence(who: Person, desk: Office, place: str) -> None:
    page = who.signed_in("sam")
    who.show(page, f"collections/{place}")
    chooser = page.locator("input[type=file]").first
    chooser.set_input_files({"name": "letter.txt", "mimeType": "text/plain", "buffer": b"Dear Ada,"})
    expect(page.get_by_role("alert")).to_have_text("None of these files is a picture. JPEG and PNG always are.")
    # What a telephone writes, where the system has no type for it.
    chooser.set_input_files({"name": "IMG_1.HEIC", "mimeType": "application/octet-stream", "buffer": b"ftypheic"})
    expect(page.get_by_text("IMG_1.HEIC: This file is no picture that the browser can open.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert who.complaints == []


@dataclass(frozen=True)
class Album:
    """A folder of small pictures, each of other bytes; every so many show somebody, and two files are the same."""

    folder: Path
    files: int
    every: int

    @property
    def people(self) -> int:
        return 1 + (self.files - 2) // self.every

    def fill(self) -> None:
        for number in range(self.files - 1):
            noise = np.random.default_rng(number).integers(0, 255, (80, 80, 3), dtype=np.uint8)
            pixels = head(150 + number // self.every) if number % self.every == 0 else noise
            (self.folder / f"{number:04}.jpg").write_bytes(encoded(pixels))
        (self.folder / "copy.jpg").write_bytes((self.folder / "0000.jpg").read_bytes())


@pytest.mark.parametrize(
    ("files", "every", "seconds"),
    [(200, 12, 180), pytest.param(10_000, 100, 3600, marks=pytest.mark.long)],
    ids=["hundreds", "thousands"],
)
def test_an_upload_cut_three_times_loses_nothing_and_enrols_nothing_twice(
    who: Person, desk: Office, place: str, tmp_path: Path, files: int, every: int, seconds: int
) -> None:
    """The tab closed, the page left, the line lost: the same folder is chosen again, and what is there is skipped."""
    album, sent, patience = Album(tmp_path, files, every), [], 1000.0 * seconds
    album.fill()

    def opened() -> Page:
        page = who.signed_in("sam")
        page.on("request", lambda asked: sent.append(asked.url) if _enrols(asked.url, asked.method) else None)
        return page

    def begin(page: Page) -> None:
        who.show(page, f"collections/{place}")
        chooser = page.locator("input[webkitdirectory]")
        expect(chooser).to_be_enabled()  # whoever chooses a folder can only then
        chooser.set_input_files(album.folder)
        page.locator("progress").wait_for()

    def until(page: Page, share: float) -> None:
        enough = "least => document.querySelector('progress')?.value >= least"
        page.wait_for_function(enough, arg=share * files, timeout=patience)

    page = opened()
    begin(page)
    until(page, 0.2)
    page.close()
    page = opened()
    begin(page)
    until(page, 0.45)
    page.once("dialog", lambda asked: asked.accept())  # "leave this page?"
    page.reload()
    begin(page)
    until(page, 0.7)
    page.context.set_offline(True)
    expect(page.get_by_text("The connection is lost.")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text(re.compile(r"faces? enrolled from [\d,]+ pictures"))).to_be_visible(timeout=patience)
    expect(page.get_by_text(re.compile(r"[\d,]+ were there already"))).to_be_visible()
    assert desk.get("sam", f"/collections/{place}")["collection"]["faces"] == album.people
    assert len(sent) <= files - 1 + 2 * CUTS + 4, "what was there was not sent again"
    again = len(sent)
    begin(page)
    expect(page.get_by_text(f"{files:,} were there already.")).to_be_visible(timeout=patience)
    assert len(sent) == again
    assert desk.get("sam", f"/collections/{place}")["collection"]["faces"] == album.people


def _enrols(url: str, method: str) -> bool:
    return method == "POST" and url.endswith("/faces")
