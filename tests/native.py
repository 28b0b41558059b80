"""People who use the native API: everybody of the staff with a password, signed in once, and what they ask."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from live_server import Live, with_models, without_models
from staff import KNOWN, ROLES, Staff
from typer.testing import CliRunner, Result

from regard.accountability.passwords import Passwords
from regard.cli import app

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Said:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Office:
    """A running server, and the token of whoever signs in."""

    live: Live
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(self, login: str, method: str, path: str, body: Any = None, **headers: str) -> Said:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if login:
            sent["Authorization"] = f"Bearer {self.token(login)}"
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=60)
        try:
            connection.request(method, quote(f"/v1{path}", safe="/?&=%:"), content, sent)
            response = connection.getresponse()
            endless = response.headers.get_content_type() == "text/event-stream"
            said = b"" if endless else response.read()
            return Said(response.status, {k.lower(): v for k, v in response.getheaders()}, said)
        finally:
            connection.close()

    def get(self, login: str, path: str) -> Any:
        """What is answered; it has to be an answer."""
        said = self.ask(login, "GET", path)
        assert said.status == 200, said.content
        return said.json

    def post(self, login: str, path: str, body: Any = None, **headers: str) -> Any:
        said = self.ask(login, "POST", path, body, **headers)
        assert said.status in (200, 201), said.content
        return said.json

    def token(self, login: str) -> str:
        if login not in self.tokens:
            said = self.ask("", "POST", "/sign-in", {"login": login, "password": PASSWORD})
            assert said.status == 200, said.content
            self.tokens[login] = said.json["token"]
        return self.tokens[login]


@contextmanager
def office(home: Path, models: Path | None = None, **accountability: Any) -> Iterator[Office]:
    """The staff of `staff.ROLES`, who all sign in with PASSWORD, under `public-safety` unless said."""
    chosen = {**KNOWN, **accountability}
    with (
        without_models(home, accountability=chosen)
        if models is None
        else with_models(models, home, accountability=chosen) as live
    ):
        stores, kept = live.engine.stores, Passwords().hash(PASSWORD)
        staff = Staff(home, stores.database)
        for login, roles in ROLES.items():
            stores.sign_ins.set_password(staff.add(login, *roles), kept, None)
        yield Office(live)


@dataclass(frozen=True)
class Terminals:
    """The command line of people who have a home each, in `homes`, and none of them the server's."""

    desk: Office
    homes: Path

    def __call__(self, login: str, *words: object, code: int = 0, given: str | None = None) -> Result:
        """What a command prints; they sign in when they type their first."""
        home = self.homes / login
        if not (home / "sign-in.json").exists():
            self.sign_in(login)
        return self.run([*map(str, words), "--home", str(home)], code, given)

    def sign_in(self, login: str, given: str = f"{PASSWORD}\n", code: int = 0) -> Result:
        words = ["sign-in", self.desk.live.url, "--login", login, "--home", str(self.homes / login)]
        return self.run(words, code, given)

    @staticmethod
    def run(words: list[str], code: int = 0, given: str | None = None) -> Result:
        result = CliRunner().invoke(app, words, input=given)
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result
