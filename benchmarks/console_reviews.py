"""How soon a reviewer sees the next pair: `make bench-console-reviews`.

A thousand pairs wait. A reviewer judges one after the other by the keyboard; the page notes when the key that signs is
pressed, and when the frame with the next pair's pictures is drawn.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import func, select

from benchmarks.console_agency import Agency, agency_server, portrait
from benchmarks.console_server import PASSWORD
from benchmarks.markdown import table
from regard.domain.comparisons import COMPONENTS
from regard.store.tables.cases import case_candidates

FACES = 34
VIEWS = {"phone": {"width": 360, "height": 780}, "desk": {"width": 1440, "height": 900}}

_NOTE = """() => {
  window.waits = [];
  const shown = () => [...document.querySelectorAll(".pair img")];
  const asked = (each) => each.name.includes("/v1/reviews/");
  const answers = () => performance.getEntriesByType("resource").filter(asked).slice(-2).map((each) => each.duration);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "BUTTON") return;
    const pressed = performance.now(), before = shown();
    const look = () => {
      const now = shown();
      if (now.length === 2 && now.every((each) => !before.includes(each) && each.complete))
        setTimeout(() => window.waits.push([performance.now() - pressed, ...answers()]));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    queued = 0

    def prepare(made: Agency) -> None:
        nonlocal queued
        queued = searched(made, options.pairs)

    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        agency_server(Path(folder) / "home", prepare) as server,
        sync_playwright() as running,
    ):
        chromium = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for (name, view), reviewer in zip(VIEWS.items(), ("rita", "ron"), strict=True):
            page = chromium.new_page(viewport=view)  # type: ignore[arg-type]
            reviewing(page, f"http://127.0.0.1:{server.port}/console/", reviewer)
            judged(page)
            waits, *answers = map(sorted, zip(*(judged(page) for _ in range(options.rounds)), strict=True))
            told = (statistics.median(waits), waits[-2], waits[-1], *map(statistics.median, answers))
            rows.append((name, *(f"{each:.0f}" for each in told)))
        chromium.close()
    columns = (
        "screen",
        "median",
        "second longest",
        "longest",
        "of which the opinion's answer",
        "the next pair's answer",
    )
    table(f"{queued:,} pairs; milliseconds", columns, rows)


def searched(made: Agency, pairs: int) -> int:
    """Search until at least so many pairs wait; how many there are."""
    made.enrol("suspects", {f"face-{each}": portrait(dark=1 - 0.004 * each, left=2 * each) for each in range(FACES)})
    probe, waiting = portrait(dark=0.7), 0
    while waiting < pairs:
        client = made.session("sam", made.authorise("sam"))
        for _ in range(5):
            client.search_faces_by_image(CollectionId="suspects", Image={"Bytes": probe}, MaxFaces=100)
        with made.database.read() as connection:
            waiting = connection.execute(select(func.count()).select_from(case_candidates)).scalar_one()
    return waiting


def reviewing(page: Page, url: str, name: str) -> None:
    """Signed in, with the first pair shown."""
    page.goto(url)
    page.get_by_label("Name you sign in with").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Show the next pair").click()
    page.get_by_alt_text("Picture A").wait_for()
    page.evaluate(_NOTE)


def judged(page: Page) -> tuple[float, ...]:
    """The milliseconds from the key that signs until the next pair is drawn, and of the two answers in between."""
    before = page.evaluate("window.waits.length")
    page.locator("[data-row] input").first.focus()
    for _ in COMPONENTS:
        page.keyboard.press("1")
    page.get_by_role("radio", name="Cannot tell").check()
    page.get_by_label("Why").fill("The ears agree.")
    page.get_by_role("button", name="Sign and record").press("Enter")
    while (waits := page.evaluate("window.waits"))[before:] == []:
        page.wait_for_timeout(50)
    return tuple(map(float, waits[-1]))


if __name__ == "__main__":
    main()
