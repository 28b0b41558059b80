"""Takes the pictures of the console, each page on a phone and at a desk, light and dark: `make console-images`.

The server, its people and the browser are those of the tests; the faces are of nobody (`made_up_faces`).
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select, update

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "tests")]

from agency import Agency, agency, judgement, portrait  # noqa: E402 - found by the line above
from approved import approved  # noqa: E402
from browser import DESK, PASSWORD, PHONE, Person  # noqa: E402
from clips import MAKING, clip  # noqa: E402
from live_server import with_models, without_models  # noqa: E402
from made_up_faces import mixed, portraits  # noqa: E402
from measured import of_spring  # noqa: E402
from people import encoded  # noqa: E402

from regard.accountability.passwords import Passwords  # noqa: E402
from regard.bootstrap.job_workers import working_on_jobs  # noqa: E402
from regard.domain.authorisations import AuthorisationState  # noqa: E402
from regard.domain.cases import Opinion  # noqa: E402
from regard.domain.comparisons import Judgement  # noqa: E402
from regard.store.authorisation_rows import AuthorisationRows  # noqa: E402
from regard.store.evaluation_rows import EvaluationRows  # noqa: E402
from regard.store.tables.cases import case_candidates, reviews  # noqa: E402
from regard.store.tables.people import people  # noqa: E402

MODELS = Path(os.environ.get("REGARD_TEST_MODELS", ROOT / ".cache" / "models"))
SIZES = {"phone": PHONE, "desk": DESK}
#: What those who work there are called; they sign in with the first name.
FULL_NAMES = {
    "adam": "Adam Reyes",
    "olga": "Olga Marin",
    "alice": "Alice Boyd",
    "erin": "Erin Brook",
    "sam": "Sam Ortega",
    "sue": "Sue Hale",
    "rita": "Rita Leone",
    "ron": "Ron Gray",
    "ruth": "Ruth Benson",
}
#: Who is enrolled: whose picture, whose face, and how much of the other's colours and proportions.
ENROLLED = {
    "larsen": ("collins", "hopper", 0.5, 0.5),
    "novak": ("hopper", "collins", 0.8, 0.6),
    "ortega": ("hopper", "collins", 0.5, 0.5),
    "petrie": ("collins", "hopper", 0.35, 1.2),
    "quint": ("hopper", "collins", 0.35, 1.2),
}


@dataclass(frozen=True)
class Scene:
    """A page as one person sees it: where it is, and what they do there first."""

    name: str
    who: str
    place: str = ""
    act: Callable[[Page, Path], None] = lambda page, probe: None


def photographed(page: Page, _: Path) -> None:
    page.get_by_role("button", name="Take a picture").click()
    page.get_by_role("button", name="Take the picture").wait_for()
    page.wait_for_timeout(1500)


def chosen(page: Page, probe: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(probe)
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_enabled()


def searched(page: Page, probe: Path) -> None:
    chosen(page, probe)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Sent to review")).to_be_visible()


def paired(page: Page, _: Path) -> None:
    page.get_by_role("button", name="Show the next pair").click()
    expect(page.get_by_alt_text("Picture B")).to_be_visible()
    for row in page.locator("[data-row]").all()[:5]:
        row.get_by_label("Similar").check()
    page.evaluate("scrollTo(0, 0)")


def opened(page: Page, _: Path) -> None:
    page.get_by_role("main").get_by_role("list").get_by_role("link").first.click()
    expect(page.get_by_text("Candidate 1")).to_be_visible()


def decided(page: Page, _: Path) -> None:
    """The case that reviewers have decided, from its pictures on."""
    page.get_by_role("main").get_by_role("list").get_by_role("link").last.click()
    expect(page.get_by_text("Everything agrees")).not_to_have_count(0)
    page.get_by_role("heading", name="Candidates").scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, document.querySelector('main h2').getBoundingClientRect().top - 24)")


def shown(page: Page, _: Path) -> None:
    """Pictures and films come when they are seen."""
    expect(page.locator("main :is(img, video)").first).to_be_visible()
    page.wait_for_timeout(1500)


def marked(page: Page, _: Path) -> None:
    page.get_by_role("button", name="Faces").click()
    expect(page.get_by_role("button", name="Choose face 1")).to_be_visible()


def measured(page: Page, _: Path) -> None:
    """The first seconds of load."""
    page.wait_for_timeout(2500)


def rated(page: Page, _: Path) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Spring")


def verified(page: Page, _: Path) -> None:
    page.get_by_role("button", name="Verify in this browser").click()
    expect(page.get_by_text("The signature is right")).to_be_visible()


def first(page: Page, _: Path) -> None:
    """What stands first in a list has a page of its own."""
    page.get_by_role("main").locator("ul.list a").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_timeout(700)


def placed(page: Page, _: Path) -> None:
    """Some settings, with the home where an installation has it."""
    page.get_by_label("Find a setting").fill("server")
    page.locator("summary").filter(has_text="queue").click()
    page.locator("section code").first.evaluate("each => { each.textContent = '/srv/regard/regard.toml'; }")


SCENES = (
    Scene("camera", "sam", "search", photographed),
    Scene("face-chosen", "sam", "search", chosen),
    Scene("candidates", "sam", "search", searched),
    Scene("review", "rita", "review", paired),
    Scene("cases", "sam", "cases"),
    Scene("case", "sam", "cases", opened),
    Scene("case-decided", "olga", "cases", decided),
    Scene("searches", "olga", "cases/searches"),
    Scene("authorisations", "olga", "authorisations"),
    Scene("authorisation-request", "sam", "authorisations/new"),
    Scene("collections", "erin", "collections"),
    Scene("collection", "erin", "collections/suspects"),
    Scene("people", "erin", "collections/suspects/people"),
    Scene("person", "erin", "collections/suspects/people/Eileen", shown),
    Scene("quality", "erin", "collections/suspects/quality"),
    Scene("changes", "erin", "collections/suspects/changes"),
    Scene("library", "erin", "library/photos", shown),
    Scene("picture", "sam", "library/photos//eileen.jpg", marked),
    Scene("video", "erin", "video"),
    Scene("film", "erin", "video/photos/entrance.mp4", shown),
    Scene("ledger", "alice", "ledger", verified),
    Scene("reports", "alice", "reports"),
    Scene("staff", "adam", "staff"),
    Scene("colleague", "adam", "staff", first),
    Scene("thresholds", "adam", "thresholds"),
    Scene("threshold", "adam", "thresholds", first),
    Scene("suspensions", "olga", "suspensions"),
    Scene("incidents", "olga", "incidents"),
    Scene("incident", "olga", "incidents", first),
    Scene("accuracy", "alice", "accuracy"),
    Scene("evaluation", "alice", "accuracy/evaluation-of-spring", rated),
    Scene("reviewers", "alice", "accuracy/reviewers"),
    Scene("models", "alice", "accuracy/models"),
    Scene("health", "adam", "health", measured),
    Scene("settings", "adam", "settings", placed),
    Scene("sign-ins", "sam", "sign-ins"),
    Scene("you", "sam", "you"),
    Scene("more", "olga", "more"),
    Scene("start", "adam", "start"),
    Scene("manifest", "erin", "video/photos/arrivals.jsonl"),
)


def enrolled(home: Path) -> dict[str, bytes]:
    """Pictures by name."""
    with with_models(MODELS, home) as live:
        known = portraits(live.client())
    return {name: encoded(mixed(known[body], known[other], *rest)) for name, (body, other, *rest) in ENROLLED.items()}


@contextmanager
def station(home: Path, faces: Mapping[str, bytes]) -> Iterator[Agency]:
    """An agency with faces enrolled, a case that was decided, and one that waits."""
    with agency(MODELS, home) as made:
        for login, person_id in made.people.items():
            made.live.engine.stores.sign_ins.set_password(person_id, Passwords().hash(PASSWORD), None)
            with made.database.write() as connection:
                connection.execute(update(people).where(people.c.id == person_id).values(name=FULL_NAMES[login]))
        made.authorise("sam")
        client = made.session("sam", made.authorise("sam"))
        photographs = faces | {"eileen": portrait(), "eileen-2": portrait(dark=0.7, left=40)}
        found = made.enrol("suspects", photographs)
        enroller = made.session("erin", made.authorise("erin"))
        for user, names in {"Eileen": ("eileen", "eileen-2"), "Larsen": ("larsen",)}.items():
            enroller.create_user(CollectionId="suspects", UserId=user)
            enroller.associate_faces(CollectionId="suspects", UserId=user, FaceIds=[found[name] for name in names])
        for name, content in photographs.items():
            made.live.put(f"{name}.jpg", content)
        waiting = approved(
            made.people["sue"],
            id="A-9K2M7Q4F",
            purpose="missing-person",
            offence="",
            case_reference="file 8",
            searches_allowed=3,
            state=AuthorisationState.REQUESTED,
        )
        AuthorisationRows(made.database).add(waiting)
        looked_through(made, enroller, [photographs[name] for name in ("novak", "eileen", "quint")])
        client.search_faces_by_image(CollectionId="suspects", Image={"Bytes": portrait(dark=0.9)})
        for reviewer in ("ron", "ruth"):
            while (pair := made.next_pair(reviewer)) is not None:
                made.decide(reviewer, pair.number, opinion(made, pair.number, {found["eileen"], found["eileen-2"]}))
        client.search_faces_by_image(CollectionId="suspects", Image={"Bytes": portrait(dark=0.8)})
        with made.acting("olga", "incidents open") as grant:
            words = "A search was made for a neighbour and not for a case."
            made.live.engine.keeping.incidents.open(grant, "misuse", "serious", words, ["The county board"])
        model = made.live.engine.known_models.default.version
        EvaluationRows(made.database).add(of_spring("evaluation-of-spring", made.people["alice"], model))
        lines = [f'{{"source-ref": "s3://photos/{name}.jpg"}}' for name in ("novak", "quint", "missing")]
        made.live.put("arrivals.jsonl", "\n".join(lines).encode())
        yield made


def opinion(made: Agency, number: int, hers: set[str]) -> Judgement:
    """What somebody who knows the answer says of a pair."""
    pair = (reviews.c.case_id == case_candidates.c.case_id) & (reviews.c.number == case_candidates.c.number)
    query = select(case_candidates.c.face_id).join(reviews, pair).where(reviews.c.key == number)
    with made.database.read() as connection:
        same = connection.execute(query).scalar_one() in hers
    return judgement(
        Opinion.SAME if same else Opinion.DIFFERENT,
        "Everything agrees that can be seen, lines beside the mouth included." if same else "Brows and chin differ.",
    )


def looked_through(made: Agency, client: Any, pictures: Sequence[bytes]) -> None:
    """A film of the pictures, four seconds each as if the camera moved, and the jobs of a client on it."""
    large = [np.asarray(PIL.Image.open(io.BytesIO(each)).resize((480, 480))) for each in pictures]
    frames = [picture[number : number + 360, number : number + 440] for picture in large for number in range(40)]
    video = made.live.put("entrance.mp4", clip(frames, replace(MAKING, rate=Fraction(10))))
    with working_on_jobs(made.live.engine):
        for kind in ("face_detection", "segment_detection", "label_detection"):
            more = {"SegmentTypes": ["SHOT"]} if kind == "segment_detection" else {}
            job = getattr(client, f"start_{kind}")(Video=video, **more)["JobId"]
            while getattr(client, f"get_{kind}")(JobId=job)["JobStatus"] == "IN_PROGRESS":
                time.sleep(0.5)


def kept(page: Page, file: Path) -> None:
    """The window as a small PNG: 256 colours are enough for it."""
    picture = PIL.Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide")))
    picture.convert("RGB").quantize(256, dither=PIL.Image.Dither.NONE).save(file, optimize=True)


def welcomed(browser: Browser, home: Path) -> None:
    """The first page there is, on a server that has nobody yet."""
    with without_models(home) as live:
        for size, viewport in SIZES.items():
            for scheme in ("light", "dark"):
                with closing(Person(browser, live.url)) as person:
                    page = person.window(viewport=viewport, color_scheme=scheme)
                    page.goto(f"{live.url}/console/#/welcome/{live.engine.first_run.offer()}")
                    page.get_by_label("Your name").fill("Ada Lovelace")
                    page.get_by_label("Name you sign in with").fill("ada")
                    page.get_by_label("Password").fill(PASSWORD)
                    kept(page, HERE / f"welcome-{size}-{scheme}.png")


def take(browser: Browser, made: Agency, probe: Path, only: set[str]) -> None:
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            with closing(Person(browser, made.live.url)) as person:
                options = {"viewport": viewport, "color_scheme": scheme, "permissions": ["camera"]}
                page = person.window(**options)
                page.goto(f"{made.live.url}/")
                expect(page.get_by_label("Password")).to_be_visible()
                if not only or "sign-in" in only:
                    kept(page, HERE / f"sign-in-{size}-{scheme}.png")
                windows: dict[str, Page] = {}
                for scene in SCENES:
                    if only and scene.name not in only:
                        continue
                    if scene.who not in windows:
                        windows[scene.who] = person.signed_in(scene.who, **options)
                    window = windows[scene.who]
                    window.goto("about:blank")
                    person.show(window, scene.place)
                    scene.act(window, probe)
                    window.wait_for_timeout(300)
                    kept(window, HERE / f"{scene.name}-{size}-{scheme}.png")
                    print(f"{scene.name}, {size}, {scheme}", flush=True)
                assert person.complaints == [], person.complaints


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("Chromium takes the pictures, and is not installed; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        made = stack.enter_context(station(folder / "agency", enrolled(folder / "anybody")))
        running = stack.enter_context(sync_playwright())
        probe, film = folder / "probe.jpg", folder / "film.mjpeg"
        probe.write_bytes(portrait(dark=0.85))
        PIL.Image.open(probe).resize((720, 720)).crop((0, 0, 720, 540)).save(film, "JPEG")
        camera = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
        arguments = ["--no-sandbox", *camera, f"--use-file-for-fake-video-capture={film}"]
        with closing(running.chromium.launch(executable_path=chromium, args=arguments)) as browser:
            only = set(sys.argv[1:])
            if not only or "welcome" in only:
                welcomed(browser, folder / "nobody")
            take(browser, made, probe, only)


if __name__ == "__main__":
    main()
