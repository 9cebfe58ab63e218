"""A run that leaves no trace of itself: its pages live in memory, its steps are the run's own, nothing is committed.

Plans and replays are made of it. What the gateway's mode does not let out is captured there; what a run would write
into our own database - errors, marks, pages - is counted here and forgotten.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from apps.core.clock import now
from apps.core.errors import DomainError, UnavailableError, ValidationError
from apps.core.gateway import RetryLater
from apps.core.ids import new_id
from apps.engine.placeholders import revived
from apps.executions.payloads import unpack
from apps.executions.recording import ExecutionRecorder
from apps.flows.models import Page
from apps.flows.pipeline.batch import Batch, fresh_batch, fresh_keys, part_at
from apps.flows.pipeline.capturing import plan_recorder
from apps.flows.pipeline.fates import unwrapped
from apps.flows.pipeline.generators import Generated, GeneratorPlan, Progress, generate, put_away_rest
from apps.flows.pipeline.plans import FlowPlan, StepPlan
from apps.flows.pipeline.runners.file_import import FileImportRunner
from apps.flows.pipeline.settlement import Settlement
from apps.flows.pipeline.sources import OfflineError
from apps.flows.pipeline.sources.files import FileSource
from apps.flows.pipeline.steps import Outcome, Turn
from apps.work.kinds import Claim

FAULTS_KEPT = 100
ROUNDS = 100  # in which a page's records come to their end; only a page of files needs a few


class LaterError(UnavailableError):
    """Something that is read asks to be asked again later: the rehearsal begins anew then."""

    code = "retry_later"

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until


@dataclass
class Rehearsal:
    """`counts` is {step: [success, error, ignore, pages]}; `parts` are the records that stood before each import,
    `copies` the position of the router that has made a record.
    """

    plan: FlowPlan
    generators: Sequence[GeneratorPlan]
    recorder: ExecutionRecorder
    claim: Claim
    pages: int | None = None
    ends: float = field(default_factory=lambda: time.monotonic() + 45.0)
    counts: dict[str, list[int]] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    fault_count: int = 0
    parts: list[dict[str, Any]] = field(default_factory=list)
    copies: dict[str, int] = field(default_factory=dict)
    complete: bool = True
    cut_because: str = ""
    page_count: int = 0
    check: Callable[[], None] = lambda: None
    _files: dict[int, tuple[Any, list[Any]]] = field(default_factory=dict)

    def run(self) -> None:
        """Raises LaterError, or the DomainError that a run would end with."""
        for generator in self.generators:
            try:
                self.read(generator)
            finally:
                if isinstance(generator.source, FileSource):
                    generator.source.close()
        for step in self.plan.steps:
            if step.position in self._files:
                self.close_file(step)

    def read(self, generator: GeneratorPlan) -> None:
        progress, made = Progress(), 0
        counts = self.counts.setdefault(generator.key, [0, 0, 0, 0])
        while not progress.done:
            room = 10 if self.pages is None else self.pages - made
            found = self.pages_of(generator, progress, room)
            for record, failure in found.failures:
                counts[1] += 1
                trace = "" if record is None else generator.trace_key(record)
                self.fault(generator.key, failure.code, failure.message, trace)
            for records in found.pages[:room]:
                counts[0] += len(records)
                counts[3] += 1
                self.work(generator, made, records)
                made += 1
            self.check()
            spilled = len(found.pages) > room
            if spilled or (made == self.pages and not progress.done) or time.monotonic() > self.ends:
                self.stop(generator, progress, spilled=spilled)
                return
        put_away_rest(generator, progress)

    def pages_of(self, generator: GeneratorPlan, progress: Progress, room: int) -> Generated:
        try:
            found: Generated = asked(lambda: generate(generator, progress, room=room))
        except LaterError:
            raise
        except DomainError as error:
            self.counts[generator.key][1] += 1
            name = self.plan.snapshot["exports"][self.plan.snapshot["generators"][generator.index]["_exportId"]]["name"]
            raise ValidationError(f"Export {name!r} failed: {error.message}", code=error.code) from error
        return found

    def stop(self, generator: GeneratorPlan, progress: Progress, *, spilled: bool) -> None:
        """The pages that were asked for are there. A file that was read into other pages as well stays where it is."""
        source, capture = generator.source, plan_recorder(self.recorder)
        left = spilled or bool(progress.carry)
        if isinstance(source, FileSource) and progress.cursor:
            if left and capture is not None:
                capture.drop(generator.key)
            elif not left:
                put_away_rest(generator, progress)
                if progress.cursor["at"] >= len(progress.cursor["files"]):
                    return
        if not progress.done or left:
            self.complete = False
            late = time.monotonic() > self.ends
            self.cut_because = "the time for it was over" if late else f"the first {self.pages} pages were asked for"

    def work(self, generator: GeneratorPlan, number: int, records: list[Any]) -> None:
        page = Page(
            id=new_id(), execution_id=self.plan.execution_id, organization_id=self.plan.organization_id,
            generator=generator.index, number=number, record_count=len(records), created_at=now(),
        )  # fmt: skip
        self.page_count += 1
        batch = fresh_batch(page, self.claim, records, root=self.plan.root)
        settlement = Settlement(self.plan, self.recorder)
        for _ in range(ROUNDS):
            if not batch.records:
                break
            for step in self.plan.steps:
                self.take(step, batch, settlement)
        for path, numbers in batch.counts.items():
            total = self.counts.setdefault(path, [0, 0, 0, 0])
            for index, value in enumerate([*numbers, 1]):
                total[index] += value
        self.forget(settlement, page)
        if generator.once is not None:
            self.mark(generator, number, records)

    def take(self, step: StepPlan, batch: Batch, settlement: Settlement) -> None:
        part = part_at(batch, step.position)
        if part is None:
            return
        if step.kind == "import":
            place = {"generator": batch.page.generator, "number": batch.page.number, "position": step.position}
            self.parts.append({**place, "keys": list(part.keys), "records": list(part.records)})
            capture = plan_recorder(self.recorder)
            if capture is not None:
                capture.weigh(len(orjson.dumps(part.records, option=orjson.OPT_NON_STR_KEYS)))
        outcome = step.runner.run([part], Turn(recorder=self.recorder, parts=[part]))[0]
        refuse_to_wait(outcome)
        if outcome.kept:
            kept = unpack(outcome.kept)
            known = self._files.setdefault(step.position, (kept["first"], []))
            known[1].extend(kept["rows"])
            outcome.kept = b""
        known_keys = set(batch.keys)
        settlement.apply(step, part, outcome)
        if step.kind == "router":
            self.copies.update({key: step.position for key in batch.keys if key not in known_keys})
        if step.after_mapping is not None:
            batch.records = [revived(record) for record in batch.records]

    def forget(self, settlement: Settlement, page: Page) -> None:
        """What would have been errors on the desk is told as faults."""
        keys = {step.resource_id: step.key for step in self.plan.steps}
        for error in settlement.found[page.id].errors:
            self.fault(keys.get(error.step_id, ""), error.code, error.message, error.trace_key)

    def fault(self, step: str, code: str, message: str, trace_key: str) -> None:
        self.fault_count += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append({"step": step, "code": code, "message": message[:1000], "traceKey": trace_key})

    def mark(self, generator: GeneratorPlan, number: int, records: list[Any]) -> None:
        keys = fresh_keys(self.plan.root, generator=generator.index, number=number, count=len(records))
        assert generator.once is not None  # noqa: S101 - asked by the caller
        failures = asked(lambda: generator.once.mark(records, keys, self.recorder))  # type: ignore[union-attr]
        for index, failure in failures.items():
            self.fault(generator.key, failure.code, failure.message, generator.trace_key(records[index]))

    def close_file(self, step: StepPlan) -> None:
        first, rows = self._files[step.position]
        runner = unwrapped(step.runner)
        if isinstance(runner, FileImportRunner):
            asked(lambda: runner.close(rows, first, self.recorder))

    def steps(self) -> list[tuple[str, str, Any, list[int]]]:
        """(path, kind, resource, counts) of all its places, for rows that show them."""
        nothing = [0, 0, 0, 0]
        found = [(g.key, "export", g.resource_id, self.counts.get(g.key, nothing)) for g in self.generators]
        return found + [
            (s.key, s.kind, s.resource_id, self.counts.get(s.key, nothing)) for s in self.plan.steps if s.key
        ]


def asked(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except OfflineError as error:
        raise ValidationError(error.message, code="connection_offline") from None
    except RetryLater as error:
        raise LaterError(error.until, error.reason) from None


def refuse_to_wait(outcome: Outcome) -> None:
    if not outcome.later:
        return
    if outcome.parked_on:
        raise ValidationError(outcome.reason or "A connection is offline.", code="connection_offline")
    if outcome.until is not None:
        raise LaterError(outcome.until, outcome.reason)
