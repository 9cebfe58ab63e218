"""One turn of a flow's execution: make pages while fewer than ten are unfinished, work them, and so on to the end.

The surprise: the coordinator works its own pages, from memory, and holds them from birth; the rest are anybody's.
"""

import time
import uuid
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from apps.connections import marks
from apps.core.clock import now
from apps.core.errors import DomainError
from apps.core.gateway import Category, GatewayError, RetryLater
from apps.core.ids import new_id
from apps.core.joined import Statement, UnexpectedRowsError, change_together, insertion
from apps.executions.kinds import Run
from apps.executions.models import Exchange, Execution, RecordError, State, Step
from apps.executions.payloads import pack, unpack
from apps.executions.recording import ExecutionRecorder
from apps.flows.models import OnceMark, Page, PagePayload
from apps.flows.pipeline import compiling, finish, marking, pages, plans
from apps.flows.pipeline.batch import Batch, fresh_batch
from apps.flows.pipeline.closing import close_run
from apps.flows.pipeline.generators import (
    Generated,
    GeneratorPlan,
    Progress,
    cut_short,
    generate,
    put_away_rest,
    retry_wait,
)
from apps.flows.pipeline.runners.failing import failure_of
from apps.flows.pipeline.sources import OfflineError
from apps.flows.pipeline.sources.files import FileSource
from apps.work import claims as claiming
from apps.work import drain, leases, sql, wakeups
from apps.work import services as work
from apps.work.kinds import Claim, LeaseLostError

log = structlog.get_logger(__name__)
OFFLINE = float("inf")  # a wait without an end of its own: until the connection is back
NEAR_SECONDS = 0.1
WAIT_SECONDS = 2.0  # until it looks again at pages that are all in other workers' hands
READ_SO_FAR = (
    "UPDATE executions_step SET outcome = %s, success_count = %s, error_count = %s, pages_processed = %s, state = %s,"
    " message = %s WHERE id = %s"
)
MADE_SO_FAR = "UPDATE executions_execution SET pages_generated = %s, done_exporting = %s WHERE id = %s"
FAILED_SO_FAR = "UPDATE executions_execution SET pages_generated = %s, done_exporting = %s, reason = %s WHERE id = %s"


def run(turn: Run) -> None:
    coordinator = Coordinator(turn)
    try:
        coordinator.work()
    finally:  # pages held from birth must not be held on by a turn that broke off, nor sessions of a source
        for generator in coordinator.generators:
            if isinstance(generator.source, FileSource):
                generator.source.close()
        drain.give_back([batch.claim for batch in coordinator.mine], fault="its coordinator's turn broke off")


class Coordinator:
    def __init__(self, turn: Run) -> None:
        self.execution, self.claim = turn.execution, turn.claim
        self.plan = plans.of(turn.execution)
        self.recorder = ExecutionRecorder(self.execution.id, self.execution.organization_id, watched=self.plan.watched)
        self.generators = compiling.compile_generators(self.execution, self.plan, self.recorder)
        self.steps: list[Step] = []
        self.progress: list[Progress] = []
        self.mine: list[Batch] = []
        self.offline: uuid.UUID | None = None  # the connection of a source that cannot be reached
        self.made: dict[uuid.UUID, tuple[Page, list[Any]]] = {}

    def work(self) -> None:
        self.load_progress()
        while True:
            self.claim.check()
            state, unfinished = self.look()
            if state == State.CANCELING:
                work.release([self.claim], wake=True)
                return
            if self.claim.slice_is_over:
                work.release([self.claim])
                return
            room = settings.FLOW_PAGES_IN_FLIGHT - unfinished
            waited = 0.0
            reads = not self.exported and room >= settings.FLOW_PAGES_IN_FLIGHT / 2
            if reads:
                waited = self.make_pages(room)
            worked = self.work_pages()
            if self.marks_once:
                waited = max(waited, self.mark_pages())
                if not waited and self.unmarked():
                    continue
            if worked or (reads and not waited):
                continue
            if unfinished and not waited and self.room_comes_soon(unfinished):
                continue
            if self.exported and not unfinished and not self.unmarked():
                if not self.close():
                    return
                if finish.try_finish(self.execution.id, claim=self.claim):
                    return
            self.put_off(waited)
            return

    @property
    def marks_once(self) -> bool:
        return any(generator.once for generator in self.generators)

    def unmarked(self) -> bool:
        """Whether a page is through whose records its source does not know as read yet."""
        return self.marks_once and marking.waiting(self.execution).exists()

    def mark_pages(self) -> float:
        """Marks the records of pages that are through. Returns the seconds to wait where the source asks for that."""
        wait = 0.0
        for generator, step in zip(self.generators, self.steps, strict=True):
            if generator.once is not None:
                wait = max(
                    wait, marking.mark_pages(self.plan, generator, step, claim=self.claim, recorder=self.recorder)
                )
        return wait

    def close(self) -> bool:
        """False: a file cannot be put away or written now, and the claim is given back until it can."""
        wait = self.put_away()
        if wait:
            self.put_off(wait)
            return False
        try:
            close_run(self.execution, self.plan, self.recorder)
        except OfflineError as error:
            self.offline = error.connection_id
            self.put_off(OFFLINE)
        except RetryLater as error:
            self.put_off(max(WAIT_SECONDS, (error.until - now()).total_seconds()))
        else:
            with transaction.atomic():
                self.write_exchanges()
            return True
        return False

    def put_away(self) -> float:
        """Files that were to leave with others, of a source that ended early. Returns the seconds to wait, else 0."""
        for generator, step, progress in zip(self.generators, self.steps, self.progress, strict=True):
            try:
                if not put_away_rest(generator, progress):
                    continue
            except DomainError as error:
                if wait := self.source_failed(generator, step, progress, error):
                    return wait
            progress.cursor = {}  # nothing of these names is taken away again
            with transaction.atomic():
                work.progress([self.claim])
                Step.objects.filter(pk=step.pk).update(outcome=pack(progress.as_json()))
                self.write_exchanges()
        return 0.0

    def room_comes_soon(self, unfinished: int) -> bool:
        """Other workers hold the pages: one that takes milliseconds is not worth giving the execution back for."""
        ends = time.monotonic() + NEAR_SECONDS
        while time.monotonic() < ends:
            time.sleep(NEAR_SECONDS / 20)
            if self.look()[1] < unfinished:
                return True
        return False

    def put_off(self, waited: float) -> None:
        with transaction.atomic():
            work.progress([self.claim])
            if waited == OFFLINE and self.offline is not None:
                marks.park([self.claim], connection_id=self.offline, organization_id=self.execution.organization_id)
                return
            reason = "its source is to be asked again" if waited else "its pages are in other workers' hands"
            work.wait_seconds(self.claim, waited or WAIT_SECONDS, reason=reason)

    @property
    def exported(self) -> bool:
        return all(progress.done for progress in self.progress)

    def look(self) -> tuple[str, int]:
        """The execution's state, for a cancel, and how many of its pages are unfinished."""
        found = sql.rows(
            "SELECT e.state, (SELECT count(*) FROM flows_page p WHERE p.execution_id = e.id AND p.state = 'open')"
            " FROM executions_execution e WHERE e.id = %s",
            [self.execution.id],
        )
        return found[0][0], found[0][1]

    def load_progress(self) -> None:
        rows = {step.path: step for step in Step.objects.filter(execution=self.execution)}
        if not rows:
            rows = {step.path: step for step in self.new_steps()}
            with transaction.atomic():
                work.progress([self.claim])
                Step.objects.bulk_create(rows.values())
        self.steps = [rows[generator.key] for generator in self.generators]
        self.progress = [Progress(**unpack(step.outcome, {})) for step in self.steps]
        for progress in self.progress:
            progress.done = progress.done or self.execution.done_exporting

    def new_steps(self) -> list[Step]:
        """A row a generator and a step: what the API shows as a flow job's children."""
        common: dict[str, Any] = {"execution": self.execution, "state": Step.State.WAITING, "fence": self.claim.fence}
        made = [Step(path=g.key, kind="export", target_id=g.resource_id, **common) for g in self.generators]
        made += [Step(path=s.key, kind=s.kind, target_id=s.resource_id, **common) for s in self.plan.steps if s.key]
        return made

    def make_pages(self, room: int) -> float:
        """Reads and commits. Returns the seconds to wait when all sources are put off, else 0."""
        parallel = bool(self.plan.snapshot["flow"].get("runPageGeneratorsInParallel"))
        delays: list[float] = []
        for generator, step, progress in zip(self.generators, self.steps, self.progress, strict=True):
            if progress.done:
                continue
            delay = self.put_off_until(progress)
            if delay <= 0:
                delay = self.read(generator, step, progress, room)
            delays.append(max(delay, 0.0))
            if not parallel:
                break
        return min(delays, default=0.0)

    def put_off_until(self, progress: Progress) -> float:
        return float(progress.retry_at or 0) - time.time() if progress.retry_at else 0.0

    def read(self, generator: GeneratorPlan, step: Step, progress: Progress, room: int) -> float:
        before = progress.as_json()
        try:
            made = generate(generator, progress, room=room)
        except DomainError as error:
            vars(progress).update(before)
            return self.source_failed(generator, step, progress, error)
        self.commit(generator, step, progress, made)
        return 0.0

    def commit(
        self, generator: GeneratorPlan, step: Step, progress: Progress, made: Generated, *, failed: str = ""
    ) -> None:
        """Pages, their work, the next cursor: one transaction, under the coordinator's fence."""
        first = progress.number - len(made.pages)
        rows = [
            Page(
                id=new_id(), execution_id=self.execution.id, organization_id=self.execution.organization_id,
                generator=generator.index, number=first + i, record_count=len(records),
            )
            for i, records in enumerate(made.pages)
        ]  # fmt: skip
        held: list[Claim] = []
        statements, shared = [work.progressing(self.claim)], False
        if rows:
            held, added = self.added_work(rows)
            shared = len(added) > 1
            pages_and_records = list(zip(rows, made.pages, strict=True))
            payloads = [PagePayload(page_id=row.id, data=pack(records)) for row, records in pages_and_records]
            statements += [insertion(rows), insertion(payloads), *added]
            if generator.once is not None:
                statements.append(insertion([OnceMark(page_id=one.page_id, data=one.data) for one in payloads]))
        statements += [*self.counted(step, progress, made, failed), *self.noted(generator, made)]
        try:
            change_together(statements)
        except UnexpectedRowsError:
            raise LeaseLostError("Another worker has taken this run over.") from None
        if shared:
            wakeups.wake(self.claim.lane)
        leases.hold(held)
        self.made = {row.id: (row, records) for row, records in zip(rows, made.pages, strict=True)}
        self.mine += [self.remembered(claim) for claim in held]

    def remembered(self, claim: Claim) -> Batch:
        """A page that this worker has made and nobody has worked yet, without reading it back."""
        row, records = self.made.pop(claim.target_id)
        return fresh_batch(row, claim, records, root=self.execution.root_id.hex)

    def counted(self, step: Step, progress: Progress, made: Generated, failed: str) -> list[Statement]:
        """How far its source is read, on the rows that the API shows."""
        step.success_count += sum(map(len, made.pages))
        step.error_count += len(made.failures)
        step.pages_processed, step.outcome = progress.number, pack(progress.as_json())
        state = Step.State.FAILED if failed else Step.State.SUCCEEDED if progress.done else Step.State.WAITING
        counts = [step.success_count, step.error_count, step.pages_processed, str(state), failed]
        generated = [sum(p.number for p in self.progress), self.exported, *([failed] if failed else [])]
        return [
            Statement(READ_SO_FAR, [step.outcome, *counts, sql.param(step.id)]),
            Statement(FAILED_SO_FAR if failed else MADE_SO_FAR, [*generated, sql.param(self.execution.id)]),
        ]

    def added_work(self, rows: list[Page]) -> tuple[list[Claim], list[Statement]]:
        """The first pages are this worker's own, as many as it works at once; the others anybody may take."""
        count = pages_at_once(rows)
        if settings.BROKER_URL != "memory://":
            count = min(count, -(-len(rows) // 2))  # other processes help
        common: dict[str, Any] = {
            "kind": pages.WORK, "lane": self.claim.lane, "organization_id": self.execution.organization_id,
            "group_id": self.execution.id,
        }  # fmt: skip
        claims, claimed = work.claimed(target_ids=[row.id for row in rows[:count]], **common)
        others = [row.id for row in rows[count:]]
        return claims, [claimed, *([work.adding(target_ids=others, **common)] if others else [])]

    def noted(self, generator: GeneratorPlan, made: Generated) -> list[Statement]:
        """What went wrong with records on their way out of the source, and what was captured of its answers."""
        errors = [
            RecordError(
                organization_id=self.execution.organization_id, execution=self.execution, flow_id=self.plan.flow_id,
                step_id=generator.resource_id, integration_id=self.plan.integration_id, source=failure.source,
                code=failure.code[:100], message=failure.message[:4000], classification=failure.classification,
                trace_key="" if record is None else generator.trace_key(record),
            )
            for record, failure in made.failures
        ]  # fmt: skip
        return [insertion(rows) for rows in (errors, self.recorder.rows()) if rows]

    def work_pages(self) -> bool:
        """Works pages held from birth, else claims some of the run's. False if there were none to work."""
        batches, self.mine = self.mine, []
        held = [batch.claim for batch in batches]
        if not batches:
            limit = pages_at_once([row for row, _ in self.made.values()])
            held = claiming.claim_group(self.execution.id, kind=pages.WORK, limit=limit)
        try:
            if not batches:
                fresh = [claim for claim in held if claim.fence == 1 and claim.target_id in self.made]
                batches = [self.remembered(claim) for claim in fresh]
                batches += pages.load_batches(self.execution, [claim for claim in held if claim not in fresh])
            for batch in batches:
                batch.claim.slice_ends = self.claim.slice_ends
            if batches:
                pages.work_pages(self.plan, batches)
                self.note_progress()
        finally:
            drain.give_back(held, fault="its coordinator's turn broke off")
        return bool(batches)

    def note_progress(self) -> None:
        """Pages that are through are progress of the run too: its workers were not lost in vain."""
        if self.claim.attempts:
            with transaction.atomic():
                work.progress([self.claim])
            self.claim.attempts = 0

    def source_failed(self, generator: GeneratorPlan, step: Step, progress: Progress, error: DomainError) -> float:
        """A source that may recover is asked again later, a few times; pages made so far are worked meanwhile."""
        name = self.plan.snapshot["exports"][self.plan.snapshot["generators"][generator.index]["_exportId"]]["name"]
        wait = None
        if isinstance(error, OfflineError):
            self.offline = error.connection_id
            return OFFLINE
        if isinstance(error, RetryLater):
            wait = float(error.retry_after)
        elif isinstance(error, GatewayError) and error.category == Category.TRANSIENT:
            wait = retry_wait(progress, settings.FLOW_SOURCE_RETRY_SECONDS)
        if wait is not None:
            with transaction.atomic():
                work.progress([self.claim])
                self.write_exchanges()
                progress.retry_at = str(time.time() + wait)
                Step.objects.filter(pk=step.pk).update(outcome=pack(progress.as_json()), message=error.message[:500])
            return wait
        message = f"Export {name!r} failed: {error.message}"[:500]
        log.warning("an export failed", export=name, reason=error.message)
        # A failed export fails the run: nothing more is read, what was read goes on. Its message is committed last.
        for other in self.progress:
            other.done = other.done or (other is not progress and not other.carry)
        for one, its_step, other in zip(self.generators, self.steps, self.progress, strict=True):
            if other is not progress and not other.done:
                self.commit(one, its_step, other, cut_short(one, other))
        made = cut_short(generator, progress)
        made.failures.append((None, failure_of(error, source="application")))
        self.commit(generator, step, progress, made, failed=message)
        return 0.0

    def write_exchanges(self) -> None:
        exchanges = self.recorder.rows()
        if exchanges:
            Exchange.objects.bulk_create(exchanges)


def pages_at_once(rows: list[Page]) -> int:
    """How many pages one worker takes together: one large one, or several small ones."""
    largest = max((row.record_count for row in rows), default=1)
    return max(1, min(pages.PAGES_AT_ONCE, pages.RECORDS_AT_ONCE // max(largest, 1)))


def drop(execution: Execution) -> bool:
    """Takes back pages that nobody has begun; true if no worker holds another."""
    dropped = work.drop_unclaimed(execution.id, kind=pages.WORK)
    Page.objects.filter(pk__in=dropped).update(state=Page.State.DROPPED)
    PagePayload.objects.filter(page_id__in=dropped).delete()
    plans.forget(execution.id)
    return not Page.objects.filter(execution=execution, state=Page.State.OPEN).exists()
