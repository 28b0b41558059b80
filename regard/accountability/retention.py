"""Retention: what is kept for longer than the rules allow is erased, class by class, in small transactions.

Each erasure is one transaction with its receipt and its entry in the ledger. Killed at any moment, the next sweep finds
what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from regard.accountability.case_expiry import CaseExpiry, Due
from regard.accountability.enrolment_terms import keeps_terms, timed
from regard.accountability.erasing import BATCH_FACES, Receipts
from regard.accountability.gate import Grant
from regard.accountability.profiles.rules import RetentionRules, Rules
from regard.domain.erasures import ErasureReceipt
from regard.domain.galleries import Collection
from regard.domain.jobs import Job, JobState
from regard.domain.user_acts import UNDOABLE
from regard.store.collection_rows import CollectionRows
from regard.store.consent_rows import ConsentRows
from regard.store.database import Database
from regard.store.expiry_rows import ExpiryRows
from regard.store.idempotency_rows import IdempotencyRows
from regard.store.job_rows import Ending, JobRows
from regard.store.receipt_rows import ReceiptRows
from regard.store.term_rows import Term, TermRows
from regard.store.upload_rows import UploadRows
from regard.store.user_act_rows import UserActRows

#: How long an answer to a request with a token is kept: as long as `operations.idempotency` remembers it.
_ANSWERS = timedelta(days=7)
#: Terms written, and entries and jobs erased, in one transaction.
_BATCH_TERMS, _BATCH_ENTRIES, _BATCH_JOBS = 1000, 1000, 10
_DAY_MICROSECONDS = 86_400_000_000

#: Opens the gate for a sweep of that collection, or of none in particular.
Opening = Callable[[str | None], AbstractContextManager[Grant]]


class Retention:
    """Finds what is due, and erases it. `rules_of` gives the rules of a collection by its name; `base` those of the
    installation."""

    def __init__(
        self,
        database: Database,
        receipts: Receipts,
        rules_of: Callable[[str], Rules],
        base: Rules,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._receipts = receipts
        self._rules_of = rules_of
        self._base = base
        self._clock = clock
        self._collections = CollectionRows(database)
        self._terms = TermRows(database)
        self._consents = ConsentRows(database)
        self._expiry = ExpiryRows(database)
        self._answers = IdempotencyRows(database)
        self._jobs = JobRows(database)
        self._acts, self._uploads = UserActRows(database), UploadRows(database)
        self._rows = ReceiptRows(database)
        self._cases = CaseExpiry(database, receipts, clock)

    def receipts(self, grant: Grant, count: int) -> list[ErasureReceipt]:
        """The last receipts, the latest first."""
        grant.require_all(grant.act.action)
        return self._rows.last(count)

    def sweep(self, opening: Opening) -> dict[str, int]:
        """Erase all that is due; how many of each class."""
        self.lapse()
        self.settle()
        erased: dict[str, int] = {}
        for due in self.due():
            with opening(due.collection) as grant:
                erased[due.kind] = erased.get(due.kind, 0) + due.erase(grant)
        return erased

    def due(self) -> Iterator[Due]:
        """What there is to erase now. Nothing under a closed profile, where nothing may be done."""
        if self._base.closed:
            return
        now = self._clock()
        yield from self._watchlists(now)
        yield from self._discarded_faces()
        yield from self._cases.due(now)
        yield from self._expired_faces(now)
        yield from self._lapsed_consents(now)
        yield from self._old_entries(now)
        yield from self._old_answers(now)
        yield from self._old_jobs(now)
        yield from self._old_acts(now)

    def planned(self) -> list[Due]:
        """What a sweep would erase, after it was written down until when each face may be kept."""
        self.settle()
        return list(self.due())

    def lapse(self) -> None:
        """Emergencies that nobody confirmed in time are over."""
        self._cases.lapse(self._clock())

    def settle(self) -> None:
        """Write down until when faces may be kept that have no terms, or longer ones than the rules allow by now."""
        for name, key, ended_at, ends_at in self._terms.ended_early():
            hours = self._rules_of(name).retention.watchlist_hours or 0.0
            if ended_at + timedelta(hours=hours) < ends_at:
                self._terms.end_watchlist(key, ended_at + timedelta(hours=hours))
        for collection, _ in self._collections.with_sizes():
            rules = self._rules_of(collection.id)
            if keeps_terms(rules):
                self._settle(collection, rules.retention)

    def _settle(self, collection: Collection, rules: RetentionRules) -> None:
        while found := self._terms.without(collection.key, _BATCH_TERMS):
            self._terms.put(collection.key, [timed(rules, _unsaid(*each)) for each in found])
        while lost := self._terms.lost(collection.key, _BATCH_TERMS):
            self._terms.forget(collection.key, lost)
        days = {"enrolled_at": rules.faces_days, "last_used_at": rules.faces_unused_days}
        most = {name: round(each * _DAY_MICROSECONDS) for name, each in days.items() if each is not None}
        while late := self._terms.late(collection.key, most, _BATCH_TERMS):
            self._terms.put(collection.key, [timed(rules, each) for each in late])

    # -- faces -------------------------------------------------------------------------------------------------

    def _watchlists(self, now: datetime) -> Iterator[Due]:
        for name in self._terms.over(now):

            def erase(grant: Grant, name: str = name) -> int:
                found = self._collections.find(name)
                reason = "the deployment of the watch-list is over"
                return self._receipts.collection(grant, "watch-lists", reason, found) if found else 0

            yield Due(kind="watch-lists", collection=name, erase=erase)

    def _expired_faces(self, now: datetime) -> Iterator[Due]:
        for name in self._terms.expired(now):

            def erase(grant: Grant, name: str = name) -> int:
                found, count = self._collections.find(name), 0
                while found and (ids := self._terms.expired_in(found.key, now, BATCH_FACES)):
                    gone = self._receipts.faces(grant, "faces", "their time is over", found, ids)
                    self._terms.forget(found.key, ids)  # of those that have gone otherwise
                    count += len(gone)
                return count

            yield Due(kind="faces", collection=name, erase=erase)

    def _discarded_faces(self) -> Iterator[Due]:
        for authorisation_id, _ in self._expiry.discarded():
            for name, ids in self._terms.enrolled_under(authorisation_id).items():
                reason = f"the authorisation {authorisation_id} was refused or not confirmed"
                yield self._faces("authorisations", reason, name, ids)

    def _lapsed_consents(self, now: datetime) -> Iterator[Due]:
        for name, subject in self._consents.lapsed(now):
            collection = self._collections.find(name)
            if (
                collection
                and self._rules_of(name).consent
                and (ids := self._consents.faces_of(collection.key, subject))
            ):
                yield self._faces("consents", "no consent is valid any more", name, ids)

    def _faces(self, kind: str, reason: str, name: str, ids: Sequence[str]) -> Due:
        def erase(grant: Grant) -> int:
            found = self._collections.find(name)
            return len(self._receipts.faces(grant, kind, reason, found, ids)) if found else 0

        return Due(kind=kind, collection=name, erase=erase)

    # -- what else is kept ---------------------------------------------------------------------------------------

    def _old_entries(self, now: datetime) -> Iterator[Due]:
        rules = self._base.retention
        if rules.ledger_days is None:
            return
        days = max(rules.ledger_days, rules.ledger_least_days or 0.0)
        end = self._expiry.entries_before(now - timedelta(days=days))
        start = self._rows.entries_erased()
        if self._expiry.first_body(start, end) is None:
            return

        def erase(grant: Grant) -> int:
            count, at, reason = 0, start, "the time of ledger entries is over"
            while (first := self._expiry.first_body(at, end)) is not None:
                last = min(first + _BATCH_ENTRIES, end) - 1
                with self._database.write():
                    gone = self._expiry.erase_entries(range(first, last + 1))
                    self._receipts.add(grant, "ledger", reason, {"erased": [[first, last]]}, gone)
                count, at = count + gone, last + 1
            return count

        yield Due(kind="ledger", collection=None, erase=erase)

    def _old_answers(self, now: datetime) -> Iterator[Due]:
        if not self._answers.any(now - _ANSWERS):
            return

        def erase(grant: Grant) -> int:
            total = 0
            while True:
                with self._database.write():
                    gone = self._answers.purge(now - _ANSWERS)
                    if not gone:
                        return total
                    self._receipts.add(grant, "answers", "answers to requests with a token are kept 7 days", {}, gone)
                total += gone

        yield Due(kind="answers", collection=None, erase=erase)

    def _old_jobs(self, now: datetime) -> Iterator[Due]:
        if not self._jobs.expired(now, 1) and not self._jobs.forgotten(now, 1):
            return

        def erase(grant: Grant) -> int:
            total = self._end_forgotten_jobs(grant, now)
            while ids := self._jobs.expired(now, _BATCH_JOBS):
                with self._database.write():
                    gone = self._jobs.delete(ids)
                    self._receipts.add(grant, "jobs", "the time of what jobs found is over", {"jobs": ids}, gone)
                total += gone
            return total

        yield Due(kind="jobs", collection=None, erase=erase)

    def _end_forgotten_jobs(self, grant: Grant, now: datetime) -> int:
        """A job that is paused is kept no longer than one that has ended; nobody is told, for nothing came of it."""
        total = 0
        while forgotten := self._jobs.forgotten(now, _BATCH_JOBS):
            with self._database.write():
                ids = [each.id for each in forgotten if self._jobs.end(each.id, _forgotten(each, now))]
                self._receipts.add(grant, "jobs", "jobs were paused for too long", {"jobs": ids}, len(ids))
            total += len(ids)
        return total

    def _old_acts(self, now: datetime) -> Iterator[Due]:
        before = now - UNDOABLE
        if not self._acts.old(before) and not self._uploads.old(before):
            return

        def erase(grant: Grant) -> int:
            with self._database.write():
                gone = self._acts.purge(before) + self._uploads.purge(before)
                self._receipts.add(grant, "acts", "what can be undone is kept 30 days", {}, gone)
            return gone

        yield Due(kind="acts", collection=None, erase=erase)


def _forgotten(job: Job, now: datetime) -> Ending:
    message = "The job was paused for longer than what it found may be kept."
    kept = job.expires_at - job.created_at
    return Ending(state=JobState.CANCELLED, message=message, at=now, expires_at=now + kept, purge=True)


def _unsaid(face_id: str, enrolled_at: datetime) -> Term:
    """The terms of a face that was enrolled when nobody asked for any."""
    return Term(
        face_id=face_id,
        authorisation_id=None,
        basis=None,
        source=None,
        enrolled_by=None,
        enrolled_at=enrolled_at,
        last_used_at=enrolled_at,
        expires_at=None,
    )
