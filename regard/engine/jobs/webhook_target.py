"""Events to addresses that the operator named: signed, without redirects, and not to machines within the network.

The signature is that of standardwebhooks.com, HMAC-SHA256 over "id.timestamp.body", so that receivers can verify it
with a library that is there already.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from http import HTTPStatus
from urllib.parse import urlsplit

from regard.domain.jobs import Event
from regard.engine.jobs.deliveries import NotDelivered

#: For each step, and for all of it: one that sends a byte now and then holds nobody up.
_STEP_SECONDS, _SECONDS = 5.0, 15.0
#: Where IPv6 holds an IPv4 address (RFC 6052).
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


class WebhookTarget:
    """Posts each event to its address. Only an answer of 200 to 299 is an arrival."""

    def __init__(self, secret: str | None, *, private: bool = False) -> None:
        """`secret` signs, where there is one; `private` allows addresses that only this machine or network reaches."""
        self._secret = secret
        self._private = private

    def deliver(self, event: Event) -> None:
        parts = urlsplit(event.address)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        address = self._address(host, port)
        connection = _Pinned(host, port, address, ssl.create_default_context() if secure else None)
        body = event.body.encode()
        headers = {"Content-Type": "application/json", "User-Agent": "regard"} | self._signature(event.id, body)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        overdue = threading.Timer(_SECONDS, connection.cut)
        overdue.start()
        try:
            with closing(connection):
                connection.request("POST", path, body, headers)
                status = connection.getresponse().status
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotDelivered(f"{host} did not answer: {str(error) or type(error).__name__}") from error
        finally:
            overdue.cancel()
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            moved = ", a redirect, which is not followed" if status < HTTPStatus.BAD_REQUEST else ""
            raise NotDelivered(f"{host} answered {status}{moved}.")

    def _signature(self, event_id: str, body: bytes) -> dict[str, str]:
        moment = str(int(time.time()))
        headers = {"webhook-id": event_id, "webhook-timestamp": moment}
        if self._secret is not None:
            signed = hmac.digest(_key(self._secret), f"{event_id}.{moment}.".encode() + body, hashlib.sha256)
            headers["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
        return headers

    def _address(self, host: str, port: int) -> str:
        """What the name is now: looked up once, so that it cannot become another. Raises NotDelivered."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NotDelivered(f"The host {host} is unknown.") from error
        addresses = [str(each[4][0]).partition("%")[0] for each in found]
        if not self._private and not all(is_public(each) for each in addresses):
            raise NotDelivered(
                f"{host} is an address within the network: set [events] private_webhooks if that is meant."
            )
        return addresses[0]


def is_public(address: str) -> bool:
    """Whether everybody on the internet means the same machine by it."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if parsed in _TRANSLATED or parsed.sixtofour is not None or parsed.teredo is not None:
            return False
    return parsed.is_global and not parsed.is_multicast


def _key(secret: str) -> bytes:
    """The bytes of a secret: those of the base64 after "whsec_", as the standard writes it, or of the text itself."""
    if secret.startswith("whsec_"):
        with suppress(ValueError):
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return secret.encode()


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever its name becomes; with TLS where there is a `context`."""

    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=_STEP_SECONDS)
        self._address = address
        self._context = context
        if context is not None:
            self.default_port = 443

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), _STEP_SECONDS)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End it from another thread, whatever it waits for."""
        sock = self.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
