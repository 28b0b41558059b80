"""Asking witnesses to cosign a checkpoint (C2SP tlog-witness)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from regard.accountability.ledger.checkpoints import LedgerCheckpoints
from regard.accountability.ledger.ledger_verification import LedgerFault, VerifierKey, open_checkpoint
from regard.accountability.ledger.signed_notes import encoded
from regard.store.ledger_rows import StoredCheckpoint

_SECONDS = 20.0
#: A longer answer is none: a dozen signatures of 2,420 bytes.
_LONGEST_ANSWER = 64 * 1024


def cosign(
    checkpoints: LedgerCheckpoints, checkpoint: StoredCheckpoint, url: str, keys: Sequence[VerifierKey]
) -> StoredCheckpoint:
    """The checkpoint with the signature of the witness at `url`, which must be of all `keys`; kept so.

    Raises LedgerFault where the witness does not sign: it may have seen another history.
    """
    status, answer = _ask(checkpoints, checkpoint, url, old=0)
    if status == 409:
        seen = answer.strip()
        if not seen.isdigit():
            raise LedgerFault(f"The witness {url} answers what no witness does.")
        if int(seen) > checkpoint.size:
            raise LedgerFault(
                f"The witness {url} has seen {seen} entries of this ledger, which now has {checkpoint.size}: it was "
                "cut, or the database was set back to an earlier day."
            )
        status, answer = _ask(checkpoints, checkpoint, url, old=int(seen))
    if status in (409, 422):
        raise LedgerFault(f"The witness {url} has seen another history of this ledger: {answer.strip()}")
    if status != 200:
        raise LedgerFault(f"The witness {url} does not sign ({status}): {answer.strip()}")
    open_checkpoint(checkpoint.note + answer, keys)
    cosigned = replace(checkpoint, note=checkpoint.note + answer, given_out=True)
    checkpoints.keep(cosigned)
    return cosigned


def _ask(checkpoints: LedgerCheckpoints, checkpoint: StoredCheckpoint, url: str, *, old: int) -> tuple[int, str]:
    proof = checkpoints.tree(checkpoint.size).consistency(old)
    body = "".join(f"{line}\n" for line in [f"old {old}", *map(encoded, proof), ""]) + checkpoint.note
    if not url.startswith(("http://", "https://")):
        raise LedgerFault(f"{url} is no address of a witness; one looks like https://witness.example.org.")
    request = Request(f"{url.rstrip('/')}/add-checkpoint", data=body.encode(), method="POST")  # noqa: S310 - see above
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - HTTP, as was just checked
            return answer.status, answer.read(_LONGEST_ANSWER).decode("utf-8", "replace")
    except HTTPError as error:
        return error.code, error.read(_LONGEST_ANSWER).decode("utf-8", "replace")
    except (URLError, OSError) as error:
        raise LedgerFault(f"The witness {url} does not answer: {getattr(error, 'reason', error)}") from error
