"""An authenticator in software: it makes passkeys and signs with them as a phone or a security key does, in real CBOR,
COSE and signatures (WebAuthn Level 3; RFC 9052)."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass
class Authenticator:
    """One passkey. What a test changes here is what an attacker would."""

    origin: str
    kind: Literal["ES256", "EdDSA"] = "ES256"
    flags: int = USER_PRESENT | USER_VERIFIED
    count: int = 0
    counts: bool = True
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        elliptic = self.kind == "ES256"
        self.key = ec.generate_private_key(ec.SECP256R1()) if elliptic else ed25519.Ed25519PrivateKey.generate()

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create` returns."""
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self._public()
        data = self._data(options["rp"]["id"], self.flags | ATTESTED) + attested
        client = self._client("webauthn.create", options["challenge"])
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._credential({"clientDataJSON": encoded(client), "attestationObject": encoded(attestation)})

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get` returns."""
        self.count += self.counts
        data = self._data(options["rpId"], self.flags)
        client = self._client("webauthn.get", options["challenge"])
        signature = self._sign(data + hashlib.sha256(client).digest())
        return self._credential(
            {
                "clientDataJSON": encoded(client),
                "authenticatorData": encoded(data),
                "signature": encoded(signature),
                "userHandle": None,
            }
        )

    def _credential(self, response: Mapping[str, Any]) -> dict[str, Any]:
        name = encoded(self.id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": dict(response),
            "clientExtensionResults": {},
        }

    def _data(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _sign(self, content: bytes) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(content, ec.ECDSA(SHA256()))
        return self.key.sign(content)

    def _public(self) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            numbers = self.key.public_key().public_numbers()
            x, y = (each.to_bytes(32, "big") for each in (numbers.x, numbers.y))
            return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: self.key.public_key().public_bytes_raw()})


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
