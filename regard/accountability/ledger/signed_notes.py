"""Signing checkpoints as C2SP's notes: with Ed25519, and with ML-DSA-44 where the installed `cryptography` has it."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from regard.accountability.ledger.ledger_verification import (
    ED25519,
    ED25519_COSIGNATURE,
    ML_DSA_44,
    Checkpoint,
    VerifierKey,
    subtree_message,
)

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
except ImportError:  # before version 47
    MLDSA44PrivateKey = None  # type: ignore[assignment,misc]


@dataclass(frozen=True, slots=True)
class _Signing:
    """One key: how a third party names it, and how it signs a note at a time (seconds since 1970)."""

    key: VerifierKey
    sign: Callable[[str, int], bytes] = field(repr=False)

    def line(self, note: str, time: int) -> str:
        return f"\N{EM DASH} {self.key.name} {encoded(self.key.key_id + self.sign(note, time))}\n"


class NoteSigner:
    """Signs notes under one name, with every key that this machine can use."""

    def __init__(self, signings: Sequence[_Signing]) -> None:
        self._signings = signings

    @classmethod
    def of_log(cls, name: str, derive: Callable[[str], bytes]) -> NoteSigner:
        """The keys of a ledger; `derive` gives 32 secret bytes for each purpose."""
        return cls([_ed25519(name, derive("ledger ed25519")), *_ml_dsa_44(name, derive("ledger ml-dsa-44"))])

    @classmethod
    def of_witness(cls, name: str, derive: Callable[[str], bytes]) -> NoteSigner:
        """The keys of a witness, whose signatures say when it saw a checkpoint."""
        first = _ed25519_cosignature(name, derive("witness ed25519"))
        return cls([first, *_ml_dsa_44(name, derive("witness ml-dsa-44"))])

    @property
    def keys(self) -> list[VerifierKey]:
        """What verifies the signatures, Ed25519 first."""
        return [each.key for each in self._signings]

    def lines(self, checkpoint: Checkpoint, time: int) -> str:
        """The signature lines of a checkpoint."""
        note = note_of(checkpoint)
        return "".join(each.line(note, time) for each in self._signings)

    def sign(self, checkpoint: Checkpoint, time: int) -> str:
        """The checkpoint as a signed note."""
        return f"{note_of(checkpoint)}\n{self.lines(checkpoint, time)}"


def note_of(checkpoint: Checkpoint) -> str:
    """A checkpoint as the text of a note (tlog-checkpoint)."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encoded(checkpoint.root)}\n"


def shown(key: VerifierKey) -> str:
    """A key as people hand it on (signed-note, verifier keys)."""
    return f"{key.name}+{key.key_id.hex()}+{encoded(bytes([key.kind]) + key.public)}"


def encoded(data: bytes) -> str:
    return b64encode(data).decode()


def _ed25519(name: str, seed: bytes) -> _Signing:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = VerifierKey.of(name, ED25519, private.public_key().public_bytes_raw())
    return _Signing(key, lambda note, _: private.sign(note.encode()))


def _ed25519_cosignature(name: str, seed: bytes) -> _Signing:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = VerifierKey.of(name, ED25519_COSIGNATURE, private.public_key().public_bytes_raw())

    def sign(note: str, time: int) -> bytes:
        return struct.pack(">Q", time) + private.sign(f"cosignature/v1\ntime {time}\n{note}".encode())

    return _Signing(key, sign)


def _ml_dsa_44(name: str, seed: bytes) -> list[_Signing]:
    """Nothing where the library, or what it was built with, does not have it."""
    if MLDSA44PrivateKey is None:
        return []
    try:
        private = MLDSA44PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm:
        return []
    key = VerifierKey.of(name, ML_DSA_44, private.public_key().public_bytes_raw())

    def sign(note: str, time: int) -> bytes:
        return struct.pack(">Q", time) + private.sign(subtree_message(name, time, Checkpoint.parse(note)))

    return [_Signing(key, sign)]
