"""TLS by settings: a real `regard serve` with a certificate made for it, and every way that one can be wrong."""

from __future__ import annotations

import http.client
import socket
import ssl
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from open_server import OpenServer, started
from typer.testing import CliRunner

from regard.bootstrap.tls import Tls
from regard.cli import app
from regard.config.settings import load_settings

PEM = serialization.Encoding.PEM
LOCAL = (x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost"))


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, in files."""

    folder: Path
    subject: x509.Name
    secret: ec.EllipticCurvePrivateKey

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"


def identity(
    folder: Path, *names: x509.GeneralName, issuer: Identity | None = None, days: int = 30, password: bytes = b""
) -> Identity:
    """A certificate that `issuer` signed, or it itself; without names, an authority's."""
    folder.mkdir()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
    made = Identity(folder, subject, ec.generate_private_key(ec.SECP256R1()))
    signer = issuer or made
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.subject)
        .public_key(made.secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(made.secret.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.secret.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made.certificate.write_bytes(builder.sign(signer.secret, hashes.SHA256()).public_bytes(PEM))
    closed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    made.key.write_bytes(made.secret.private_bytes(PEM, serialization.PrivateFormat.PKCS8, closed))
    return made


# -- a server that speaks TLS ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Who vouches for the server."""
    return identity(tmp_path_factory.mktemp("vouching") / "authority")


@pytest.fixture(scope="module")
def secure(models: Path, tmp_path_factory: pytest.TempPathFactory, authority: Identity) -> Iterator[OpenServer]:
    home = tmp_path_factory.mktemp("secure")
    own = identity(home / "own", *LOCAL, issuer=authority)
    (home / "regard.toml").write_text(f'[server]\ntls_certificate = "{own.certificate}"\ntls_key = "{own.key}"\n')
    with started(home, models) as running:
        yield running


def test_a_client_that_trusts_the_authority_is_answered(
    secure: OpenServer, authority: Identity, portrait: bytes
) -> None:
    client = secure.client(verify=str(authority.certificate))
    assert len(client.detect_faces(Image={"Bytes": portrait})["FaceDetails"]) == 1
    client.close()


def test_a_client_that_does_not_trust_it_refuses_to_speak(secure: OpenServer) -> None:
    client = secure.client()
    with pytest.raises(SSLError, match="certificate verify failed"):
        client.list_collections()
    client.close()


def test_plain_http_is_not_answered(secure: OpenServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", secure.port, timeout=10)
    connection.request("GET", "/health/live")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        connection.getresponse()
    connection.close()


def version(port: int, wanted: ssl.TLSVersion) -> str | None:
    """The protocol that a client of this version, which takes any cipher, agrees on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = wanted
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        return wrapped.version()


def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(secure: OpenServer) -> None:
    assert version(secure.port, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert version(secure.port, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match=r"EOF|alert"):
        version(secure.port, ssl.TLSVersion.TLSv1_1)


def test_the_first_words_tell_how_a_client_comes_to_trust_it(secure: OpenServer) -> None:
    assert "AWS_CA_BUNDLE" in secure.find(r"(Certificate: .*\n)")
    snippet = secure.said[secure.said.index("import boto3") :]
    assert f'endpoint_url="https://127.0.0.1:{secure.port}"' in snippet
    assert 'verify="/path/to/ca.pem",' in snippet
    compile(snippet, "snippet", "exec")


def seen(own: Identity, folder: Path) -> Tls:
    found = Tls.of(load_settings({}, home=folder, server={"tls_certificate": own.certificate, "tls_key": own.key}))
    assert found is not None
    return found


def test_a_certificate_that_this_system_trusts_needs_no_word_about_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = identity(tmp_path / "authority")
    own = identity(tmp_path / "own", *LOCAL, issuer=authority)
    assert seen(own, tmp_path).trust == "/path/to/ca.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    assert seen(own, tmp_path).trust is None


def test_a_self_signed_certificate_is_itself_what_a_client_trusts(tmp_path: Path) -> None:
    own = identity(tmp_path / "own", *LOCAL)
    assert seen(own, tmp_path).trust == str(own.certificate)


def test_the_endpoint_shown_has_a_name_of_the_certificate(tmp_path: Path) -> None:
    names = (x509.DNSName("*.example.org"), x509.DNSName("regard.example.org"), *LOCAL)
    tls = seen(identity(tmp_path / "own", *names), tmp_path)
    assert tls.host("127.0.0.1") == "127.0.0.1"
    assert tls.host("192.0.2.7") == "regard.example.org"
    assert seen(identity(tmp_path / "wild", names[0]), tmp_path).host("192.0.2.7") == "192.0.2.7"


# -- what cannot work is said before anything slow -------------------------------------------------------------------


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """What `regard serve` says of settings that it does not start with."""

    def serve(**settings: object) -> str:
        home = tmp_path / "home"
        home.mkdir()
        lines = [
            f"{name} = {value if isinstance(value, int) else repr(str(value))}\n" for name, value in settings.items()
        ]
        (home / "regard.toml").write_text("".join(["[server]\n", *lines]))
        result = CliRunner().invoke(app, ["serve", "--home", str(home), "--port", "0"])
        assert result.exit_code == 1
        assert not (home / "regard.db").exists()
        assert not (home / "models").exists()
        return result.stderr

    return serve


@pytest.fixture
def own(tmp_path: Path) -> Identity:
    return identity(tmp_path / "own", *LOCAL)


def test_a_certificate_without_its_key_is_refused_and_the_other_way_round(refused: Any, own: Identity) -> None:
    assert "tls_certificate is set and tls_key is not" in refused(tls_certificate=own.certificate)


def test_a_key_without_its_certificate_is_refused(refused: Any, own: Identity) -> None:
    assert "tls_key is set and tls_certificate is not" in refused(tls_key=own.key)


@pytest.mark.parametrize("lost", ["tls_certificate", "tls_key"])
def test_a_file_that_is_missing_or_unreadable_is_named(refused: Any, own: Identity, lost: str) -> None:
    files = {"tls_certificate": own.certificate, "tls_key": own.key}
    files[lost].unlink()
    assert f"{lost} is {files[lost]}, which cannot be read: No such file" in refused(**files)


@pytest.mark.parametrize("wrong", ["tls_certificate", "tls_key"])
def test_a_file_of_another_kind_is_named(refused: Any, own: Identity, wrong: str) -> None:
    files = {"tls_certificate": own.certificate, "tls_key": own.key}
    files[wrong].write_text("no PEM")
    said = refused(**files)
    assert f"{wrong} is {files[wrong]}, which holds no " in said
    assert "Traceback" not in said


def test_the_key_of_another_certificate_is_refused(refused: Any, own: Identity, tmp_path: Path) -> None:
    other = identity(tmp_path / "other", *LOCAL)
    said = refused(tls_certificate=own.certificate, tls_key=other.key)
    assert f"The private key {other.key} does not belong to the certificate {own.certificate}." in said


def test_an_encrypted_key_is_refused_and_no_password_asked_for(refused: Any, tmp_path: Path) -> None:
    closed = identity(tmp_path / "closed", *LOCAL, password=b"secret")
    assert "one that is encrypted cannot" in refused(tls_certificate=closed.certificate, tls_key=closed.key)


def test_a_certificate_that_has_expired_is_refused_as_clients_would(refused: Any, tmp_path: Path) -> None:
    old = identity(tmp_path / "old", *LOCAL, days=-1)
    said = refused(tls_certificate=old.certificate, tls_key=old.key)
    assert f"No client will accept {old.certificate}: certificate has expired." in said


def test_rates_that_cannot_be_meant_are_said_as_early(refused: Any) -> None:
    assert "rates is 'on'; it must be" in refused(rates="on")


def test_a_queue_below_zero_is_said_as_early(refused: Any) -> None:
    assert "regard.toml: [server] queue is -3; it must be at least 0" in refused(queue=-3)
