from __future__ import annotations

import pytest
from books import derived

from regard.accountability.ledger import ledger_verification, signed_notes
from regard.accountability.ledger.ledger_verification import (
    ED25519,
    ML_DSA_44,
    Checkpoint,
    LedgerFault,
    VerifierKey,
    open_checkpoint,
)
from regard.accountability.ledger.signed_notes import NoteSigner, note_of, shown

CHECKPOINT = Checkpoint("regard.local/test", 20852163, bytes(range(32)))
LOG = NoteSigner.of_log("regard.local/test", derived("log"))
WITNESS = NoteSigner.of_witness("witness.example", derived("witness"))
#: A tree head of Go's checksum database, and its key: what others have signed.
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_NOTE = """go.sum database tree
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""


def test_a_note_of_gos_checksum_database_is_verified() -> None:
    key = VerifierKey.parse(GO_KEY)
    assert shown(key) == GO_KEY
    assert open_checkpoint(GO_NOTE, [key]).size == 20852163
    with pytest.raises(LedgerFault, match=r"signature of sum\.golang\.org is wrong"):
        open_checkpoint(GO_NOTE.replace("20852163", "20852164"), [key])


def test_a_ledger_signs_with_both_kinds_of_key() -> None:
    assert [key.kind for key in LOG.keys] == [ED25519, ML_DSA_44]
    signed = LOG.sign(CHECKPOINT, 1_700_000_000)
    for key in LOG.keys:
        assert open_checkpoint(signed, [VerifierKey.parse(shown(key))]) == CHECKPOINT


def test_without_ml_dsa_in_the_library_there_is_one_key_and_the_verifier_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signed = LOG.sign(CHECKPOINT, 1)
    monkeypatch.setattr(signed_notes, "MLDSA44PrivateKey", None)
    monkeypatch.setattr(ledger_verification, "MLDSA44PublicKey", None)
    older = NoteSigner.of_log("regard.local/test", derived("log"))
    assert older.keys == LOG.keys[:1]
    assert open_checkpoint(signed, older.keys) == CHECKPOINT
    with pytest.raises(LedgerFault, match="needs version 47 or later of the package cryptography"):
        open_checkpoint(signed, LOG.keys)


@pytest.mark.parametrize("key", [*LOG.keys, *WITNESS.keys], ids=lambda key: f"{key.name} {key.kind}")
def test_what_was_changed_after_it_was_signed_is_refused(key: VerifierKey) -> None:
    signed = LOG.sign(CHECKPOINT, 1) + WITNESS.lines(CHECKPOINT, 2)
    assert open_checkpoint(signed, [key]) == CHECKPOINT
    other = note_of(Checkpoint(CHECKPOINT.origin, CHECKPOINT.size - 1, CHECKPOINT.root))
    with pytest.raises(LedgerFault, match=f"signature of {key.name} is wrong"):
        open_checkpoint(signed.replace(note_of(CHECKPOINT), other), [key])


def test_every_key_given_must_have_signed() -> None:
    stranger = NoteSigner.of_log("regard.local/test", derived("another"))
    with pytest.raises(LedgerFault, match=r"not signed by regard\.local/test"):
        open_checkpoint(LOG.sign(CHECKPOINT, 1), [LOG.keys[0], stranger.keys[0]])
    with pytest.raises(LedgerFault, match="No key was given"):
        open_checkpoint(LOG.sign(CHECKPOINT, 1), [])


def test_a_ledgers_key_does_not_pass_for_a_witness() -> None:
    with pytest.raises(LedgerFault, match="not signed by"):
        open_checkpoint(LOG.sign(CHECKPOINT, 1), WITNESS.keys)


@pytest.mark.parametrize("text", ["", "name", "name+00000000+!", GO_KEY.replace("033de0ae", "033de0af"), GO_KEY[:-4]])
def test_a_damaged_key_is_refused(text: str) -> None:
    with pytest.raises(LedgerFault):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "damage",
    [
        lambda note: note.replace("— ", "- "),
        lambda note: note.rstrip("\n"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("20852163", "020852163"),
        lambda note: note.partition("\n\n")[0] + "\n\n— x !\n",
    ],
)
def test_a_damaged_note_is_refused(damage: object) -> None:
    assert callable(damage)
    with pytest.raises(LedgerFault):
        open_checkpoint(damage(LOG.sign(CHECKPOINT, 1)), [LOG.keys[0]])
