"""Turns step outcomes into what is committed: where each record stands, errors with retry data, counts, exchanges."""

import re
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction

from apps.connections import marks
from apps.core.clock import now
from apps.core.ids import new_id, parse_id
from apps.core.joined import Statement, UnexpectedRowsError, change_together, execute, insertion
from apps.engine.json_values import why_unkeepable
from apps.engine.tracing import MAX_TRACE_KEY
from apps.executions.models import Exchange, RecordError, RetryData
from apps.executions.payloads import pack
from apps.executions.recording import ExecutionRecorder
from apps.flows.models import FilePart, Page, PagePayload
from apps.flows.pipeline.batch import Batch, Part, pack_batch, part_at
from apps.flows.pipeline.plans import END, FlowPlan, StepPlan
from apps.flows.pipeline.steps import ChildFailure, Failure, Outcome
from apps.work import leases, sql
from apps.work import services as work
from apps.work.kinds import LeaseLostError

MAX_FIELD = 200


@dataclass
class Delay:
    """Why a page cannot go on now."""

    seconds: float
    parked_on: str
    reason: str


@dataclass
class Found:
    """What one page has come upon and not committed yet."""

    errors: list[RecordError] = field(default_factory=list)
    kept: list[RetryData] = field(default_factory=list)
    resolved: list[uuid.UUID] = field(default_factory=list)
    parts: list[FilePart] = field(default_factory=list)


@dataclass
class Settlement:
    """Collects over several steps and pages, commits at once. One a turn.

    A commit takes along only what its own pages have come upon: another's would come twice if its lease were lost.
    """

    plan: FlowPlan
    recorder: ExecutionRecorder
    found: dict[uuid.UUID, Found] = field(default_factory=lambda: defaultdict(Found))  # by page
    trace_keys: dict[uuid.UUID, set[str]] = field(default_factory=dict)
    delays: dict[uuid.UUID, Delay] = field(default_factory=dict)

    def apply(self, step: StepPlan, part: Part, outcome: Outcome, *, stop: bool = False) -> None:
        """Moves a part's records past a step, as their outcome says. `stop`: even failures to be passed over stop."""
        batch = part.batch
        failed = len(outcome.failures)
        done = len(part.records) - len(outcome.later)
        if outcome.tally is not None:
            success, error, ignore = outcome.tally
            batch.count(step.key, success=success, error=error, ignore=ignore)
        else:
            ignored = len(outcome.ignored)
            batch.count(step.key, success=done - failed - ignored, error=failed, ignore=ignored)
        if outcome.later:
            self.delay(batch, outcome)
        if outcome.kept:
            self.found[batch.page.id].parts.append(
                FilePart(
                    execution_id=self.plan.execution_id,
                    position=step.position,
                    generator=batch.page.generator,
                    number=batch.page.number,
                    data=outcome.kept,
                )
            )
        for index, note in outcome.noted:
            if index not in outcome.later:
                self.open_error(step, part, index, note, retryable=False)
        for child in outcome.children:
            self.open_error(step, part, child.index, child.failure, child=child)
        if self.all_pass(step, batch, outcome):
            self.pass_all(step, part, outcome)
            return
        split = {child.index for child in outcome.children}
        copies: list[tuple[int, int]] = []
        passed: list[int] = []
        for index, place in enumerate(part.places):
            if index in outcome.later:
                continue
            self.settle_retry(batch, place)
            if self.plan.auto_resolve:  # by a later result, good or bad: only the newest error stays
                traces = outcome.traces.get(index) or [step.trace_key(part.keys[index], part.records[index])]
                self.trace_keys.setdefault(step.resource_id, set()).update(traces)
            failure = outcome.failures.get(index)
            if failure is not None:
                if index not in split:
                    self.open_error(step, part, index, failure)
                if stop or not step.proceed_on_failure or failure.in_doubt:
                    self.stop_at(batch, place, step)
                    continue
            passed.append(index)
            if index in outcome.responses and step.map_response is not None:
                batch.records[place] = step.map_response(part.records[index], outcome.responses[index])
            if outcome.routes is not None:
                targets = outcome.routes[index]
                batch.at[place] = targets[0] if targets else END
                copies += [(place, target) for target in targets[1:]]
            else:
                batch.at[place] = step.next if self.plan.book is None else self.plan.book.move(batch, place, step)
        copy_records(batch, copies)
        if step.after_mapping is not None and passed:
            self.run_hook(step, part, outcome, passed)
        batch.keep([place for place, at in enumerate(batch.at) if at != END])

    def all_pass(self, step: StepPlan, batch: Batch, outcome: Outcome) -> bool:
        """Whether no record needs a decision of its own, nor anything of its past is to be settled."""
        alone = outcome.failures or outcome.later or outcome.children or outcome.routes is not None
        past = self.plan.auto_resolve or self.plan.book is not None or batch.retries is not None
        return not alone and not past and step.after_mapping is None

    def pass_all(self, step: StepPlan, part: Part, outcome: Outcome) -> None:
        batch = part.batch
        if step.map_response is not None:
            for index, response in outcome.responses.items():
                batch.records[part.places[index]] = step.map_response(part.records[index], response)
        for place in part.places:
            batch.at[place] = step.next
        if step.next == END:
            batch.keep([place for place, at in enumerate(batch.at) if at != END])

    def stop_at(self, batch: Batch, place: int, step: StepPlan) -> None:
        batch.at[place] = END
        if self.plan.book is not None:
            self.plan.book.stop_copies(batch, place, step)

    def run_hook(self, step: StepPlan, part: Part, outcome: Outcome, passed: list[int]) -> None:
        """The flow step's postResponseMap: an exception fails every record of the page that has come past the step."""
        batch, places = part.batch, [part.places[index] for index in passed]
        records = [batch.records[place] for place in places]
        responses = [outcome.responses.get(index, {}) for index in passed]
        mapped = step.after_mapping(records, responses) if step.after_mapping else records
        if isinstance(mapped, Failure):
            fallen = Part(batch, places, records, [batch.keys[p] for p in places])
            for index, place in enumerate(places):
                self.open_error(step, fallen, index, mapped)
                batch.at[place] = END
            # Each counts once: one that had failed and was to go on stays an error, one that was ignored is none now.
            ignored = sum(index in outcome.ignored for index in passed)
            failed = sum(index in outcome.failures for index in passed)
            batch.count(step.key, success=ignored + failed - len(passed), error=len(passed) - failed, ignore=-ignored)
        else:
            for place, record in zip(places, mapped, strict=True):
                batch.records[place] = record

    def delay(self, batch: Batch, outcome: Outcome) -> None:
        seconds = (outcome.until - now()).total_seconds() if outcome.until else 0.0
        known = self.delays.get(batch.page.id)
        if known is None or known.seconds < seconds:
            self.delays[batch.page.id] = Delay(max(seconds, 0.05), outcome.parked_on, outcome.reason)

    def settle_retry(self, batch: Batch, place: int) -> None:
        """A retried record has been tried again: its old error is settled, whatever came of it."""
        if batch.retries is not None and batch.retries[place]:
            error_id = parse_id(batch.retries[place])
            if error_id:
                self.found[batch.page.id].resolved.append(error_id)
            batch.retries[place] = None

    def open_error(
        self,
        step: StepPlan,
        part: Part,
        index: int,
        failure: Failure,
        *,
        retryable: bool = True,
        child: ChildFailure | None = None,
    ) -> None:
        record, key = (child.record, child.key) if child else (part.records[index], part.keys[index])
        retryable = retryable and self.plan.keeps_retry_data and not why_unkeepable(record)
        error = RecordError(
            id=new_id(),
            organization_id=self.plan.organization_id,
            execution_id=self.plan.execution_id,
            flow_id=self.plan.flow_id,
            step_id=step.resource_id,
            integration_id=self.plan.integration_id,
            source=failure.source,
            code=failure.code[:100],
            message=failure.message[:4000],
            classification=failure.classification,
            trace_key=child.trace_key[:MAX_TRACE_KEY] if child else step.trace_key(key, record),
            source_index=index_of(key),
            export_data_uri=self.plan.address_of(key, record),
            import_data_uri=failure.import_data_uri,
            request_key=self.recorder.kept_as(failure.request_key),
            field=failure.field[:MAX_FIELD],
            retryable=retryable,
        )
        found = self.found[part.batch.page.id]
        found.errors.append(error)
        if retryable:
            found.kept.append(
                RetryData(error=error, stage=step.stage, position=str(step.position), key_base=key, data=pack(record))
            )

    # Commits. Each is one transaction that carries the fences of its pages.

    def commit_intent(self, batches: Sequence[Batch], *, position: int) -> None:
        with transaction.atomic():
            work.progress([batch.claim for batch in batches])
            Page.objects.filter(pk__in=[batch.page.id for batch in batches]).update(intent=str(position))

    def commit_progress(self, batches: Sequence[Batch]) -> None:
        """After a write that is followed by other steps: what was written must not be written again."""
        self.commit(batches, last=False)

    def commit_end(self, batches: Sequence[Batch]) -> None:
        """The end of a turn: pages with no record left are done, the others wait for what delays them."""
        self.commit([batch for batch in batches if not batch.claim.settled], last=True)

    def refuse_unkeepable(self, batch: Batch) -> None:
        """Records that a step has made what no page can hold fail at the step they stand before."""
        if not why_unkeepable(batch.records):
            return
        reasons = {place: why for place, record in enumerate(batch.records) if (why := why_unkeepable(record))}
        for step in self.plan.steps:
            part = part_at(batch, step.position)
            for index, place in enumerate(part.places if part else ()):
                if part is not None and place in reasons:
                    failure = Failure(source="internal", code="unkeepable", message=f"The record {reasons[place]}.")
                    self.open_error(step, part, index, failure)
                    batch.count(step.key, success=0, error=1, ignore=0)
                    batch.at[place] = END
        batch.keep([place for place, at in enumerate(batch.at) if at != END])

    def commit(self, batches: Sequence[Batch], *, last: bool) -> None:
        for batch in batches:
            self.refuse_unkeepable(batch)
        done = [batch for batch in batches if not batch.records]
        going = [batch for batch in batches if batch.records]
        if not batches:
            return
        if not going and not self.trace_keys and not any(batch.page.id in self.found for batch in batches):
            self.finish_together(done)
            return
        with transaction.atomic():
            if done:
                work.finish([batch.claim for batch in done])
                self.write_pages(done, state=Page.State.DONE)
                delete_payloads([batch.page.id for batch in done])
            if last:
                for batch in going:
                    self.put_off(batch)
            elif going:
                work.progress([batch.claim for batch in going])
            self.write_pages(going, state=Page.State.OPEN)
            self.replace_payloads(going)
            self.write_rest(batches)

    def finish_together(self, batches: Sequence[Batch]) -> None:
        """Pages that are through and have come upon nothing, in one round trip. Raises LeaseLostError."""
        claims = [batch.claim for batch in batches]
        gone = payloads_gone([batch.page.id for batch in batches])
        statements = [work.finishing_all(claims), pages_written(batches, state=Page.State.DONE), gone]
        exchanges: list[Exchange] = self.recorder.rows()
        if exchanges:
            statements.append(insertion(exchanges))
        try:
            change_together(statements)
        except UnexpectedRowsError:
            leases.let_go(claims)
            raise LeaseLostError("Other workers have taken over some of these pages.") from None
        leases.let_go(claims)

    def drop(self, batches: Sequence[Batch]) -> None:
        """The run was canceled while these were worked: what was done stays done, the rest is not begun."""
        left = [batch for batch in batches if not batch.claim.settled]
        with transaction.atomic():
            work.finish([batch.claim for batch in left])
            self.write_pages(left, state=Page.State.DROPPED)
            delete_payloads([batch.page.id for batch in left])
            self.write_rest(left)

    def put_off(self, batch: Batch) -> None:
        delay = self.delays[batch.page.id]
        if delay.parked_on:
            connection_id = uuid.UUID(delay.parked_on.partition(":")[2])
            marks.park([batch.claim], connection_id=connection_id, organization_id=self.plan.organization_id)
        else:
            work.wait_seconds(batch.claim, delay.seconds, reason=delay.reason)

    def write_pages(self, batches: Sequence[Batch], *, state: str) -> None:
        if batches:
            execute([pages_written(batches, state=state)])

    def replace_payloads(self, batches: Sequence[Batch]) -> None:
        if not batches:
            return
        delete_payloads([batch.page.id for batch in batches])
        PagePayload.objects.bulk_create(
            PagePayload(page_id=batch.page.id, number=1, data=pack_batch(batch)) for batch in batches
        )

    def write_rest(self, batches: Sequence[Batch]) -> None:
        found = [self.found.pop(batch.page.id) for batch in batches if batch.page.id in self.found]
        errors = [error for some in found for error in some.errors]
        resolved = [error_id for some in found for error_id in some.resolved]
        if errors:
            RecordError.objects.bulk_create(errors)
            RetryData.objects.bulk_create(kept for some in found for kept in some.kept)
        if resolved:
            open_rows = RecordError.objects.filter(pk__in=resolved, resolved_at__isnull=True)
            open_rows.update(resolved_at=now(), resolved_by="retry", retrying_in=None)
        for step_id, traces in self.trace_keys.items():
            matching = RecordError.objects.filter(
                flow_id=self.plan.flow_id, step_id=step_id, trace_key__in=traces - {""}, resolved_at__isnull=True
            ).exclude(execution_id=self.plan.execution_id)
            matching.update(resolved_at=now(), resolved_by="autopilot")
        self.trace_keys = {}
        parts = [part for some in found for part in some.parts]
        if parts:
            FilePart.objects.bulk_create(parts)
        exchanges = self.recorder.rows()
        if exchanges:
            Exchange.objects.bulk_create(exchanges)


def copy_records(batch: Batch, copies: list[tuple[int, int]]) -> None:
    """For a router that sends a record to several places: (place, target) of all but the first."""
    for place, target in copies:
        batch.records.append(batch.records[place])
        batch.keys.append(f"{batch.keys[place]}>{target}")
        batch.at.append(target)
        if batch.retries is not None:
            batch.retries.append(None)


def pages_written(batches: Sequence[Batch], *, state: str) -> Statement:
    json = "%s::jsonb" if sql.is_postgres() else "%s"
    values = ", ".join([f"(%s, %s, {json})"] * len(batches))
    counts = Page._meta.get_field("counts")
    params = [
        value
        for batch in batches
        for value in (sql.param(batch.page.id), str(state), counts.get_db_prep_value(batch.counts, connection))
    ]
    change = f"UPDATE flows_page SET state = v.column2, intent = '', counts = v.column3 FROM (VALUES {values}) AS v"  # noqa: S608
    return Statement(f"{change} WHERE flows_page.id = v.column1", params)


def payloads_gone(page_ids: Sequence[uuid.UUID]) -> Statement:
    marks = ", ".join(["%s"] * len(page_ids))
    return Statement(f"DELETE FROM flows_pagepayload WHERE page_id IN ({marks})", list(map(sql.param, page_ids)))  # noqa: S608


def delete_payloads(page_ids: Sequence[uuid.UUID]) -> None:
    if page_ids:
        execute([payloads_gone(page_ids)])


def index_of(key: str) -> int:
    """A record's number in its page, from its key; what follows tells of a router's copy, a child, an edit."""
    parts = key.split(":")
    found = re.match("[0-9]{1,9}", parts[3]) if len(parts) > 3 else None
    return int(found[0]) if found else 0
