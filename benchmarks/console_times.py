"""How long somebody with a phone waits: `make bench-console-times`.

From a picture to its faces, from the button to the candidates, and from a picture to the candidates where the button is
pressed before the face is found; over slow lines, in a collection of 300,000 faces: development faces, and others drawn
like them. With `--reviewed` the candidates are not shown: the search goes to review, with a case and its pictures.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import PIL.Image
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.console_agency import Agency, agency_server
from benchmarks.console_server import PASSWORD, console_server
from benchmarks.markdown import bullet, table
from benchmarks.material import DATA, ROOT
from benchmarks.search import COLLECTION, Plan, filled
from benchmarks.served import Served
from benchmarks.slow_line import Line, slow_line

PHONE = {"width": 360, "height": 780}
#: Milliseconds after which nothing is on its way any more.
SETTLED = 2000
#: The photograph of two people, and one of them alone: left, top, right and bottom.
PICTURE, ALONE = "couple.jpg", (1140, 0, 2280, 1588)


#: Notes in the page when what somebody does arrives, and when the frame with what they wait for is drawn.
_NOTE = """(result) => {
  window.moments = {};
  const note = (name) => { window.moments[name] = performance.now(); };
  document.addEventListener("change", (event) => event.target.type === "file" && note("chosen"), true);
  document.addEventListener("submit", () => note("pressed"), true);
  const shown = { found: ".face", shown: result };
  let before = {};
  const look = () => {
    for (const [name, where] of Object.entries(shown)) {
      const there = document.querySelector(where) !== null;
      if (there && !before[name]) note(name);
      before[name] = there;
    }
    requestAnimationFrame(look);
  };
  look();
}"""


#: Lighthouse's; one that takes longer there and back; and what Chromium's developer tools call slow 4G.
LINES = (
    Line("slow 4G (150 ms)", 150, 1600, 750),
    Line("400 ms", 400, 1600, 750),
    Line("developer tools' (562 ms)", 562.5, 1474.56, 675),
)


@dataclass(frozen=True)
class Search:
    """Who searches where, and by what its result is known in the page."""

    login: str
    server: Served
    result: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--home", type=Path, help="a home that holds the collection already")
    parser.add_argument("--reviewed", action="store_true", help="under the profile public-safety")
    parser.add_argument("--slower", type=float, default=1, help="how many times slower the phone's processor is")
    options = parser.parse_args()
    (ROOT / ".cache").mkdir(exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder, sync_playwright() as running:
        several, alone = pictures(Path(folder))
        home = options.home or Path(folder) / "home"
        if not options.home:
            filled(home, Plan.of(options.faces))
        chromium = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with reviewed(home, (several, alone)) if options.reviewed else unreviewed(home) as how:
            for line in LINES:
                with (
                    slow_line(line, how.server.port) as port,
                    opened(chromium.new_page(viewport=PHONE), port, how, options.slower) as page,
                ):
                    rounds = [
                        (*stepwise(page, several, how.result), at_once(page, alone, how.result))
                        for _ in range(options.rounds + 1)
                    ][1:]
                waits = [(found, shown, found + shown, once) for found, shown, once in rounds]
                each = [f"{statistics.median(some):.2f} ({max(some):.2f})" for some in zip(*waits, strict=True)]
                rows.append((line.name, *each))
                bullet(": ".join((line.name, ", ".join(each))))
        chromium.close()
    names = ("picture to faces", "button to candidates", "both", "button pressed at once: picture to candidates")
    table(f"{options.faces:,} faces; seconds, median and (longest)", ("line", *names), rows)


def pictures(folder: Path) -> tuple[Path, Path]:
    """A phone's photographs: of two people, and of one."""
    files = folder / "several.jpg", folder / "alone.jpg"
    with PIL.Image.open(DATA / "images" / PICTURE) as whole:
        whole.save(files[0], quality=92)
        whole.crop(ALONE).save(files[1], quality=92)
    return files


@contextmanager
def unreviewed(home: Path) -> Iterator[Search]:
    with console_server(home, "open") as person:
        yield Search("ada", person.server, "main h2")


@contextmanager
def reviewed(home: Path, photographs: Sequence[Path]) -> Iterator[Search]:
    """Those in the photographs are enrolled as well, so that there is a picture to be compared."""

    def prepare(made: Agency) -> None:
        enroller = made.session("erin", made.authorise("erin"))
        for file in photographs:
            enroller.index_faces(CollectionId=COLLECTION, Image={"Bytes": file.read_bytes()})
        made.authorise("sam")

    with agency_server(home, prepare) as server:
        yield Search("sam", server, "main .sent")


@contextmanager
def opened(page: Page, port: int, how: Search, slower: float) -> Iterator[Page]:
    """The search, signed in, with its collection chosen."""
    page.goto(f"http://127.0.0.1:{port}/console/")
    page.get_by_label("Name you sign in with").fill(how.login)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Search in").select_option(COLLECTION)
    page.wait_for_timeout(SETTLED)
    page.evaluate(_NOTE, how.result)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    yield page
    page.context.close()


def stepwise(page: Page, picture: Path, result: str) -> tuple[float, float]:
    """The seconds of both waits: somebody looks at the faces in between."""
    page.locator("input[type=file]").set_input_files(picture)
    page.get_by_role("button", name="Face 1").wait_for()
    button = page.get_by_role("button", name="Search", exact=True)
    expect(button).to_be_enabled()
    button.click()
    page.locator(result).wait_for()
    chosen, found, pressed, shown = moments(page)
    again(page)
    return found - chosen, shown - pressed


def at_once(page: Page, picture: Path, result: str) -> float:
    """The seconds from a picture to its candidates, with the button pressed as soon as it is there."""
    page.locator("input[type=file]").set_input_files(picture)
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator(result).wait_for()
    chosen, _, _, shown = moments(page)
    again(page)
    return shown - chosen


def moments(page: Page) -> tuple[float, float, float, float]:
    """When, in seconds, the picture was chosen, a face was shown, the button was pressed, candidates were shown."""
    noted = page.evaluate("new Promise((done) => requestAnimationFrame(() => done(window.moments)))")
    chosen, found, pressed, shown = (noted[each] / 1000 for each in ("chosen", "found", "pressed", "shown"))
    return chosen, found, pressed, shown


def again(page: Page) -> None:
    """Back to the beginning; what is asked for anew meanwhile has arrived."""
    page.get_by_role("button", name="Search with another picture").click()
    page.wait_for_timeout(SETTLED)


if __name__ == "__main__":
    main()
