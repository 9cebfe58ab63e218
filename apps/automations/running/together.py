"""Runs many short runs of one automation at once: all of them in memory, then all of it in one commit.

Short is what only maps and reads: no action of it reaches outside, writes or waits. A run that turns out otherwise, or
whose end somebody listens to, is done alone, as any other.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from apps.automations.actions.registry import Wait
from apps.automations.models import AutomationVersion, Run
from apps.automations.running.compiled import Compiled, compiled
from apps.automations.running.runner import Runner
from apps.automations.running.steps import Steps
from apps.automations.running.turn import Turn
from apps.core.clock import now
from apps.core.errors import DomainError
from apps.core.joined import Statement, UnexpectedRowsError, change_together, find_rows
from apps.executions import kinds, services
from apps.executions.models import ExecutionData, State
from apps.executions.payloads import unpack
from apps.executions.queue import take_turn
from apps.work import leases, sql
from apps.work.kinds import Claim

ENDS = (
    "UPDATE executions_execution SET state = v.column2, reason = v.column3, started_at = {moment}, ended_at = {moment}"
    " FROM (VALUES {rows}) AS v WHERE executions_execution.id = v.column1 AND executions_execution.state = 'queued'"
)
OUTPUTS = (
    "UPDATE executions_executiondata SET output = v.column2 FROM (VALUES {rows}) AS v"
    " WHERE executions_executiondata.execution_id = v.column1"
)
STOPS = "UPDATE automations_run SET stopped = true WHERE execution_id IN ({rows})"
DONE = "DELETE FROM work_workitem WHERE (id, fence) IN (VALUES {rows}) AND lease_until IS NOT NULL"


class NotShort(Exception):
    """It would have to be committed before its end."""


class Sketch(Runner):
    """A run in memory. What it came to stands in `state`, `reason` and `output`."""

    state, reason, output = "", "", None

    def program(self) -> Compiled:
        if self.stored.get("fault"):
            raise DomainError(self.stored["fault"])
        return compiled(self.version) if self.version else super().program()

    def ask(self, program: Compiled) -> None:
        if not program.is_short:
            raise NotShort

    def write(self, turn: Turn, args: Mapping[str, Any]) -> NoReturn:
        raise NotShort

    def commit_state(self, turn: Turn, state: Any) -> None:
        self.note_state(turn, state)

    def park_now(self, wait: Wait, turn: Turn) -> NoReturn:
        raise NotShort

    def open_journal(self) -> NoReturn:
        raise NotShort

    def finish(self, *, state: str, reason: str = "", output: bytes | None = None) -> None:
        self.state, self.reason, self.output = state, reason, output


def run_many(runs: list[kinds.Run]) -> None:
    """Settles every claim: those that were not done together are taken one by one."""
    done: list[Sketch] = []
    waiting: list[Sketch] = []
    alone: list[Claim] = []
    unheard: dict[str, bool] = {}
    for sketch in sketches(runs, alone):
        try:
            sketch.take_turn()
        except NotShort:
            alone.append(sketch.claim)
            continue
        if sketch.state not in unheard:  # all are of one organization
            unheard[sketch.state] = services.ends_unheard(sketch.execution, state=sketch.state, closed=True)
        fits = unheard[sketch.state] and not sketch.execution.parent_id
        (done if fits else waiting).append(sketch)
    if done and not commit(done):
        waiting += done
    alone += [sketch.claim for sketch in waiting]
    for claim in alone:
        take_turn(claim)


def sketches(runs: Sequence[kinds.Run], alone: list[Claim]) -> list[Sketch]:
    """Those that can be tried, with all that they need; the others' claims go to `alone`."""
    ids = [run.execution.id for run in runs]
    data, rows = find_rows(ExecutionData, ids), find_rows(Run, ids)
    wanted = {row.version_id for row in rows.values()}
    versions = find_rows(AutomationVersion, list(wanted))
    found = []
    for run in runs:
        row, stored = rows.get(run.execution.id), data.get(run.execution.id)
        version = versions.get(row.version_id) if row else None
        if row is None or stored is None or version is None:
            alone.append(run.claim)
            continue
        sketch = Sketch(
            execution=run.execution, claim=run.claim, stored=unpack(stored.input), run=row,
            steps=Steps(run.execution, run.claim),
        )  # fmt: skip
        sketch.version = version
        found.append(sketch)
    return found


def commit(done: Sequence[Sketch]) -> bool:
    """False where something of it has changed meanwhile: then nothing was."""
    moment = sql.param(now())
    ends = [value for one in done for value in (sql.param(one.execution.id), str(one.state), one.reason[:500])]
    places = [value for one in done for value in (sql.param(one.claim.id), one.claim.fence)]
    statements = [
        Statement(DONE.format(rows=marks(2, len(done))), places, expects=len(done)),
        Statement(ENDS.format(rows=marks(3, len(done)), moment="%s"), [moment, moment, *ends], expects=len(done)),
    ]
    given = [one for one in done if one.output is not None]
    outputs = [value for one in given for value in (sql.param(one.execution.id), one.output)]
    stopped = [sql.param(one.execution.id) for one in done if one.reason and one.state == State.SUCCEEDED]
    if outputs:
        statements.append(Statement(OUTPUTS.format(rows=marks(2, len(given))), outputs))
    if stopped:
        statements.append(Statement(STOPS.format(rows=", ".join(["%s"] * len(stopped))), stopped))
    for one in done:
        one.claim.check()
        statements += one.steps.take_statements()
    try:
        change_together(statements)
    except UnexpectedRowsError:
        return False
    leases.let_go([one.claim for one in done])
    return True


def marks(width: int, count: int) -> str:
    return ", ".join([f"({', '.join(['%s'] * width)})"] * count)
