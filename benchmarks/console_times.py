"""How long somebody with a phone waits: `make bench-console-times`.

From a picture to its faces, and from the button to the candidates, over a line like slow 4G (400 ms there and back,
1.6 Mbit/s down, 750 kbit/s up) in a collection of 300,000 faces: development faces, and others drawn like them.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import PIL.Image
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.console_server import PASSWORD, Person, console_server
from benchmarks.markdown import table
from benchmarks.material import DATA, ROOT
from benchmarks.search import COLLECTION, Plan, filled

LINE = {"offline": False, "latency": 400, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
PHONE = {"width": 360, "height": 780}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    (ROOT / ".cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder:
        home, picture = Path(folder) / "home", Path(folder) / "picture.jpg"
        PIL.Image.open(DATA / "images" / "couple.jpg").save(picture, quality=92)
        filled(home, Plan.of(options.faces))
        with console_server(home, "open") as person, sync_playwright() as running:
            chromium = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = opened(chromium.new_page(viewport=PHONE), person)
            rounds = [once(page, picture) for _ in range(options.rounds + 1)][1:]
            chromium.close()
    names = ("picture to faces", "button to candidates", "both")
    waits = list(zip(*[(*each, sum(each)) for each in rounds], strict=True))
    rows = [
        (name, f"{statistics.median(each):.2f}", f"{max(each):.2f}") for name, each in zip(names, waits, strict=True)
    ]
    table(f"Slow 4G, {options.faces:,} faces", ("wait", "median, s", "longest, s"), rows)


def opened(page: Page, person: Person) -> Page:
    """The search, signed in, on the slow line from now on."""
    page.goto(person.url)
    page.get_by_label("Name you sign in with").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Choose a picture", exact=True).wait_for()
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", LINE)
    return page


def once(page: Page, picture: Path) -> tuple[float, float]:
    """The seconds of both waits. The collection is chosen between them, which takes a person longer than the line."""
    began = time.perf_counter()
    page.locator("input[type=file]").set_input_files(picture)
    page.get_by_role("button", name="Face 1").wait_for()
    found = time.perf_counter() - began
    page.get_by_label("Search in").select_option(COLLECTION)
    button = page.get_by_role("button", name="Search", exact=True)
    expect(button).to_be_enabled()
    began = time.perf_counter()
    button.click()
    page.locator("main h2").wait_for()
    waited = time.perf_counter() - began
    page.get_by_role("button", name="Search with another picture").click()
    return found, waited


if __name__ == "__main__":
    main()
