"""How smoothly the library's grid goes: `make bench-console-screens`.

A folder of 100,000 pictures is scrolled from its beginning, while its thumbnails arrive, and back from its end, once
all of its names are there. The page itself notes how long each frame took, and the browser each task of over 50 ms.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

import PIL.Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.console_server import PASSWORD, console_server
from benchmarks.markdown import table
from benchmarks.material import DATA

BUCKET = "pictures"
#: Different pictures; the others are links to them, of which file systems allow so many.
_DIFFERENT = 64
VIEWS = {"phone": {"width": 360, "height": 780}, "desk": {"width": 1440, "height": 900}}
_LONG = 50

_SCROLL = """async ({pixels, seconds}) => {
  const tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)));
  observer.observe({ entryTypes: ["longtask"] });
  const frames = [];
  let before = performance.now();
  const end = before + 1000 * seconds;
  while (before < end) {
    await new Promise((drawn) => requestAnimationFrame(drawn));
    const now = performance.now();
    frames.push(now - before);
    before = now;
    scrollBy(0, pixels);
  }
  await new Promise((later) => setTimeout(later, 200));
  observer.disconnect();
  return { frames, tasks };
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=8)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as running:
        home = Path(folder) / "home"
        fill(home / "buckets" / BUCKET / "many", options.pictures)
        chromium = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with console_server(home) as person:
            for name, view in VIEWS.items():
                page = chromium.new_page(viewport=view)  # type: ignore[arg-type]
                sign_in(page, person.url)
                rows += [(name, *row) for row in scrolled(page, person.url, options.pictures, options.seconds)]
                page.close()
        chromium.close()
    columns = ("screen", "scrolled", "frames", "longest frame, ms", "frames over 50 ms", "longest task, ms")
    table(f"{options.pictures:,} pictures", columns, rows)


def fill(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    files = sorted((DATA / "lfw-dev").glob("*/*.jpg"))[:_DIFFERENT]
    for number in range(count):
        target = folder / f"{number:06}.jpg"
        if number >= len(files):
            target.hardlink_to(folder / f"{number % len(files):06}.jpg")
            continue
        buffer = io.BytesIO()
        PIL.Image.open(files[number]).resize((640, 640)).save(buffer, "JPEG", quality=85)
        target.write_bytes(buffer.getvalue())


def sign_in(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("Name you sign in with").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("main h1").wait_for()


def to_the_end(page: Page, pictures: int) -> None:
    page.locator("[data-at]").first.focus()
    while not page.locator(f"[data-at='{pictures - 1}']").count():
        page.keyboard.press("Control+End")
        page.wait_for_timeout(50)
    page.wait_for_timeout(1500)


def scrolled(page: Page, url: str, pictures: int, seconds: float) -> list[tuple[str, ...]]:
    page.goto(f"{url}#/library/{BUCKET}/many%2F")
    page.locator(".cell img").first.wait_for()
    rows = [judged("down", page.evaluate(_SCROLL, {"pixels": 60, "seconds": seconds}))]
    to_the_end(page, pictures)
    return [*rows, judged("up from the end", page.evaluate(_SCROLL, {"pixels": -60, "seconds": seconds}))]


def judged(name: str, seen: dict[str, Any]) -> tuple[str, ...]:
    frames, tasks = seen["frames"], seen["tasks"]
    late = sum(each > _LONG for each in frames)
    return name, f"{len(frames)}", f"{max(frames):.0f}", f"{late}", f"{max(tasks, default=0):.0f}"


if __name__ == "__main__":
    main()
