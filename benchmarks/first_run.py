"""From the clone to a first candidate: `make bench-first-run`.

A clone of this repository, `make run` in it, and a browser that does what a newcomer does: becomes the administrator,
chooses the rules, tries the drawn picture. Once with npm, and once without it. pip and npm take what they have in their
caches; the models are those at hand unless `--models` is said.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.console_server import PASSWORD
from benchmarks.markdown import table
from benchmarks.material import MODELS, ROOT

_LINK = re.compile(r"http://127\.0\.0\.1:\d+/console/#/welcome/\S+")
_MINUTE_MILLISECONDS = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", action="store_true", help="fetch the models as well")
    parser.add_argument("--only", choices=("with npm", "without npm"))
    options = parser.parse_args()
    rows = []
    for npm in ("with npm", "without npm"):
        if options.only in (None, npm):
            with tempfile.TemporaryDirectory() as folder:
                seconds = first_run(Path(folder), npm == "with npm", options.models)
            rows.append((npm, *(f"{each:.0f}" for each in seconds)))
    table("From the clone, seconds", ("", "the server shows its link", "first candidate"), rows)


def first_run(folder: Path, npm: bool, models: bool) -> tuple[float, float]:
    """The seconds until the server shows its link, and until somebody sees a candidate."""
    began = time.monotonic()
    clone = folder / "regard"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    with running(clone, environment(folder, npm, models), folder / "log") as link, sync_playwright() as playwright:
        ready = time.monotonic() - began
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page()
        page.set_default_timeout(_MINUTE_MILLISECONDS)
        search(page, link)
        seen = time.monotonic() - began
        chromium.close()
    return ready, seen


def environment(folder: Path, npm: bool, models: bool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGARD_", "PYTHONPATH"))}
    kept |= {"REGARD_HOME": str(folder / "home"), "REGARD_SERVER_PORT": "0"}
    if not models:
        kept["REGARD_MODELS_FOLDER"] = str(MODELS)
    if not npm:
        kept["PATH"] = str(without_npm(folder / "programs"))
    return kept


def without_npm(folder: Path) -> Path:
    """Every program that there is but npm and Node."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            if program.name not in ("npm", "npx", "node", "nodejs") and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return folder


@contextmanager
def running(clone: Path, variables: dict[str, str], log: Path) -> Iterator[str]:
    """The link that `make run` shows."""
    with log.open("w") as output:
        make = subprocess.Popen(
            ["make", "run"], cwd=clone, env=variables, stdout=output, stderr=output, start_new_session=True
        )
    try:
        while not (found := _LINK.search(log.read_text(encoding="utf-8"))):
            if make.poll() is not None:
                raise SystemExit(log.read_text(encoding="utf-8"))
            time.sleep(0.2)
        yield found.group()
    finally:
        os.killpg(make.pid, signal.SIGINT)
        make.wait(60)


def search(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Name you sign in with").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Become the administrator").click()
    page.get_by_label("My own photographs").check()
    page.get_by_label("I add pictures and search as well").check()
    page.get_by_role("button", name="Choose these rules").click()
    page.get_by_role("button", name="Try the drawn picture").click()
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("heading", name="1 candidate").wait_for()


if __name__ == "__main__":
    main()
