from __future__ import annotations

import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from regard.accountability.access_keys import AccessKeys
from regard.domain.callers import Principal
from regard.errors import ResourceNotFound, SettingsError
from regard.store import database
from regard.store.database import Database
from regard.store.key_rows import KeyRows


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def opened(home: Path) -> Iterator[Database]:
    made = database.open(f"sqlite:///{home / 'regard.db'}")
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(home: Path, opened: Database, clock: Clock) -> AccessKeys:
    return AccessKeys(home, KeyRows(opened), clock)


def test_a_key_looks_like_one_and_is_never_the_same(keys):
    access_key_id, secret = keys.create("ada")
    assert re.fullmatch(r"RGRD[A-Z2-7]{16}", access_key_id)
    assert re.fullmatch(r"[A-Za-z0-9]{40}", secret)
    assert keys.create("ada")[0] != access_key_id


def test_a_created_key_is_looked_up_with_its_secret_and_holder(keys):
    access_key_id, secret = keys.create("ada")
    found = keys.lookup(access_key_id)
    assert found.secret == secret
    assert found.principal == Principal(access_key_id=access_key_id, name="ada")
    assert secret not in repr(found)


def test_an_unknown_key_and_one_with_a_session_token_are_nobody(keys):
    access_key_id, _ = keys.create("ada")
    assert keys.lookup("RGRDAAAAAAAAAAAAAAAA") is None
    assert keys.lookup(access_key_id, "token") is None
    assert keys.lookup(access_key_id) is not None
    assert keys.lookup(access_key_id, "token") is None
    assert keys.lookup(access_key_id, "") is None


def test_a_revoked_key_is_nobody_at_once_and_stays_listed(keys):
    kept, ended = keys.create("ada")[0], keys.create("bob")[0]
    assert keys.lookup(ended) is not None
    keys.revoke(ended)
    assert keys.lookup(ended) is None
    listed = {key.access_key_id: key for key in keys.list()}
    assert listed[kept].revoked_at is None
    assert listed[ended].revoked_at >= listed[ended].created_at
    assert listed[ended].name == "bob"


def test_a_revocation_elsewhere_takes_effect_within_a_second(keys, home, opened, clock):
    access_key_id, _ = keys.create("ada")
    assert keys.lookup(access_key_id) is not None
    AccessKeys(home, KeyRows(opened)).revoke(access_key_id)
    clock.now += 1.01
    assert keys.lookup(access_key_id) is None


def test_a_key_looked_up_again_and_again_is_not_read_again(keys, opened, clock):
    access_key_id, _ = keys.create("ada")
    keys.lookup(access_key_id)
    with opened.write() as connection:
        connection.exec_driver_sql("UPDATE access_keys SET name = 'eve'")
    assert keys.lookup(access_key_id).principal.name == "ada"
    clock.now += 1.01
    assert keys.lookup(access_key_id).principal.name == "eve"


def test_revoking_an_unknown_key_is_not_found(keys):
    with pytest.raises(ResourceNotFound, match="RGRDNOBODY"):
        keys.revoke("RGRDNOBODY")


def test_no_secret_lies_in_any_file(keys, home, opened):
    _, secret = keys.create("ada")
    opened.close()
    assert all(secret.encode() not in file.read_bytes() for file in home.iterdir())


def test_the_seal_key_is_the_owners_alone_and_no_draft_stays(keys, home):
    keys.create("ada")
    assert stat.S_IMODE((home / "seal.key").stat().st_mode) == 0o600
    assert len((home / "seal.key").read_bytes()) == 32
    assert list(home.glob(".seal.key*")) == []


def test_a_secret_moved_to_another_key_does_not_open(keys, opened):
    mine, _ = keys.create("ada")
    theirs, _ = keys.create("bob")
    with opened.write() as connection:
        connection.exec_driver_sql(
            "UPDATE access_keys SET sealed_secret = "
            "(SELECT sealed_secret FROM access_keys WHERE name = 'bob') WHERE name = 'ada'"
        )
    assert keys.lookup(theirs) is not None
    with pytest.raises(SettingsError, match=mine):
        keys.lookup(mine)


@pytest.mark.parametrize(
    ("harm", "said"), [(None, "is missing"), (b"\x01" * 32, "is not the file"), (b"short", "is damaged")]
)
def test_a_lost_or_changed_seal_key_says_what_to_do_and_new_keys_work(keys, home, harm, said):
    old, _ = keys.create("ada")
    if harm is None:
        (home / "seal.key").unlink()
    else:
        (home / "seal.key").write_bytes(harm)
    with pytest.raises(SettingsError, match=f"{said}.*regard keys create"):
        keys.lookup(old)
    (home / "seal.key").unlink(missing_ok=True)
    new, secret = keys.create("ada")
    assert keys.lookup(new).secret == secret
    with pytest.raises(SettingsError, match="is not the file"):
        keys.lookup(old)


@pytest.mark.slow
def test_processes_that_make_the_first_key_at_once_share_one_seal(keys, home):
    code = (
        "import sys; from pathlib import Path\n"
        "from regard.store import database\n"
        "from regard.store.key_rows import KeyRows\n"
        "from regard.accountability.access_keys import AccessKeys\n"
        "home = Path(sys.argv[1])\n"
        "keys = AccessKeys(home, KeyRows(database.open(f\"sqlite:///{home / 'regard.db'}\")))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(*keys.create('ada'))\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([sys.executable, "-c", code, str(home)], **pipes) for _ in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    made = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [keys.lookup(access_key_id).secret for access_key_id, _ in made] == [secret for _, secret in made]
