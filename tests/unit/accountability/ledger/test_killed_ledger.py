"""A process that is killed leaves an entry of everything it did, and of nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from books import Book
from test_ledger import collections

KILLED = """
import os, sys
from pathlib import Path
sys.path[:0] = {path!r}
from books import Book
from regard.domain.authority import Action
from regard.store import ledger_rows
from regard.store.collection_rows import CollectionRows
from test_ledger import NOW, create
book = Book(Path({home!r}))
add, where = ledger_rows.add_entries, {where!r}
def dying(*given):
    if where == "before the entry":
        os.kill(os.getpid(), 9)
    add(*given)
    if where == "before the commit":
        os.kill(os.getpid(), 9)
ledger_rows.add_entries = dying
with book.act(Action.ADMINISTER):
    create(book, "staff")
    if where == "after the commit":
        os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("where", ["before the entry", "before the commit", "after the commit"])
@pytest.mark.slow
def test_a_process_killed_between_act_and_entry_leaves_both_or_neither(tmp_path: Path, where: str) -> None:
    path = [str(Path(__file__).parent), *sys.path]
    code = KILLED.format(path=path, home=str(tmp_path), where=where)
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, check=False)
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    book = Book(tmp_path)
    done = where == "after the commit"
    assert (len(collections(book)), len(book.bodies())) == (int(done), int(done))
    book.search()
    assert book.verify(tmp_path / "out").checkpoint.size == done + 1
    book.close()


ANSWERING = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from books import Book
book = Book(Path({home!r}))
while True:
    with book.act():
        pass
    print("answered", flush=True)
"""


@pytest.mark.slow
def test_every_answer_that_left_a_killed_process_has_its_entry(tmp_path: Path) -> None:
    path = [str(Path(__file__).parent), *sys.path]
    code, answers = ANSWERING.format(path=path, home=str(tmp_path)), 0
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while answers < 50:
            answers += process.stdout.readline() == b"answered\n"
        process.kill()
        answers += process.stdout.read().count(b"answered\n")
    book = Book(tmp_path)
    assert answers <= len(book.bodies()) <= answers + 1
    assert book.verify(tmp_path / "out").checkpoint.size == len(book.bodies())
    book.close()
