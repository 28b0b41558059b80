"""The gate decides, the ledger hears: every act is an entry, with what it changes or before its answer leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from books import Book
from sqlalchemy import text

from regard.accountability.gate import Gate
from regard.accountability.ledger.entry import Record, digest
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.profiles.catalogue import OPEN, PROFILES, RECORDED
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal, TemporaryCredential
from regard.errors import AccessDenied, InternalServerError, InvalidParameter
from regard.store import database
from regard.store.collection_rows import CollectionRows

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
ADA = Caller(principal=Principal(access_key_id="RGRD1", name="ada"), channel=Channel.AWS)


def collections(book: Book) -> list[str]:
    with book.database.read() as connection:
        return list(connection.execute(text("SELECT id FROM collections ORDER BY key")).scalars())


def create(book: Book, name: str) -> None:
    CollectionRows(book.database, "embedded").create(name, "model", {}, NOW)


def test_others_may_compute_while_an_entry_waits_for_the_disk(book: Book) -> None:
    written: list[int] = []

    def waits() -> bool:
        written.append(len(book.bodies()))
        return False

    book.ledger.waits = waits
    with book.gate.open(ADA, Act(action=Action.READ, operation="ListCollections")):
        assert written == []
    assert (written, len(book.bodies())) == ([0], 1)
    with book.gate.open(ADA, Act(action=Action.ADMINISTER, operation="CreateCollection", collection="staff")):
        create(book, "staff")
    assert (written, len(book.bodies())) == ([0], 2), "what is written with its act waits in no group"


# -- what is heard ---------------------------------------------------------------------------------------------------


def test_an_act_is_an_entry_with_who_what_when_and_what_came_of_it(book: Book) -> None:
    book.moment = NOW
    session = TemporaryCredential(access_key_id="RGRT1", role="searcher", name="case-7", expires_at=NOW)
    caller = Caller(
        principal=Principal(access_key_id="RGRD1", name="ada", temporary_credential=session),
        channel=Channel.AWS,
        request_id="request-1",
    )
    act = Act(action=Action.SEARCH, operation="SearchFaces", collection="staff", threshold=99.0, count=5)
    with book.gate.open(caller, act) as grant:
        grant.note(gallery_size=3, candidates=[{"face": "f", "similarity": 99.5}])
    assert book.bodies() == [
        {
            "form": 1,
            "act": "request-1",
            "part": 1,
            "time": "2026-01-02T03:04:05.678901Z",
            "who": {
                "access_key": "RGRD1",
                "name": "ada",
                "session_key": "RGRT1",
                "role": "searcher",
                "session": "case-7",
            },
            "channel": "aws",
            "action": "search",
            "operation": "SearchFaces",
            "collection": "staff",
            "threshold": 99.0,
            "count": 5,
            "attributes": [],
            "profile": "recorded",
            "outcome": "allowed",
            "facts": {"gallery_size": 3, "candidates": [{"face": "f", "similarity": 99.5}]},
        }
    ]


def test_the_entry_is_there_before_the_answer_leaves(book: Book) -> None:
    with book.act():
        assert book.bodies() == []
    assert len(book.bodies()) == 1


def test_entries_that_others_add_in_between_keep_their_places(book: Book, tmp_path: Path) -> None:
    """What changes something is added with it, and other processes add entries too: this one cannot know."""
    other = Ledger(lambda: nullcontext(book.database))
    book.search(2)
    with pytest.raises(ZeroDivisionError), book.act(Action.ADMINISTER), book.database.write():
        _ = 1 / 0
    book.search()
    with book.act(Action.ADMINISTER):
        create(book, "staff")
    with Gate(RECORDED, other).open(ADA, Act(action=Action.READ, operation="elsewhere")):
        pass
    book.search(2)
    operations = ["an act"] * 5 + ["elsewhere"] + ["an act"] * 2
    assert [each["operation"] for each in book.bodies()] == operations
    assert book.verify(tmp_path / "export").checkpoint.size == len(operations)


def test_an_entry_of_its_own_takes_one_statement(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gives the interpreter away, and has to have it back, while all whose entries are in it wait."""
    book.search()
    monkeypatch.delattr("regard.store.plain_writes.PlainWrites.transaction")
    book.search(3)
    assert len(book.bodies()) == 4


def test_a_refused_act_is_an_entry_with_the_reason(tmp_path: Path) -> None:
    closed = Book(tmp_path, PROFILES["public-safety"])
    with pytest.raises(AccessDenied), closed.act(Action.DELETE):
        pytest.fail("the gate did not refuse")
    (entry,) = closed.bodies()
    assert (entry["outcome"], entry["error"]) == ("refused", "AccessDeniedException")
    assert "nobody is known here" in entry["reason"]
    closed.close()


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (InvalidParameter("words with a person's name"), "InvalidParameterException"),
        (ValueError("a bug"), "InternalServerError"),
        (KeyboardInterrupt(), "Interrupted"),
    ],
)
def test_an_act_that_fails_is_an_entry_that_says_so_without_words(book: Book, error: BaseException, name: str) -> None:
    with pytest.raises(type(error)), book.act():
        raise error
    (entry,) = book.bodies()
    assert (entry["outcome"], entry["error"]) == ("failed", name)
    assert "reason" not in entry


def test_a_picture_is_named_only_by_a_digest_that_tells_nothing_without_its_entry(book: Book) -> None:
    for _ in range(2):
        with book.act() as grant:
            grant.note(pictures=["0d4d2d5e-6f7a-4b8c-9d0e-1f2a3b4c5d6e"])
    first, second = (each["facts"]["pictures"] for each in book.bodies())
    assert first != second
    (entry, _) = book.rows.entries(0, 2)
    assert entry.salt is not None
    assert first == [digest(entry.salt, "0d4d2d5e-6f7a-4b8c-9d0e-1f2a3b4c5d6e")]


def test_names_that_utf_8_cannot_hold_are_recorded(book: Book) -> None:
    caller = Caller(principal=Principal(access_key_id="", name="ad\udce4"), channel=Channel.CLI)
    with book.gate.open(caller, Act(action=Action.READ, operation="x", collection="\udcff")) as grant:
        grant.note(user="\ud800")
    (entry,) = book.bodies()
    assert entry["who"]["name"] == "ad?"
    assert entry["collection"] == "?"
    assert len(entry["act"]) == 36  # there is no request to be named after


def test_without_a_ledger_nothing_is_heard_or_written(book: Book) -> None:
    with Gate(OPEN).open(
        Caller(principal=Principal(access_key_id="K", name="ada"), channel=Channel.AWS),
        Act(action=Action.ENROL, operation="x"),
    ) as grant:
        assert not grant.recorded
        grant.note(faces=["f"])
        grant.tell()
        create(book, "staff")
    assert book.bodies() == []


# -- in the act's own transaction ------------------------------------------------------------------------------------


def test_what_an_act_changes_and_its_entry_are_one_transaction(book: Book) -> None:
    with book.act(Action.ADMINISTER) as grant:
        grant.note(user="u")
        create(book, "staff")
        assert [each["facts"] for each in book.bodies()] == [{"user": "u"}]  # committed with it
    assert len(book.bodies()) == 1  # and no second one at the end


def test_an_act_whose_entry_cannot_be_written_changes_nothing(book: Book) -> None:
    book.ledger.fault = "no"
    with pytest.raises(InternalServerError, match=r"^no$"), book.act(Action.ADMINISTER):
        create(book, "staff")
    book.ledger.fault = None
    assert (collections(book), book.bodies()) == ([], [])


def test_a_change_that_is_undone_leaves_only_the_entry_that_it_failed(book: Book) -> None:
    def fail() -> None:
        with book.act(Action.ENROL) as grant, book.database.write():
            grant.note(faces=["f"])
            create(book, "staff")
            raise InvalidParameter

    with pytest.raises(InvalidParameter):
        fail()
    assert collections(book) == []
    (entry,) = book.bodies()
    assert entry["outcome"] == "failed"


def test_an_act_of_many_transactions_has_an_entry_in_each_that_says_something_new(book: Book) -> None:
    with book.act(Action.ENROL) as grant:
        for number in range(3):
            with book.database.write():
                create(book, f"c{number}")
                grant.note(faces=[str(number)])
        create(book, "nothing to say")
    assert [(each["part"], each["facts"]) for each in book.bodies()] == [
        (1, {"faces": ["0"]}),
        (2, {"faces": ["1"]}),
        (3, {"faces": ["2"]}),
    ]
    assert {each["act"] for each in book.bodies()} == {"r1"}


def test_what_a_reading_act_writes_by_the_way_is_not_its_entry(book: Book) -> None:
    with book.act(Action.SEARCH) as grant:
        create(book, "of the index")
        grant.note(gallery_size=1)
    assert [each["facts"] for each in book.bodies()] == [{"gallery_size": 1}]


def test_another_threads_writes_are_not_the_acts(book: Book) -> None:
    with book.act(Action.ENROL):
        other = threading.Thread(target=create, args=(book, "of a background task"))
        other.start()
        other.join()
        assert book.bodies() == []
    assert len(book.bodies()) == 1


# -- the line of writers ---------------------------------------------------------------------------------------------


def test_many_clients_at_once_are_all_recorded_once_in_one_order(book: Book) -> None:
    def client(number: int) -> None:
        for turn in range(25):
            with book.act(request=f"{number}-{turn}"):
                pass

    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acts = [each["act"] for each in book.bodies()]
    assert len(acts) == len(set(acts)) == 400
    assert [each.position for each in book.rows.entries(0, 1000)] == list(range(400))
    for number in range(16):
        mine = [act for act in acts if act.startswith(f"{number}-")]
        assert mine == [f"{number}-{turn}" for turn in range(25)]
    assert book.verify(book.home / "out").checkpoint.size == 400


def test_entries_that_come_together_share_a_commit(book: Book) -> None:
    """While one commit is held up, the others' entries gather, and are written by the next one together."""
    commits: list[int] = []
    commit = book.ledger._commits._write

    def counted(records: Sequence[Record]) -> None:
        commits.append(len(records))
        if len(commits) == 1:
            gathered.wait(30)
        commit(records)

    gathered = threading.Event()
    book.ledger._commits._write = counted
    threads = [threading.Thread(target=book.search) for _ in range(9)]
    threads[0].start()
    while not commits:
        pass
    for thread in threads[1:]:
        thread.start()
    while book.ledger._commits.waiting < 8:
        pass
    gathered.set()
    for thread in threads:
        thread.join()
    assert commits == [1, 8]
    assert len(book.bodies()) == 9


def test_two_processes_write_one_ledger(tmp_path: Path) -> None:
    code = f"import sys; sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}\n" + (
        f"from pathlib import Path\nfrom books import Book\nBook(Path({str(tmp_path)!r})).search(100)"
    )
    book = Book(tmp_path)
    with subprocess.Popen([sys.executable, "-c", code]) as other:
        book.search(100)
        book.checkpoints.make()
        assert other.wait(120) == 0
    book.search()
    assert book.verify(tmp_path / "out").checkpoint.size == 201
    book.close()


# -- time ------------------------------------------------------------------------------------------------------------


def test_a_clock_set_back_a_little_gives_the_time_of_the_entry_before(book: Book) -> None:
    book.moment = NOW
    book.search()
    book.moment = NOW - timedelta(seconds=1.5)
    book.search()
    assert [each["time"] for each in book.bodies()] == ["2026-01-02T03:04:05.678901Z"] * 2


def test_a_clock_set_back_stops_every_act_until_it_is_right(book: Book) -> None:
    book.moment = NOW
    book.search()
    book.moment = NOW - timedelta(hours=1)
    with pytest.raises(InternalServerError, match="clock of this machine is 3600 seconds behind") as refused:
        book.search()
    assert "clock" in refused.value.public
    with pytest.raises(InternalServerError, match="clock"), book.act(Action.ADMINISTER):
        create(book, "staff")
    assert (collections(book), len(book.bodies())) == ([], 1)
    book.moment = NOW
    book.search()
    assert len(book.bodies()) == 2


# -- a full disk -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("needs to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_on_a_full_disk_no_answer_leaves_without_its_entry(small_disk: Path) -> None:
    book, answered = Book(small_disk), [0]

    def search_for_ever() -> None:
        while True:
            with book.act() as grant:
                grant.note(candidates=[{"face": "f" * 36, "similarity": 99.0}] * 500)
            answered[0] += 1

    with pytest.raises(InternalServerError, match="disk that holds the database is full"):
        search_for_ever()
    assert len(book.bodies()) == answered[0] > 0
    book.close()


def test_a_ledger_is_opened_for_each_entry_of_a_command(tmp_path: Path) -> None:
    opened: list[str] = []

    def opening() -> nullcontext[database.Database]:
        opened.append("now")
        return nullcontext(book.database)

    book = Book(tmp_path)
    gate = Gate(RECORDED, Ledger(opening))
    caller = Caller(principal=Principal(access_key_id="", name="ada"), channel=Channel.CLI)
    with gate.open(caller, Act(action=Action.ADMINISTER, operation="keys create")):
        create(book, "staff")
    assert opened == []  # its own transaction held the entry
    with gate.open(caller, Act(action=Action.READ, operation="keys list")):
        pass
    assert opened == ["now"]
    assert len(book.bodies()) == 2
    book.close()
