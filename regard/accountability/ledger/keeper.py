"""Signs a checkpoint every second, as long as there is something new, and as soon as there are many new entries."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from regard.accountability.ledger.checkpoints import LedgerCheckpoints
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.ledger.ledger_verification import LedgerFault
from regard.errors import RegardError

log = logging.getLogger(__name__)

_SECONDS = 1.0


class LedgerKeeper:
    """A thread, from when it is entered until it is left. Where it finds the ledger changed, no more acts are done."""

    def __init__(self, ledger: Ledger, checkpoints: LedgerCheckpoints) -> None:
        self._ledger = ledger
        self._checkpoints = checkpoints
        self._left = False
        self._thread = threading.Thread(target=self._keep, name="ledger", daemon=True)

    def __enter__(self) -> LedgerKeeper:
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._left = True
        self._ledger.due.set()
        self._thread.join()
        self.sign()

    def sign(self) -> None:
        """Sign what this process has written since the last time."""
        if not self._ledger.unsigned or self._ledger.fault is not None:
            return
        try:
            self._ledger.unsigned = 0
            self._checkpoints.make()
        except LedgerFault as fault:
            self._ledger.fault = str(fault)
            log.critical("%s Nothing is done until then.", fault)
        except (RegardError, OSError) as error:  # a full disk: the next entry says so to whoever asks
            self._ledger.unsigned += 1
            log.warning("No checkpoint could be signed: %s", error)

    def _keep(self) -> None:
        while not self._left:
            self._ledger.due.wait(_SECONDS)
            self._ledger.due.clear()
            self.sign()
