"""A sign-in that a browser keeps: no script can read it, no other site's page can use it, and it ends for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from live_server import Live
from test_native_api import PASSWORD, Answer, ask, serving_ada

CONSOLE = {"x_regard_console": "1"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving_ada(tmp_path_factory.mktemp("home")) as server:
        yield server


def signed_in(live: Live) -> Answer:
    return ask(live, "POST", "/v1/sign-in", {"login": "ada", "password": PASSWORD}, **CONSOLE)


def kept(answer: Answer) -> Mapping[str, str]:
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


def test_the_browser_keeps_the_token_and_no_script_sees_it(live: Live) -> None:
    answer = signed_in(live)
    assert set(answer.said) == {"token", "ends_at"}
    assert answer.said["token"] is None
    set_cookie = answer.headers["set-cookie"].lower()
    assert set_cookie.startswith("regard-session=")
    for attribute in ("httponly", "samesite=strict", "path=/", "max-age="):
        assert attribute in set_cookie
    assert ask(live, "GET", "/v1/me", **kept(answer)).said["name"] == "Ada Lovelace"


def test_programs_are_given_the_token_and_no_cookie(live: Live) -> None:
    answer = ask(live, "POST", "/v1/sign-in", {"login": "ada", "password": PASSWORD})
    assert answer.said["token"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/v1/sign-out", {}),
        ("POST", "/v1/me/passkeys/options", {"content_type": "text/plain"}),
        ("GET", "/v1/me", {"sec_fetch_site": "cross-site"}),
        ("GET", "/v1/me", {"sec_fetch_site": "same-site"}),
        ("POST", "/v1/sign-out", {"sec_fetch_site": "cross-site"} | CONSOLE),
        ("POST", "/v1/sign-out", {"origin": "http://evil.example"} | CONSOLE),
        ("POST", "/v1/sign-out", {"origin": "null"} | CONSOLE),
        ("POST", "/v1/sign-out", {"origin": "http://127.0.0.1"} | CONSOLE),
        ("POST", "/v1/sign-out", {"origin": ""} | CONSOLE),
        ("GET", "/v1/me", {"origin": "https://evil.example", "sec_fetch_site": "none"}),
    ],
)
def test_a_page_of_another_site_cannot_use_it(live: Live, method: str, path: str, headers: dict[str, str]) -> None:
    mine = kept(signed_in(live))
    refused = ask(live, method, path, **mine, **headers)
    assert refused.status == 403
    assert "another site" in refused.said["detail"]
    assert ask(live, "GET", "/v1/me", **mine).status == 200


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_page_of_its_own_may_say_where_it_is_from_also_through_a_proxy_with_tls(live: Live, scheme: str) -> None:
    mine = kept(signed_in(live))
    assert ask(live, "GET", "/v1/me", **mine, origin=f"{scheme}://127.0.0.1:{live.port}").status == 200
    named = {"host": "regard.example.org", "origin": f"{scheme}://Regard.example.org"} | CONSOLE
    assert ask(live, "POST", "/v1/sign-out", **mine, **named).status == 204


def test_signing_out_ends_it_and_has_the_browser_forget_everything(live: Live) -> None:
    mine = kept(signed_in(live))
    ended = ask(live, "POST", "/v1/sign-out", **mine, **CONSOLE)
    assert ended.status == 204
    assert "max-age=0" in ended.headers["set-cookie"].lower()
    assert ended.headers["clear-site-data"] == '"cache", "storage"'
    assert ask(live, "GET", "/v1/me", **mine).status == 401


def test_a_page_can_ask_whether_a_sign_in_is_kept(live: Live) -> None:
    assert ask(live, "GET", "/v1/sign-in").said["kept"] is False
    assert ask(live, "GET", "/v1/sign-in", **kept(signed_in(live))).said["kept"] is True
