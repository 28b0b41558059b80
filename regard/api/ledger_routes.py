"""`/v1/ledger`: what was recorded, in sentences, and the proofs to verify it with."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Annotated, Any

from fastapi import Query
from starlette.responses import Response, StreamingResponse

from regard.accountability.ledger.ledger_access import LedgerAccess
from regard.accountability.ledger.ledger_reading import MOST_ENTRIES, EntryPage, LedgerReading, ReadEntry
from regard.accountability.ledger.sentences import holders, sentence
from regard.accountability.people import People
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Key, Shown
from regard.domain.authority import Action

_TAR, _PIECE_BYTES = "application/x-tar", 1 << 20
#: Of the largest number of an entry; what is longer is no number, and may be the id of a request.
_DIGITS = 18
Position = Annotated[Key, Query()]


class EntryShown(Shown):
    """An entry. `leaf` is SHA-256 of `salt` and then `body`, all but `body` in hexadecimal; `said` is the body, read.
    Where the body was erased, only the leaf is left."""

    position: int
    leaf: str
    salt: str | None
    body: str | None
    said: dict[str, Any] | None
    sentence: str

    @classmethod
    def of(cls, read: ReadEntry, names: Mapping[str, str]) -> EntryShown:
        entry, said = read.entry, read.said
        return cls(
            position=entry.position,
            leaf=entry.leaf.hex(),
            salt=None if entry.salt is None else entry.salt.hex(),
            body=None if entry.body is None else entry.body.decode(),
            said=None if said is None else dict(said),
            sentence="What it said was erased." if said is None else sentence(said, names),
        )


class EntriesShown(Shown):
    """Entries in the order they were written, of `size` in all; and the names of those who acted, by their ids."""

    size: int
    entries: list[EntryShown]
    names: dict[str, str]


class KeysShown(Shown):
    """The public keys to verify with, as C2SP writes them, Ed25519 first."""

    keys: list[str]


class CheckpointShown(Shown):
    """How many entries there are and the hash above them, signed (C2SP tlog-checkpoint)."""

    size: int
    note: str


class ProofShown(Shown):
    """The hashes of a proof (RFC 6962), each in hexadecimal."""

    hashes: list[str]


class ReceiptShown(Shown):
    """What an entry says, and the proof that it is in the ledger (C2SP tlog-proof)."""

    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRoutes:
    ledger: LedgerAccess
    reading: LedgerReading
    people: People

    def routes(self) -> tuple[NativeRoute, ...]:
        read = Action.READ
        return (
            NativeRoute("GET", "/ledger/entries", self.entries, read, "Read what was recorded"),
            NativeRoute("GET", "/ledger/keys", self.keys, read, "The public keys to verify it with"),
            NativeRoute("POST", "/ledger/checkpoint", self.checkpoint, read, "Sign how many entries there are"),
            NativeRoute("GET", "/ledger/inclusion", self.inclusion, read, "Prove that an entry is there"),
            NativeRoute("GET", "/ledger/consistency", self.consistency, read, "Prove that nothing was changed"),
            NativeRoute(
                "GET", "/ledger/export", self.export, Action.EXPORT, "The whole ledger, as a tar", media=(_TAR,)
            ),
            NativeRoute("GET", "/ledger/receipts/{entry}", self.receipt, read, "A receipt, by number or request"),
        )

    def entries(
        self,
        call: Call,
        start: Position | None = None,
        count: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100,
    ) -> EntriesShown:
        page = self.reading.page(call.grant, start, count)
        names = self.people.names(call.grant, _acting(page))
        return EntriesShown(size=page.size, entries=[EntryShown.of(each, names) for each in page.entries], names=names)

    def keys(self, call: Call) -> KeysShown:
        return KeysShown(keys=self.ledger.keys(call.grant))

    def checkpoint(self, call: Call) -> CheckpointShown:
        return CheckpointShown.model_validate(self.ledger.checkpoint(call.grant))

    def inclusion(self, call: Call, position: Position, size: Position) -> ProofShown:
        return ProofShown(hashes=[each.hex() for each in self.reading.inclusion(call.grant, position, size)])

    def consistency(self, call: Call, first: Position, second: Position) -> ProofShown:
        return ProofShown(hashes=[each.hex() for each in self.reading.consistency(call.grant, first, second)])

    def export(self, call: Call) -> Response:
        with TemporaryDirectory() as folder:
            self.ledger.export(call.grant, Path(folder) / "ledger", lambda *_: None)
            packed = TemporaryFile()  # noqa: SIM115 - it is gone once it was sent, or once nobody takes it
            with tarfile.open(fileobj=packed, mode="w") as tar:
                tar.add(Path(folder) / "ledger", "ledger")
        packed.seek(0)
        headers = {"Content-Disposition": 'attachment; filename="ledger.tar"'}
        return StreamingResponse(_pieces(packed), headers=headers, media_type=_TAR)

    def receipt(self, call: Call, entry: str) -> ReceiptShown:
        number = entry.isascii() and entry.isdigit() and len(entry) <= _DIGITS
        position = int(entry) if number else self.ledger.positions(call.grant, entry)[0]
        return ReceiptShown(receipt=self.ledger.receipt(call.grant, position))


def _pieces(packed: IO[bytes]) -> Iterator[bytes]:
    with packed:
        while piece := packed.read(_PIECE_BYTES):
            yield piece


def _acting(page: EntryPage) -> set[str]:
    return {each for read in page.entries if read.said is not None for each in holders(read.said)}
