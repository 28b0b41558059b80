"""Entries that come at the same moment share a commit, whoever comes back first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import sleep

import pytest

from regard.accountability.ledger.entry import Record
from regard.accountability.ledger.group_commit import GroupCommit
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.errors import InternalServerError

CALLER = Caller(principal=Principal(access_key_id="K", name="ada"), channel=Channel.AWS)


def record() -> Record:
    return Record(CALLER, Act(action=Action.SEARCH, operation="SearchFaces"), "recorded")


def together(clients: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Disk:
    """Remembers how many records each commit had; a commit takes as long as that of a slow disk."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.commits: list[int] = []
        self._seconds = seconds

    def write(self, records: Sequence[Record]) -> None:
        sleep(self._seconds)
        self.commits.append(len(records))


@pytest.mark.slow
def test_who_comes_back_first_is_not_written_alone_while_the_others_wait() -> None:
    """Were they not waited for, one and seven of the eight would be written by turns: sixteen commits, not nine."""
    disk = Disk(seconds=0.2)
    commits = GroupCommit(disk.write)

    def client() -> None:
        for _ in range(8):
            commits.add(record())

    together(8, client)
    assert sum(disk.commits) == 64
    assert len(disk.commits) <= 14


def test_who_knows_that_others_come_is_written_with_the_last_of_them() -> None:
    disk = Disk()
    commits = GroupCommit(disk.write)
    commits.patience = 30.0

    threads = [threading.Thread(target=commits.add, args=[record()], kwargs={"others": True}) for _ in range(4)]
    for thread in threads:
        thread.start()
    while commits.waiting < 4:
        sleep(0.001)
    assert disk.commits == []
    commits.add(record())
    for thread in threads:
        thread.join(10)
    assert disk.commits == [5]


def test_if_the_others_do_not_come_it_is_written_all_the_same() -> None:
    disk = Disk()
    commits = GroupCommit(disk.write)
    together(3, lambda: commits.add(record(), others=True))
    assert sum(disk.commits) == 3


def test_whoever_comes_during_a_commit_and_knows_of_no_others_is_written_next() -> None:
    disk = Disk(seconds=0.1)
    commits = GroupCommit(disk.write)
    commits.patience = 30.0
    together(6, lambda: commits.add(record()))
    assert sum(disk.commits) == 6


def test_a_client_is_not_kept_for_those_who_have_left() -> None:
    disk = Disk(seconds=0.01)
    commits = GroupCommit(disk.write)
    together(4, lambda: commits.add(record()))
    before = len(disk.commits)
    for _ in range(3):
        commits.add(record())
    assert disk.commits[before:] == [1, 1, 1]


def test_every_client_of_a_commit_that_failed_is_told_and_the_next_one_is_written() -> None:
    disk, told = Disk(), []
    fails = True

    def write(records: Sequence[Record]) -> None:
        if fails:
            raise InternalServerError("detail", public="The disk is full.")
        disk.write(records)

    commits = GroupCommit(write)

    def client() -> None:
        with pytest.raises(InternalServerError) as raised:
            commits.add(record())
        told.append(raised.value.public)

    together(8, client)
    assert told == ["The disk is full."] * 8
    fails = False
    commits.add(record())
    assert disk.commits == [1]


def test_a_fault_of_the_program_is_an_error_for_every_client_too() -> None:
    def write(_: Sequence[Record]) -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        GroupCommit(write).add(record())
