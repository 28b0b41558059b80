"""The server's TLS certificate, tried out before the server starts."""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regard.config.settings import Settings
from regard.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The server's certificate. `trust` is the file that makes clients trust it; None if they do already."""

    context: ssl.SSLContext
    names: tuple[str, ...]
    trust: str | None

    @classmethod
    def of(cls, settings: Settings) -> Tls | None:
        """TLS as set, tried out in memory; None if it is not set. Raises SettingsError if no client could use it."""
        certificate, key = settings.server.tls_certificate, settings.server.tls_key
        if certificate is None and key is None:
            return None
        if certificate is None or key is None:
            given, lacking = ("tls_key", "tls_certificate") if certificate is None else ("tls_certificate", "tls_key")
            raise SettingsError(f"{given} is set and {lacking} is not: TLS needs a certificate and its private key.")
        believer = _client(trusting=certificate)
        context = _loaded(certificate, key)
        try:
            shown = _shown(context, believer)
        except ssl.SSLCertVerificationError as error:
            raise SettingsError(f"No client will accept {certificate}: {error.verify_message}.") from error
        names = tuple(name for _, name in shown.get("subjectAltName", ()))
        own_authority = shown["issuer"] == shown["subject"]
        try:
            _shown(context, _client())
        except ssl.SSLCertVerificationError:
            return cls(context=context, names=names, trust=str(certificate) if own_authority else "/path/to/ca.pem")
        return cls(context=context, names=names, trust=None)

    def host(self, reachable: str) -> str:
        """The host that clients should call: `reachable` if the certificate is for it, else a name that it is for."""
        usable = [name for name in self.names if "*" not in name]
        return reachable if reachable in usable or not usable else usable[0]


def _client(trusting: Path | None = None) -> ssl.SSLContext:
    """A client that trusts this system's authorities, or only the certificate in a file. Raises SettingsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if trusting is None:
        context.load_default_certs()
        return context
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(trusting)
    except ssl.SSLError as error:
        raise SettingsError(f"tls_certificate is {trusting}, which holds no certificate in PEM.") from error
    except OSError as error:
        raise SettingsError(f"tls_certificate is {trusting}, which cannot be read: {error.strerror}.") from error
    return context


def _loaded(certificate: Path, key: Path) -> ssl.SSLContext:
    """The server's side. Raises SettingsError if the key is not the certificate's, or cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        key.read_bytes()
        context.load_cert_chain(certificate, key, password="")  # else OpenSSL asks for an encrypted key's password
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(f"The private key {key} does not belong to the certificate {certificate}.") from error
        raise SettingsError(
            f"tls_key is {key}, which holds no private key in PEM that can be used (one that is encrypted cannot): "
            f"{error.reason or error}."
        ) from error
    except OSError as error:
        raise SettingsError(f"tls_key is {key}, which cannot be read: {error.strerror}.") from error
    return context


def _shown(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, Any]:
    """The certificate a client is shown, by a handshake in memory. Raises SSLCertVerificationError if it refuses."""
    sent, received = ssl.MemoryBIO(), ssl.MemoryBIO()
    near, far = client.wrap_bio(received, sent), server.wrap_bio(sent, received, server_side=True)
    while True:
        with suppress(ssl.SSLWantReadError):
            near.do_handshake()
            return near.getpeercert() or {}
        with suppress(ssl.SSLWantReadError):
            far.do_handshake()
