"""The console's files, as the server gives them out; what the browser makes of them is tested in tests/console."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import Live, without_models

from regard.console import assets

EARLY = "early()"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build in small."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(f"<!doctype html><title>Regard</title><script>{EARLY}</script>")
    (folder / "assets" / "index-1a2b.js").write_text("export {}")
    monkeypatch.setattr(assets.Assets.__init__, "__defaults__", (folder,))
    return folder


@pytest.fixture
def live(tmp_path: Path, built: Path) -> Iterator[Live]:
    with without_models(tmp_path / "home", server={"path_prefixes": "/vision"}) as server:
        yield server


def get(live: Live, path: str, accept: str = "text/html", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=10)
    connection.request("GET", path, headers={"Accept": accept} | headers)
    answer = connection.getresponse()
    answer.content = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("opened", "place"),
    [("/", "/console/"), ("/vision/", "/vision/console/"), ("/console", "console/"), ("/vision/console", "console/")],
)
def test_a_browser_that_opens_the_address_is_sent_to_the_console(live: Live, opened: str, place: str) -> None:
    answer = get(live, opened)
    assert (answer.status, answer.headers["location"]) == (307, place)


def test_programs_still_get_the_front_page(live: Live) -> None:
    answer = get(live, "/", accept="*/*")
    assert answer.status == 200
    assert b"console/ below this address" in answer.content  # type: ignore[attr-defined]


def test_only_a_browser_that_keeps_a_sign_in_is_told_to_ask_early_who_it_is(live: Live) -> None:
    page, script = "/console/", "/console/assets/index-1a2b.js"
    told = get(live, page, Cookie="regard-session=kept").headers
    assert told["link"].startswith("<../v1/me>; rel=preload")
    assert "cookie" in told["vary"].lower()
    assert get(live, page).headers["link"] is None
    assert get(live, page, Cookie="another=one").headers["link"] is None
    assert get(live, script, Cookie="regard-session=kept").headers["link"] is None


@pytest.mark.parametrize("at", ["", "/vision"])
def test_the_page_allows_nothing_inline_and_nothing_from_elsewhere(live: Live, at: str) -> None:
    answer = get(live, f"{at}/console/")
    policy = answer.headers["content-security-policy"]
    assert answer.status == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


def test_of_scripts_in_the_page_only_what_was_built_into_it_may_run(live: Live) -> None:
    digest = base64.b64encode(hashlib.sha256(EARLY.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in get(live, "/console/").headers["content-security-policy"]
    assert "script-src 'self';" in get(live, "/console/assets/index-1a2b.js").headers["content-security-policy"]


def test_files_that_are_named_by_their_content_are_kept_for_ever(live: Live) -> None:
    answer = get(live, "/console/assets/index-1a2b.js")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("GZIP;q=1.0", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("gzip;q=0.000", None),
        ("identity", None),
    ],
)
def test_a_file_is_sent_as_small_as_whoever_asks_can_read_it(
    accepted: str, encoding: str | None, tmp_path: Path, built: Path
) -> None:
    script = built / "assets" / "index-1a2b.js"
    script.write_text("export {};" * 100)
    (built / "assets" / "index-1a2b.js.br").write_bytes(b"as Brotli")
    contents = {"br": b"as Brotli", "gzip": gzip.compress(script.read_bytes(), mtime=0), None: script.read_bytes()}
    with without_models(tmp_path / "home") as live:
        answer = get(live, "/console/assets/index-1a2b.js", **{"Accept-Encoding": accepted})
        assert answer.headers["content-encoding"] == encoding
        assert answer.content == contents[encoding]  # type: ignore[attr-defined]
        assert answer.headers["vary"] == "Accept-Encoding"
        assert get(live, "/console/assets/index-1a2b.js.br").status == 404


@pytest.mark.parametrize("path", ["nothing.js", "../assets.py", "%2e%2e/assets.py", "assets/", "assets/%00"])
def test_nothing_else_is_given_out(live: Live, path: str) -> None:
    assert get(live, f"/console/{path}").status == 404


def test_without_a_build_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets.Assets.__init__, "__defaults__", (tmp_path / "no-build",))
    with without_models(tmp_path / "home") as live:
        answer = get(live, "/console/")
        assert answer.status == 503
        assert b"make console" in answer.content  # type: ignore[attr-defined]
        assert b"make console" in get(live, "/").content  # type: ignore[attr-defined]


def test_the_consoles_types_are_made_from_the_routes_that_there_are() -> None:
    described = runpy.run_path(str(Path(__file__).resolve().parents[2] / "web" / "describe.py"))
    assert described["FILE"].read_text(encoding="utf-8") == described["description"](), "run make console-types"
