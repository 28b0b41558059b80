"""An agency, its console as it is built, and a real browser (Chromium) that people use it with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from agency import Agency, agency, portrait
from browser import PASSWORD, Person
from people import astronaut
from playwright.sync_api import Browser, Playwright, sync_playwright

from regard.accountability.passwords import Passwords
from regard.console.assets import BUILT

#: Test files are named by their neighbours: everything here is of the slow tier.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FAKE_CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip("needs Chromium; on Debian: apt-get install chromium")
    assert found, "Chromium is not installed; .ci/run installs it"
    return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake camera films: the astronaut, as one picture of Motion JPEG."""
    file = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    pixels = (astronaut() * 0.9).astype(np.uint8)
    PIL.Image.fromarray(pixels).resize((640, 640)).crop((0, 0, 640, 480)).save(file, "JPEG", quality=90)
    return file


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str, camera: Path) -> Iterator[Browser]:
    arguments = ["--no-sandbox", *FAKE_CAMERA, f"--use-file-for-fake-video-capture={camera}"]
    running = playwright.chromium.launch(executable_path=chromium, args=arguments)
    yield running
    running.close()


@contextmanager
def staffed(models: Path, home: Path) -> Iterator[Agency]:
    with agency(models, home) as made:
        made.enrol("suspects", {"eileen": portrait(), "collins": portrait(left=60)})
        sign_ins = made.live.engine.stores.sign_ins
        for person_id in made.people.values():
            sign_ins.set_password(person_id, Passwords().hash(PASSWORD), None)
        yield made


@pytest.fixture(scope="module")
def station(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    assert (BUILT / "index.html").is_file(), "the console is not built: make console"
    with staffed(models, tmp_path_factory.mktemp("station")) as made:
        yield made


@pytest.fixture
def person(browser: Browser, station: Agency) -> Iterator[Person]:
    """Opens a browser window of its own for everybody who is named."""
    opened = Person(browser, station.live.url)
    yield opened
    opened.close()
