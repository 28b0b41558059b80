"""What a worker does with the chunks it is given: the gate, the task, and what came of it into the database."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from regard.accountability.gate import Gate, Grant
from regard.domain.jobs import Job
from regard.engine.jobs.endings import Endings
from regard.engine.jobs.task import BY_TIME, Beat, ChunkResult, Item, JobFailed, Part, Stopped, Task
from regard.errors import AccessDenied, ExpiredToken, InternalServerError, RegardError
from regard.store.chunk_rows import ChunkRows
from regard.store.claim_rows import Claim, ClaimRows
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.job_result_rows import BODY_ITEMS, JobResultRows, drop, put
from regard.store.result_bodies import items_of

log = logging.getLogger(__name__)

#: Tries of a chunk that failed of themselves, and how long to wait before the next.
_MOST_FAULTS = 3
_WAITS = (timedelta(seconds=2), timedelta(seconds=10))
#: How many bodies of an order are written at once.
_BODIES = 32
#: A plan or an ending that takes longer than this is taken to hang.
_LONGEST_STEP_SECONDS = 900.0


class ChunkWork:
    """Does chunks; made where the work is done. `tasks` are by kind of job."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        gate: Gate,
        database: Database,
        endings: Endings,
        *,
        beat_seconds: float,
    ) -> None:
        """`beat_seconds` is how often a lease is renewed."""
        self._tasks = tasks
        self._gate = gate
        self._database = database
        self._chunks = endings.chunks
        self._claims = endings.claims
        self._endings = endings
        self._clock = endings.clock
        self._beat_seconds = beat_seconds
        self._results = JobResultRows(database)
        self._collections = CollectionRows(database)

    def try_out(self) -> None:
        """Nothing to try: models are loaded when a task first needs them."""

    def __call__(self, claims: Sequence[Claim], /) -> Sequence[None]:
        """Do the work of these claims, which want the same look at the same object. Nothing is raised for what is a
        job's own fault: the job says it."""
        by_task: dict[int, list[Claim]] = {}
        for each in claims:
            by_task.setdefault(id(self._tasks.get(each.job.kind)), []).append(each)
        for group in by_task.values():
            self._do(group)
        return [None] * len(claims)

    def _do(self, claims: Sequence[Claim]) -> None:
        task = self._tasks.get(claims[0].job.kind)
        if task is None:
            self._end_all(claims, JobFailed(f"This server cannot do jobs of the kind {claims[0].job.kind}."))
            return
        steps = {"plan": self._plan, "run": self._run, "finish": self._finish}
        try:
            steps[claims[0].step](task, claims)
        except Stopped:
            self._give_back(claims)
        except RegardError as error:
            self._end_all(claims, error)

    def _plan(self, task: Task, claims: Sequence[Claim]) -> None:
        for claim in claims:
            with self._kept([claim]), self._granted(claim.job) as grant:
                plan = task.plan(claim.job, grant)
            spans = [(span.from_ms, span.to_ms) for span in plan.spans]
            self._chunks.planned(claim, spans, plan.metadata, in_order=plan.in_order)

    def _run(self, task: Task, claims: Sequence[Claim]) -> None:
        with ExitStack() as opened:
            parts, able = [], []
            for claim in claims:
                try:
                    grant = opened.enter_context(self._granted(claim.job))
                except RegardError as error:
                    self._end_all([claim], error)
                else:
                    parts.append(Part(job=claim.job, chunk=claim.chunk, grant=grant))
                    able.append(claim)
            if not able:
                return
            check = partial(_check, self._gate, self._clock)
            beat = _Beat(self._claims, able, [part.grant for part in parts], check, self._beat_seconds)
            try:
                results = task.run(parts, beat)
                beat.check()  # whom it shows may have been asked at its very end
            finally:
                for claim, refused in beat.refused:
                    self._end_all([claim], refused)
        for claim, result in zip(able, results, strict=True):
            if isinstance(result, JobFailed):
                self._end_all([claim], result)
            elif claim not in [each for each, _ in beat.refused]:
                self._store(claim, result)

    def _store(self, claim: Claim, result: ChunkResult) -> None:
        key = (claim.job.id, "", claim.chunk.number)
        items, collection_key = list(result.items), self._collection_key(claim.job)
        write = partial(put, key=key, items=items, collection_key=collection_key)
        try:
            self._chunks.done(claim, result.resume, result.counts, write)
        except InternalServerError as error:
            # A full disk, a lost database: no fault of the job's. The chunk is done again when that is over.
            log.warning("A chunk of the job %s could not be stored, and is done again: %s", claim.job.id, error.message)
            self._give_back([claim])

    def _finish(self, task: Task, claims: Sequence[Claim]) -> None:
        for claim in claims:
            found = _Found(self._results, self._chunks, claim)
            with self._kept([claim]):
                ending = task.finish(claim.job, found)
                orders: dict[str, Iterable[Item]] = {BY_TIME: found, **ending.orders}
                for name, items in orders.items():
                    self._write_order(claim, name, items)
            self._endings.succeed(claim, ending.message)

    def _write_order(self, claim: Claim, ordering: str, items: Iterable[Item]) -> None:
        """Raises Stopped if the claim no longer holds."""
        left, number, job_id = iter(items), 0, claim.job.id
        collection_key = self._collection_key(claim.job)
        while (bodies := [body for _ in range(_BODIES) if (body := list(islice(left, BODY_ITEMS)))]) or not number:
            with self._database.write() as connection:
                if not self._chunks.holds(connection, claim):
                    raise Stopped
                if not number:
                    drop(connection, job_id, ordering)
                for at, body in enumerate(bodies, number):
                    put(connection, (job_id, ordering, at), body, collection_key)
            number += max(len(bodies), 1)

    def _collection_key(self, job: Job) -> int | None:
        """Of the collection that a job searches; of one that is gone, a key that no face has."""
        if job.act.collection is None:
            return None
        found = self._collections.find(job.act.collection)
        return -1 if found is None else found.key

    @contextmanager
    def _granted(self, job: Job) -> Iterator[Grant]:
        with self._gate.open(job.caller, job.act, continued=True) as grant:
            grant.note(job=job.id)
            yield grant

    @contextmanager
    def _kept(self, claims: Sequence[Claim]) -> Iterator[None]:
        """Keep the leases while the block lasts, in which nothing beats."""
        over = threading.Event()

        def keep() -> None:
            end = time.monotonic() + _LONGEST_STEP_SECONDS
            while not over.wait(self._beat_seconds) and time.monotonic() < end:
                with suppress(InternalServerError):
                    self._claims.beat(claims, 0.0)

        thread = threading.Thread(target=keep, name="job lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    # -- what goes wrong -----------------------------------------------------------------------------------------

    def _end_all(self, claims: Sequence[Claim], error: RegardError) -> None:
        with suppress(InternalServerError):  # the database: the leases lapse, and it is tried again
            for claim in claims:
                self._failed(claim, error)

    def _failed(self, claim: Claim, error: RegardError) -> None:
        if isinstance(error, InternalServerError):
            faults = self._chunks.faults(claim) + 1
            if faults < _MOST_FAULTS:
                log.warning("A chunk of the job %s failed and is tried again: %s", claim.job.id, error.message)
                self._claims.give_back(claim, after=_WAITS[faults - 1], fault=True)
                return
            self._endings.fail(claim.job, f"It failed {faults} times. {error.public}")
        else:
            refused = isinstance(error, AccessDenied | ExpiredToken)
            self._endings.fail(claim.job, error.public, purge=refused)

    def _give_back(self, claims: Sequence[Claim]) -> None:
        with suppress(InternalServerError):
            for claim in claims:
                self._claims.give_back(claim)


class _Beat(Beat):
    """Renews leases now and then, and notices whom it is to stop for."""

    def __init__(
        self,
        rows: ClaimRows,
        claims: Sequence[Claim],
        grants: Sequence[Grant],
        check: Callable[[Grant], None],
        seconds: float,
    ) -> None:
        """`check` raises RegardError for a grant that does not hold any more."""
        self.refused: list[tuple[Claim, RegardError]] = []
        self._rows = rows
        self._held = list(claims)
        self._grants = {claim.job.id: grant for claim, grant in zip(claims, grants, strict=True)}
        self._check = check
        self._seconds = seconds
        self._next = time.monotonic() + seconds

    def __call__(self, progress: float, /) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._seconds
        self.check()
        try:
            self._held = self._rows.beat(self._held, progress)
        except InternalServerError as error:
            log.warning("A lease could not be renewed: %s", error.message)
        if not self._held:
            raise Stopped

    def check(self) -> None:
        """Find out whose act is not allowed any more."""
        for claim in list(self._held):
            try:
                self._check(self._grants[claim.job.id])
            except InternalServerError as error:
                log.warning("Whether a job may go on could not be looked up: %s", error.message)
            except RegardError as error:
                self.refused.append((claim, error))
                self._held.remove(claim)


def _check(gate: Gate, clock: Callable[[], datetime], grant: Grant) -> None:
    """Raises AccessDenied if the act has been suspended since, or its authorisation has ended or was ended, or
    ExpiredToken."""
    grant.require(grant.act.action)
    gate.check(grant)
    authorisation = grant.mandate.authorisation
    if authorisation is not None and authorisation.expires_at <= clock():
        raise AccessDenied(f"{grant.act.operation} is refused: the authorisation {authorisation.id} has ended.")


class _Found:
    """What the chunks of a job have left."""

    def __init__(self, results: JobResultRows, chunks: ChunkRows, claim: Claim) -> None:
        self._results = results
        self._job_id = claim.job.id
        self.counts: Mapping[str, int] = chunks.counts(claim.job.id)

    def __iter__(self) -> Iterator[Item]:
        for number in self._results.numbers(self._job_id):
            yield from items_of(self._results.body(self._job_id, "", number))
