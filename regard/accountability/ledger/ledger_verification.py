"""Verify a ledger of Regard, or one receipt from it, with nothing but this file, Python and the package `cryptography`.

    python ledger_verification.py EXPORT --key KEY [--checkpoint FILE] [--witness KEY]
    python ledger_verification.py RECEIPT.tlog-proof --key KEY

Nothing else of Regard is imported: whoever checks the record need not trust the software that wrote it. The formats are
RFC 6962 (the tree) and C2SP's signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles and tlog-proof. An entry's
data in the tree is SHA-256(salt, body): a body may be erased, and every proof still holds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:  # before version 47
    MLDSA44PublicKey = None  # type: ignore[assignment,misc]

#: Hashes in a tile (tlog-tiles).
TILE = 256
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
#: What signed, by the type in a key (signed-note; tlog-cosignature).
ED25519, ED25519_COSIGNATURE, ML_DSA_44 = 0x01, 0x04, 0x06
_MOST_SIGNATURES = 64


class LedgerFault(Exception):
    """What is wrong, for a person."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(nodes: Sequence[bytes]) -> bytes:
    """The root above these hashes, of which all but the last have equally many leaves, a power of two."""
    if not nodes:
        return hashlib.sha256().digest()
    sha256, row = hashlib.sha256, list(nodes)
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        row = [sha256(b"\1" + a + b).digest() for a, b in zip(row[::2], row[1::2], strict=False)] + odd
    return row[0]


def split(size: int) -> int:
    """How many leaves are in the left part of a tree: the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that a proof of inclusion leads to. Raises LedgerFault if it has the wrong length."""
    if not 0 <= index < size:
        raise LedgerFault(f"There is no entry {index} in a ledger of {size}.")
    sides: list[bool] = []  # from the root down: whether the leaf is on the left
    while size > 1:
        left = split(size)
        sides.append(index < left)
        index, size = (index, left) if index < left else (index - left, size - left)
    if len(proof) != len(sides):
        raise LedgerFault("The proof has the wrong length.")
    found = leaf
    for is_left, other in zip(reversed(sides), proof, strict=True):
        found = node_hash(found, other) if is_left else node_hash(other, found)
    return found


@dataclass(frozen=True)
class VerifierKey:
    """A public key as C2SP writes it: name+id+base64(type, key)."""

    name: str
    key_id: bytes
    kind: int
    public: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Raises LedgerFault."""
        parts = text.strip().split("+", 2)
        try:
            name, key_id, material = parts[0], bytes.fromhex(parts[1]), b64decode(parts[2], validate=True)
        except (IndexError, ValueError) as error:
            raise LedgerFault(f"{text[:60]!r} is no key; one looks like name+0123abcd+base64.") from error
        found = cls.of(name, material[0] if material else 0, material[1:])
        if found.key_id != key_id or len(found.public) != _LENGTHS.get(found.kind):
            raise LedgerFault(f"The key {text[:60]!r} is damaged, or of a kind that is not known here.")
        return found

    @classmethod
    def of(cls, name: str, kind: int, public: bytes) -> VerifierKey:
        key_id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]
        return cls(name, key_id, kind, public)

    def verify(self, note: str, signature: bytes) -> None:
        """Return if this key signed the note's text. Raises LedgerFault."""
        try:
            if self.kind == ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, note.encode())
                return
            (time,), signed = struct.unpack(">Q", signature[:8]), signature[8:]
            if self.kind == ED25519_COSIGNATURE:
                message = f"cosignature/v1\ntime {time}\n{note}".encode()
                Ed25519PublicKey.from_public_bytes(self.public).verify(signed, message)
            elif MLDSA44PublicKey is None:
                raise LedgerFault("A key of ML-DSA-44 needs version 47 or later of the package cryptography.")
            else:
                message = subtree_message(self.name, time, Checkpoint.parse(note))
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signed, message)
        except (InvalidSignature, ValueError, struct.error) as error:
            raise LedgerFault(f"The signature of {self.name} is wrong: what it signed was changed.") from error


_LENGTHS = {ED25519: 32, ED25519_COSIGNATURE: 32, ML_DSA_44: 1312}


@dataclass(frozen=True)
class Checkpoint:
    """How many entries a ledger had, and the root of their tree."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """From a note's text. Raises LedgerFault."""
        lines = note.split("\n")
        try:
            origin, size, root = lines[0], int(lines[1]), b64decode(lines[2], validate=True)
        except (IndexError, ValueError) as error:
            raise LedgerFault("This is no checkpoint.") from error
        if not origin or str(size) != lines[1] or size < 0 or len(root) != 32:
            raise LedgerFault("This is no checkpoint.")
        return cls(origin, size, root)


def subtree_message(name: str, time: int, checkpoint: Checkpoint) -> bytes:
    """What ML-DSA-44 signs (tlog-cosignature, `cosigned_message`)."""
    cosigner, origin = (bytes([len(text)]) + text for text in (name.encode(), checkpoint.origin.encode()))
    numbers = struct.pack(">QQ", 0, checkpoint.size)
    return b"subtree/v1\n\0" + cosigner + struct.pack(">Q", time) + origin + numbers + checkpoint.root


def split_note(signed: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """A note's text, and its signatures: name, key id, signature. Raises LedgerFault."""
    text, blank, lines = signed.rpartition("\n\n")
    if not blank or not signed.endswith("\n"):
        raise LedgerFault("This is no signed note: it has no signatures.")
    found = []
    for line in lines.rstrip("\n").split("\n")[:_MOST_SIGNATURES]:
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        try:
            signature = b64decode(encoded, validate=True)
        except ValueError as error:
            raise LedgerFault("A signature line is damaged.") from error
        if dash != "\N{EM DASH}" or not name or len(signature) < 5:
            raise LedgerFault("A signature line is damaged.")
        found.append((name, signature[:4], signature[4:]))
    return text + "\n", found


def open_checkpoint(signed: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint in a signed note that every one of `keys` has signed. Raises LedgerFault."""
    if not keys:
        raise LedgerFault("No key was given: without one anybody could have signed.")
    note, signatures = split_note(signed)
    for key in keys:
        mine = [signature for name, key_id, signature in signatures if (name, key_id) == (key.name, key.key_id)]
        if not mine:
            raise LedgerFault(f"The checkpoint is not signed by {key.name}, key {key.key_id.hex()}.")
        for signature in mine:
            key.verify(note, signature)
    return Checkpoint.parse(note)


@dataclass
class Findings:
    """What an export holds: how many bodies were erased, and the times of the first and last that are there."""

    checkpoint: Checkpoint
    erased: int = 0
    first: str = ""
    last: str = ""


def tile_path(number: int, width: int = TILE) -> str:
    """The name of a tile in its level's folder (tlog-tiles)."""
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03}")
    return "/".join(parts) + (f".p/{width}" if width < TILE else "")


def tile_width(size: int, level: int, number: int) -> int:
    """How many hashes that tile has in a tree of `size` leaves."""
    return max(0, min(TILE, (size >> (8 * level)) - number * TILE))


def verify_export(
    folder: Path, keys: Sequence[VerifierKey], earlier: Iterable[str] = (), witnesses: Sequence[VerifierKey] = ()
) -> Findings:
    """What an export holds, if it is whole: signed by all `keys` and cosigned by all `witnesses`; every entry in its
    place; every body unchanged, or erased by an entry that says so; times that never go back; and beginning as the
    `earlier` checkpoints say. Raises LedgerFault."""
    signed = _read(folder / "checkpoint").decode("utf-8", "replace")
    checkpoint = open_checkpoint(signed, [*keys, *witnesses] if keys else ())
    findings = Findings(checkpoint)
    past = [_past(each, keys, checkpoint) for each in earlier]
    missing: set[int] = set()
    roots: list[bytes] = []
    for number in range(-(-checkpoint.size // TILE)):
        start, width = number * TILE, tile_width(checkpoint.size, 0, number)
        leaves = _leaves(folder, number, width)
        _check_bodies(_bodies(folder, number, width), leaves, start, findings, missing)
        hashes = [leaf_hash(leaf) for leaf in leaves]
        _check_tile(folder, 0, number, hashes)
        for each in past:
            if start < each.size <= start + width:
                _check_root(each, [*roots, tree_root(hashes[: each.size - start])])
        roots.append(tree_root(hashes))
    _check_root(checkpoint, roots)
    _check_upper_tiles(folder, roots[: checkpoint.size // TILE])
    if missing:
        raise LedgerFault(f"The body of entry {min(missing)} is gone, and no entry says that it was erased.")
    return findings


def _past(signed: str, keys: Sequence[VerifierKey], now: Checkpoint) -> Checkpoint:
    then = open_checkpoint(signed, keys)
    if then.origin != now.origin:
        raise LedgerFault(f"The earlier checkpoint is of another ledger, {then.origin}.")
    if then.size > now.size:
        raise LedgerFault(f"The ledger was cut, or set back: it had {then.size} entries and now has {now.size}.")
    return then


def _check_root(checkpoint: Checkpoint, nodes: Sequence[bytes]) -> None:
    if tree_root(nodes) != checkpoint.root:
        raise LedgerFault(f"The first {checkpoint.size} entries are not those that the checkpoint was signed for.")


def _check_tile(folder: Path, level: int, number: int, hashes: Sequence[bytes]) -> None:
    name = f"tile/{level}/{tile_path(number, len(hashes))}"
    if _read(folder / name) != b"".join(hashes):
        raise LedgerFault(f"{name} does not belong to the entries.")


def _check_upper_tiles(folder: Path, full: Sequence[bytes]) -> None:
    level = 1
    while full:
        groups = [full[start : start + TILE] for start in range(0, len(full), TILE)]
        for number, hashes in enumerate(groups):
            _check_tile(folder, level, number, hashes)
        full, level = [tree_root(hashes) for hashes in groups if len(hashes) == TILE], level + 1


def _leaves(folder: Path, number: int, width: int) -> list[bytes]:
    """The entries of a bundle, each 32 bytes after its length in two."""
    name = f"tile/entries/{tile_path(number, width)}"
    bundle = _read(folder / name)
    found = [bundle[start : start + 34] for start in range(0, len(bundle), 34)]
    if len(bundle) != 34 * width or any(not each.startswith(b"\0\x20") for each in found):
        raise LedgerFault(f"{name} is damaged, or entries are missing.")
    return [each[2:] for each in found]


def _bodies(folder: Path, number: int, width: int) -> list[bytes]:
    """A line for each entry: the salt in hexadecimal, a space and the body in JSON; "-" where it was erased."""
    name = f"bodies/{tile_path(number, width)}"
    lines = _read(folder / name).split(b"\n")
    if lines.pop() != b"" or len(lines) != width:
        raise LedgerFault(f"{name} is damaged, or bodies are missing.")
    return lines


def _check_bodies(
    lines: Sequence[bytes], leaves: Sequence[bytes], start: int, findings: Findings, missing: set[int]
) -> None:
    for index, (line, leaf) in enumerate(zip(lines, leaves, strict=True), start):
        if line == b"-":
            missing.add(index)
            continue
        salt, _, body = line.partition(b" ")
        said = open_body(salt, body, leaf, index)
        time = said["time"]
        if time < findings.last:
            raise LedgerFault(f"Entry {index} is back-dated: it is of {time}, and one before it of {findings.last}.")
        findings.first, findings.last = findings.first or time, time
        erased = said["facts"].get("erased", ()) if said.get("outcome") == "allowed" else ()
        for first, last in erased:
            gone = missing.intersection(range(first, min(last, index - 1) + 1))
            findings.erased += len(gone)
            missing -= gone


def open_body(salt: bytes, body: bytes, leaf: bytes, index: int) -> dict[str, Any]:
    """What an entry says, if it is what `leaf` was made of; `salt` is in hexadecimal. Raises LedgerFault."""
    try:
        if hashlib.sha256(bytes.fromhex(salt.decode()) + body).digest() != leaf:
            raise LedgerFault(f"The body of entry {index} was changed.")
        said: dict[str, Any] = json.loads(body)
        if not (isinstance(said["time"], str) and isinstance(said["facts"], dict)):
            raise ValueError("no time, or no facts")
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerFault(f"The body of entry {index} is damaged.") from error
    return said


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise LedgerFault(f"{file} cannot be read: {error.strerror}.") from error


@dataclass(frozen=True)
class Receipt:
    """One entry, and the checkpoint of a ledger that it is in."""

    index: int
    body: dict[str, Any]
    checkpoint: Checkpoint


def verify_receipt(text: str, keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()) -> Receipt:
    """What a .tlog-proof proves, if it was signed by all `keys` and cosigned by all `witnesses`. Raises LedgerFault."""
    head, _, signed = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != PROOF_HEADER or len(lines) < 3 or not lines[1].startswith("extra ") or lines[2][:6] != "index ":
        raise LedgerFault(
            f"This is no receipt: a .tlog-proof begins with the line {PROOF_HEADER}, not {lines[0][:60]!r}."
        )
    try:
        extra, index = b64decode(lines[1][6:], validate=True), int(lines[2][6:])
        proof = [b64decode(line, validate=True) for line in lines[3:]]
    except ValueError as error:
        raise LedgerFault("The receipt is damaged.") from error
    checkpoint = open_checkpoint(signed, [*keys, *witnesses] if keys else ())
    leaf = hashlib.sha256(extra).digest()
    if root_from_inclusion(leaf_hash(leaf), index, checkpoint.size, proof) != checkpoint.root:
        raise LedgerFault(f"The ledger has another entry {index} than the one in this receipt.")
    return Receipt(index, open_body(extra[:16].hex().encode(), extra[16:], leaf, index), checkpoint)


def report(place: Path, keys: Sequence[str], earlier: Sequence[Path] = (), witnesses: Sequence[str] = ()) -> str:
    """What was verified, in words. Raises LedgerFault."""
    trusted, seen_by = ([VerifierKey.parse(key) for key in each] for each in (keys, witnesses))
    cosigned = f" It is cosigned by {', '.join(key.name for key in seen_by)}." if seen_by else ""
    if place.is_dir():
        past = [_read(file).decode("utf-8", "replace") for file in earlier]
        found = verify_export(place, trusted, past, seen_by)
        between = f", from {found.first} to {found.last}" if found.first else ""
        erased = f" The bodies of {found.erased:,} were erased, each by an entry that says so." if found.erased else ""
        return (
            f"{found.checkpoint.origin}: {found.checkpoint.size:,} entries{between}. All are whole.{erased}{cosigned}"
        )
    receipt = verify_receipt(_read(place).decode("utf-8", "replace"), trusted, seen_by)
    body = json.dumps(receipt.body, indent=1)
    which = f"entry {receipt.index:,} of {receipt.checkpoint.size:,}"
    return f"{receipt.checkpoint.origin}: {which} is in the ledger.{cosigned}\n{body}"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if everything is as it was signed, 1 if not."""
    parser = argparse.ArgumentParser(description="Verify a ledger of Regard, or a receipt.")
    parser.add_argument("place", type=Path, help="a folder that `regard ledger export` wrote, or a receipt")
    parser.add_argument("--key", action="append", help="a key of the ledger; all given must have signed")
    parser.add_argument("--checkpoint", action="append", type=Path, help="a checkpoint that you kept earlier")
    parser.add_argument("--witness", action="append", help="a witness's key; all given must have cosigned")
    given = parser.parse_args(arguments)
    try:
        sys.stdout.write(report(given.place, given.key or (), given.checkpoint or (), given.witness or ()) + "\n")
    except LedgerFault as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
