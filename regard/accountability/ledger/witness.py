"""A witness (C2SP tlog-witness): another organisation's machine, which signs a ledger's checkpoints only as long as
each continues the last one that it saw. Who cuts or changes the ledger then has no signature, or two histories."""

from __future__ import annotations

import hashlib
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from regard.accountability.ledger.ledger_verification import (
    Checkpoint,
    LedgerFault,
    VerifierKey,
    open_checkpoint,
    split_note,
)
from regard.accountability.ledger.merkle_tree import check_consistency
from regard.accountability.ledger.signed_notes import NoteSigner
from regard.files import file_lock, make_folder, replace_file

#: Longest request: 64 hashes and a checkpoint with many signatures.
LONGEST_REQUEST_BYTES = 256 * 1024
_MOST_HASHES = 63


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """What the witness answers over HTTP."""

    status: HTTPStatus
    text: str = ""
    content_type: str = "text/plain; charset=utf-8"


class Witness:
    """Keeps the last checkpoint of each ledger that it knows, in a folder. `logs` are the keys of those ledgers."""

    def __init__(
        self,
        signer: NoteSigner,
        logs: Sequence[VerifierKey],
        folder: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signer = signer
        self._logs: dict[str, list[VerifierKey]] = {}
        for key in logs:
            self._logs.setdefault(key.name, []).append(key)
        self._folder = folder
        self._clock = clock
        make_folder(folder)

    def add_checkpoint(self, request: bytes) -> WitnessAnswer:
        """Cosign the checkpoint in a request if it continues what was seen; remembered before this returns."""
        try:
            old, proof, signed = _parsed(request)
            note, _ = split_note(signed)
            checkpoint = Checkpoint.parse(note)
        except (LedgerFault, ValueError) as error:
            return WitnessAnswer(HTTPStatus.BAD_REQUEST, f"{error}\n")
        keys = self._logs.get(checkpoint.origin)
        if keys is None:
            return WitnessAnswer(HTTPStatus.NOT_FOUND, "This witness does not know that ledger.\n")
        try:
            open_checkpoint(signed, keys)
        except LedgerFault as fault:
            return WitnessAnswer(HTTPStatus.FORBIDDEN, f"{fault}\n")
        if old > checkpoint.size:
            return WitnessAnswer(HTTPStatus.BAD_REQUEST, "The old size is above the checkpoint's.\n")
        file = self._folder / f"{hashlib.sha256(checkpoint.origin.encode()).hexdigest()}.checkpoint"
        with file_lock(file.with_suffix(".lock")):
            return self._compared(file, old, checkpoint, proof, signed)

    def _compared(
        self, file: Path, old: int, checkpoint: Checkpoint, proof: Sequence[bytes], signed: str
    ) -> WitnessAnswer:
        seen = Checkpoint.parse(split_note(file.read_text(encoding="utf-8"))[0]) if file.exists() else None
        size = seen.size if seen else 0
        if old != size:
            return WitnessAnswer(HTTPStatus.CONFLICT, f"{size}\n", "text/x.tlog.size")
        if seen and checkpoint.size == seen.size and checkpoint.root != seen.root:
            return WitnessAnswer(HTTPStatus.CONFLICT, f"{size}\n", "text/x.tlog.size")
        try:
            check_consistency(old, checkpoint.size, seen.root if seen else b"", checkpoint.root, proof)
        except LedgerFault as fault:
            return WitnessAnswer(HTTPStatus.UNPROCESSABLE_ENTITY, f"{fault}\n")
        with replace_file(file) as stream:
            stream.write(signed.encode())
        return WitnessAnswer(HTTPStatus.OK, self._signer.lines(checkpoint, int(self._clock())))


def _parsed(request: bytes) -> tuple[int, list[bytes], str]:
    """The old size, the proof and the signed checkpoint. Raises ValueError."""
    head, _, signed = request.decode().partition("\n\n")
    first, *hashes = head.split("\n")
    name, _, size = first.partition(" ")
    if (
        name != "old"
        or not size.isascii()
        or not size.isdigit()
        or str(int(size)) != size
        or len(hashes) > _MOST_HASHES
    ):
        raise ValueError("This is no request to add a checkpoint.")
    proof = [b64decode(each, validate=True) for each in hashes]
    if any(len(each) != 32 for each in proof):
        raise ValueError("The proof is damaged.")
    return int(size), proof, signed
