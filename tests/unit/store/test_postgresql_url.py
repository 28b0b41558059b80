"""How PostgreSQL is named and joined, over TCP, TLS and sockets, and what is said where that cannot be."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from postgres_server import PASSWORD, QUOTED

from regard.errors import SettingsError
from regard.store import database
from regard.store.collection_rows import CollectionRows

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def kind() -> str:
    return "postgresql"


def refusal(url: str) -> str:
    """Why a database cannot be opened; never with the password."""
    with pytest.raises(SettingsError) as caught:
        database.open(url)
    said = str(caught.value)
    assert PASSWORD not in said
    assert QUOTED not in said
    return said


# -- the URL ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_the_driver_need_not_be_named(url, scheme):
    database.open(url.replace("postgresql", scheme, 1)).close()


def test_a_url_is_shown_without_its_password(url):
    assert database.shown(url).startswith("postgresql://regard:***@127.0.0.1:")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("postgresql:", "postgresql+psycopg2:"), "through psycopg: begin the URL with postgresql://"),
        (("postgresql:", "mysql:"), "Regard knows sqlite and postgresql, not mysql"),
        (("postgresql://", "postgresql:/"), "is not a database URL"),
        (("127.0.0.1:", "127.0.0.1:x"), "is not a database URL"),
        (("?sslmode=disable", "?sslmod=disable"), "has 'sslmod' after the question mark"),
        (("?sslmode=disable", "?sslmode=sometimes"), "which is unknown; use one of disable, prefer, require"),
        (("?sslmode=disable", "?sslmode=require&sslmode=disable"), "says sslmode twice"),
        (("?sslmode=disable", "?sslrootcert=/ca.pem"), "without sslmode=verify-full"),
        (("?sslmode=disable", "?sslmode=verify-full&sslrootcert=/no/ca.pem"), "cannot be read as PEM"),
        (("?sslmode=disable", "?unix_sock=/tmp/socket"), "is no socket of PostgreSQL; one looks like /var/run"),
        (("?sslmode=disable", "?sslmode=require"), "server does not support SSL, but SSL was required"),
        ((f":{QUOTED}@", ":wrong@"), "PostgreSQL refuses the user: check name and password"),
        ((f":{QUOTED}@", "@"), "PostgreSQL refuses the user"),
        ((f"regard:{QUOTED}@", ""), "names no user"),
        (("?", "s?"), "There is no such database on this server: make it with `createdb`"),
    ],
)
def test_a_database_that_cannot_be_opened_says_what_to_do(url, changed, said):
    assert said in refusal(url.replace(*changed, 1))


def test_a_socket_that_is_not_there_is_told_in_words(tmp_path):
    said = refusal(f"postgresql://regard:{QUOTED}@/regard?unix_sock={tmp_path}/.s.PGSQL.5432")
    assert "No connection to PostgreSQL there" in said


def test_a_socket_is_named_as_postgresql_names_it(store, postgres):
    store.collection("staff")
    name = store.url.rpartition("/")[2].partition("?")[0]
    socket_file = postgres.data.parent / f".s.PGSQL.{postgres.port}"
    with closing(database.open(f"postgresql://regard:{QUOTED}@/{name}?unix_sock={socket_file}")) as opened:
        assert [found.id for found in CollectionRows(opened).page(0, 9)] == ["staff"]
        with opened.read() as connection:
            assert connection.exec_driver_sql("SELECT inet_client_addr()").scalar_one() is None


def test_neither_the_environment_nor_the_home_says_how_to_connect(url, monkeypatch, tmp_path):
    for name, value in {
        "PGHOST": "nowhere.invalid",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGDATABASE": "nothing",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/no/ca.pem",
        "PGOPTIONS": "-c search_path=elsewhere",
        "PGCLIENTENCODING": "SQL_ASCII",
        "PGCONNECT_TIMEOUT": "soon",
        "PGTARGETSESSIONATTRS": "standby",
        "PGAPPNAME": "another",
        "PGPASSWORD": PASSWORD,
    }.items():
        monkeypatch.setenv(name, value)
    with closing(database.open(url)) as opened, opened.read() as connection:
        assert connection.exec_driver_sql("SHOW application_name").scalar_one() == "regard"
        assert connection.exec_driver_sql("SHOW search_path").scalar_one() != "elsewhere"
    assert "PostgreSQL refuses the user" in refusal(url.replace(f":{QUOTED}@", "@"))  # not PGPASSWORD
    passwords = tmp_path / ".pgpass"
    passwords.write_text(f"*:*:*:regard:{PASSWORD}\n")
    passwords.chmod(0o600)
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "PostgreSQL refuses the user" in refusal(url.replace(f":{QUOTED}@", "@"))


# -- TLS -------------------------------------------------------------------------------------------------------------


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for a host's name, and its key."""
    secret = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    certificate, key = folder / "server.crt", folder / "server.key"
    pem = serialization.Encoding.PEM
    certificate.write_bytes(built.public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key.write_bytes(secret.private_bytes(pem, *plain))
    return certificate, key


@contextmanager
def secured(postgres):
    """The server with TLS, for the name localhost; the file of its certificate."""
    certificate, key = self_signed(postgres.data, "localhost")
    key.chmod(0o600)
    owner = postgres.data.stat()
    for file in (certificate, key):
        os.chown(file, owner.st_uid, owner.st_gid)
    with tempfile.TemporaryDirectory() as folder:
        authority = Path(folder) / "authority.pem"
        authority.write_bytes(certificate.read_bytes())
        postgres.run("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
        threading.Event().wait(0.3)
        try:
            yield authority
        finally:
            postgres.run("ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()")


def test_tls_is_used_where_it_is_there_and_checked_where_that_is_asked_for(url, postgres):
    def encrypted(options: str, host: str = "localhost") -> bool:
        changed = url.replace("127.0.0.1", host).replace("?sslmode=disable", options)
        with closing(database.open(changed)) as opened, opened.read() as connection:
            query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            return bool(connection.exec_driver_sql(query).scalar_one())

    with secured(postgres) as authority:
        assert encrypted("")
        assert encrypted("?sslmode=require")
        assert not encrypted("?sslmode=disable")
        assert encrypted(f"?sslmode=verify-full&sslrootcert={authority}")
        assert encrypted(f"?sslmode=verify-ca&sslrootcert={authority}", "127.0.0.1")
        stranger = url.replace("?sslmode=disable", "?sslmode=verify-full")
        assert "certificate verify failed" in refusal(stranger)
        assert "does not match host name" in refusal(f"{stranger}&sslrootcert={authority}")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_the_authorities_that_the_system_trusts_are_trusted(url, postgres, mode, monkeypatch):
    with secured(postgres) as authority:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        changed = url.replace("127.0.0.1", "localhost").replace("?sslmode=disable", f"?sslmode={mode}")
        database.open(changed).close()


def test_a_system_that_trusts_nobody_needs_an_authority_named(url, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert "name your own with sslrootcert" in refusal(url.replace("?sslmode=disable", "?sslmode=verify-full"))
