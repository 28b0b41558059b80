"""An identity provider on a free loopback port: its configuration, its keys, and the ID tokens it makes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey


@dataclass
class Provider:
    """`described` and `published` are what it answers; `fetched` counts how often its keys were read."""

    issuer: str
    client_id: str = "regard"
    keys: dict[str, Key] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)
    fetched: int = 0
    broken: bool = False

    def rotate(self, name: str, kind: str = "RS256") -> None:
        """Publish one key, and no other."""
        options = {"kid": name, "use": "sig", "alg": kind}
        made: dict[str, Key] = {
            "RS256": RSAKey.generate_key(2048, options),
            "ES256": ECKey.generate_key("P-256", options),
            "Ed25519": OKPKey.generate_key("Ed25519", options),
        }
        self.keys = {name: made[kind]}

    def token(self, nonce: str, /, *, subject: str = "7", key: Key | None = None, **changes: Any) -> str:
        """An ID token for whoever it knows as `subject`; a claim that is None is left out."""
        (name, mine), now = next(iter(self.keys.items())), int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": subject,
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
        } | changes
        header = {"alg": mine.alg, "kid": name}
        said = {claim: value for claim, value in claims.items() if value is not None}
        return jwt.encode(header, said, key or mine, algorithms=[str(mine.alg)])

    def answer(self, path: str) -> Any:
        if self.broken:
            return None
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"} | self.described
        if path == "/keys":
            self.fetched += 1
            return KeySet(list(self.keys.values())).as_dict(private=False)
        return None


@contextmanager
def identity_provider() -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = provider.answer(self.path)
            content = json.dumps(found).encode()
            self.send_response(200 if found is not None else 500)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = Provider(f"http://127.0.0.1:{server.server_port}")
        provider.rotate("first")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
