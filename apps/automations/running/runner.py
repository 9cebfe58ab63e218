"""Walks an automation's actions in their order; each is committed before the next begins, so a resumed run skips it.

The surprise: a wait leaves the whole walk by an exception. When the run wakes, it walks again from the top: what is
done gives its kept output at once, and the action that waited is called again with the state it kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from apps.automations.actions.registry import NOTHING, Again, Stop, Wait
from apps.automations.approvals import gate
from apps.automations.errors import RejectedError
from apps.automations.models import AutomationVersion, Run
from apps.automations.running import functions, order
from apps.automations.running.compiled import Action, Compiled, compiled
from apps.automations.running.rendering import rendered
from apps.automations.running.steps import Steps
from apps.automations.running.turn import Turn
from apps.automations.runs import MAX_DEPTH
from apps.connections.failures import WaitError
from apps.core.errors import ConflictError, DomainError, ValidationError
from apps.core.joined import Statement, UnexpectedRowsError, change_together, find_row
from apps.engine import schemas
from apps.executions import kinds, services
from apps.executions.inline import OUTPUT
from apps.executions.models import Execution, ExecutionData, State, Step
from apps.executions.payloads import pack, unpack
from apps.executions.recording import ExecutionRecorder
from apps.executions.step_journal import StepJournal, recorded_steps
from apps.work import leases, sql
from apps.work import services as work
from apps.work.kinds import Claim, LeaseLostError

SKIPPED = "Its conditions did not hold."
STOPPED = "UPDATE automations_run SET stopped = true WHERE execution_id = %s"
FOUND_NOTHING = "It found nothing."


class ActionFailedError(DomainError):
    """The message names the action."""

    code = "action_failed"


class Left(Exception):
    """The walk is left, and everything is committed: the run waits, or has given its worker back."""


class Stopped(Exception):
    """The run ends quietly before its last action."""


class Runner:
    """One turn of a run on a worker that holds it."""

    def __init__(
        self, *, execution: Execution, claim: Claim | None, stored: Mapping[str, Any], run: Run, steps: Steps
    ) -> None:
        self.execution, self.held = execution, claim
        self.stored, self.run, self.steps = stored, run, steps
        self.env = functions.environment(execution.organization_id)
        self.version: AutomationVersion | None = None
        self.fresh = False  # whether no turn was before this one
        self.journal: StepJournal | None = None
        self.may_ask = True  # a person, in an approval
        self.error: DomainError | None = None  # what it ended with

    @classmethod
    def of(cls, run: kinds.Run) -> "Runner":
        data, row = find_row(ExecutionData, run.execution.id), find_row(Run, run.execution.id)
        if data is None or row is None:
            raise DomainError("What this run was started on is not there any more.")
        steps = Steps(run.execution, run.claim) if run.fresh else Steps.of(run.execution, run.claim)
        made = cls(execution=run.execution, claim=run.claim, stored=unpack(data.input), run=row, steps=steps)
        made.fresh = run.fresh
        return made

    @property
    def claim(self) -> Claim:
        if self.held is None:
            raise RuntimeError("a run that nobody holds was to be committed")
        return self.held

    def take_turn(self) -> None:
        stopped = ""
        if self.stored.get("place") and not self.steps.any and order.is_early(self.execution, self.stored["place"]):
            with transaction.atomic():
                work.wait_seconds(self.claim, order.PAUSE_SECONDS, reason="an earlier event is still being handed out")
            return
        try:
            program = self.program()
            scope = program.scope({**self.values(), "actions": {}})
            self.ask(program)
            try:
                self.walk(program.actions, scope, "")
                outputs = rendered(program.outputs, program.render_outputs, scope, self.env)
            except Stopped as stop:
                stopped, outputs = str(stop), {}
            output = pack({"outputs": outputs}, what="The output")
        except Left:
            return
        except LeaseLostError:
            raise
        except DomainError as error:
            self.error = error
            end = services.end_of(self.execution, error)
            if isinstance(error, RejectedError):
                end = {"state": State.CANCELED, "reason": error.message}
            doubt = "in doubt: " if self.journal is not None and self.journal.in_doubt else ""
            self.finish(state=end["state"], reason=doubt + end["reason"])
            return
        self.finish(state=State.SUCCEEDED, reason=stopped, output=output)

    def program(self) -> Compiled:
        if self.stored.get("fault"):
            raise DomainError(self.stored["fault"])
        if self.execution.depth > MAX_DEPTH:
            raise DomainError(f"Not run: {MAX_DEPTH} automations led to it one after another, as in a loop.")
        self.version = find_row(AutomationVersion, self.run.version_id)
        if self.version is None:
            raise DomainError(f"The automation {self.run.automation_slug} was deleted before this run had ended.")
        program = compiled(self.version)
        self.may_ask = program.may_ask
        return program

    def values(self) -> dict[str, Any]:
        return {name: self.stored.get(name) for name in ("data", "event", "args")}

    def ask(self, program: Compiled) -> None:
        """Waits for a person's yes, where the automation wants one, before anything is fetched or written."""
        if not program.needs_approval or self.version is None:
            return
        with transaction.atomic():
            work.confirm([self.claim])
            try:
                gate.require(self.execution, self.version, self.run.created_by)
            except Wait as wait:
                self.park(wait)
            else:
                return
        raise Left

    def walk(self, actions: Sequence[Action], scope: dict[str, Any], iteration: str) -> None:
        for action in actions:
            self.act(action, scope, iteration)

    def run_list(
        self, action: Action, outer: Mapping[str, Any], within: str, path: str, *, iteration: str = "", **values: Any
    ) -> dict[str, Any]:
        """Runs one of an action's nested lists; answers the `actions` that it has added.

        `path` is the list's place inside args, as `nested` gave it. `iteration` (`0`, `1`, …) tells the rounds of a
        loop apart. `values` are added to what the nested actions see; so are the actions that ran before.
        Raises ActionFailedError, and what leaves the walk.
        """
        before = outer["actions"]
        scope = {**outer, **values, "actions": dict(before)}
        rounds = f"{within}/{iteration}" if within and iteration else within or iteration
        self.walk(action.lists[path], scope, rounds)
        return {name: value for name, value in scope["actions"].items() if name not in before}

    def act(self, action: Action, scope: dict[str, Any], iteration: str) -> None:
        """Leaves the output in `scope["actions"]`."""
        step = self.steps.find(action.path, iteration)
        if step is not None and step.state == Step.State.FAILED:
            raise ActionFailedError(step.message)
        if step is None or step.state not in (Step.State.SUCCEEDED, Step.State.SKIPPED):
            try:
                step = self.perform(action, scope, iteration, step)
            except (LeaseLostError, ActionFailedError) as error:
                if isinstance(error, ActionFailedError):
                    self.steps.add(action, iteration, state=Step.State.FAILED, message=error.message)
                raise
            except DomainError as error:
                if error.code == services.CANCELED_CODE:
                    raise
                self.steps.add(action, iteration, state=Step.State.FAILED, message=why(action, error))
                if isinstance(error, RejectedError):
                    raise
                raise ActionFailedError(why(action, error), field=error.field, code=error.code) from error
        told = self.steps.outcome(step)
        if "stop" in told:
            raise Stopped(told["stop"])
        if "output" in told and action.id:
            scope["actions"][action.id] = {"output": told["output"]}

    def perform(self, action: Action, scope: dict[str, Any], iteration: str, step: Step | None) -> Step:
        """Calls the kind until it has an answer. Raises Left when it waits."""
        if step is None and action.test is not None and not action.test(scope, self.env):
            return self.steps.add(action, iteration, state=Step.State.SKIPPED, message=SKIPPED)
        args = {**action.args, **action.render(scope, self.env)} if action.render else action.args
        check_args(action, args)
        done = None
        while done is None:
            if self.held is not None and self.held.slice_is_over:
                self.give_back()
            kept = self.steps.find(action.path, iteration)
            turn = self.turn(action, scope, iteration, self.steps.outcome(kept).get("state") if kept else None)
            if action.kind.reads:
                done = self.keep(turn, action.kind.run(turn, args))
            else:
                done = self.reach_out(turn, args) if action.kind.outside else self.write(turn, args)
        return done

    def write(self, turn: Turn, args: Mapping[str, Any]) -> Step | None:
        """What a kind changes of Junction's own rows commits with its step: all of it once, or none."""
        with transaction.atomic():
            self.confirm()
            try:
                result = turn.action.kind.run(turn, args)
            except Wait as wait:
                self.park(wait, turn)
            except Again as again:
                self.keep_state(turn, again.state)
                return None
            else:
                done = self.keep(turn, result)
                self.flush()
                return done
        raise Left

    def reach_out(self, turn: Turn, args: Mapping[str, Any]) -> Step | None:
        """Outside of any transaction: what it sends is in the journal."""
        try:
            result = turn.action.kind.run(turn, args)
        except WaitError as error:
            self.park_now(Wait(until=error.until, reason=error.message, state=turn.state), turn)
        except Wait as wait:
            self.park_now(wait, turn)
        except Again as again:
            self.commit_state(turn, again.state)
            return None
        # It commits with the next intent, or before whatever takes time next: nothing is done between the two.
        return self.keep(turn, result)

    def turn(self, action: Action, scope: Mapping[str, Any], iteration: str, state: Any) -> Turn:
        def run_list(path: str, *, iteration: str = "", **values: Any) -> dict[str, Any]:
            return self.run_list(action, scope, turn.iteration, path, iteration=iteration, **values)

        turn = Turn(
            execution=self.execution,
            run=self.run,
            action=action,
            scope=scope,
            path=action.path,
            iteration=iteration,
            state=state,
            env=self.env,
            journal_of=self.open_journal,
            run_list=run_list,
            keep_state=lambda state: self.commit_state(turn, state),
            said=[],
        )
        return turn

    def open_journal(self) -> StepJournal:
        if self.journal is None:
            self.journal = StepJournal(
                self.execution,
                recorder=ExecutionRecorder(self.execution.id, self.execution.organization_id),
                recorded={} if self.fresh else recorded_steps(self.execution),
                root=str(self.execution.id),
                claim=self.claim,
                beside=self.steps,
                fresh=self.fresh,
            )
        return self.journal

    def keep(self, turn: Turn, result: Any) -> Step:
        """As the step's end, to be committed with the next flush."""
        told: dict[str, Any] = {}
        message = turn.said[-1] if turn.said else ""
        if isinstance(result, Stop):
            told, message = {"stop": result.reason}, message or result.reason
        elif result is NOTHING:
            message = message or FOUND_NOTHING
        else:
            told = {"output": result}
        return self.steps.add(turn.action, turn.iteration, state=Step.State.SUCCEEDED, told=told, message=message)

    def keep_state(self, turn: Turn, state: Any) -> None:
        self.note_state(turn, state)
        self.flush()

    def note_state(self, turn: Turn, state: Any) -> None:
        """To be committed with the next flush."""
        message = turn.said[-1] if turn.said else ""
        told = {"state": state}
        self.steps.add(turn.action, turn.iteration, state=Step.State.WAITING, told=told, message=message)

    def commit_state(self, turn: Turn, state: Any) -> None:
        with transaction.atomic():
            self.confirm()
            self.keep_state(turn, state)

    def confirm(self) -> None:
        """At the start of each transaction that commits progress. Raises LeaseLostError, or tells of a cancel."""
        work.progress([self.claim])
        if Execution.objects.filter(pk=self.execution.pk, state=State.CANCELING).exists():
            raise ConflictError("The execution was canceled.", code=services.CANCELED_CODE)

    def flush(self) -> None:
        """In a transaction."""
        if self.journal is not None:
            self.journal.commit_pending()
        else:
            self.steps.flush()

    def park_now(self, wait: Wait, turn: Turn) -> None:
        with transaction.atomic():
            self.confirm()
            self.park(wait, turn)
        raise Left

    def park(self, wait: Wait, turn: Turn | None = None) -> None:
        """In a transaction. The order of locks is the work item, the execution, then what `unless` looks at.

        One that is being canceled meanwhile does not wait: its next turn ends it.
        """
        if turn is not None:
            told = {"state": wait.state}
            self.steps.add(turn.action, turn.iteration, state=Step.State.WAITING, told=told, message=wait.reason)
        self.flush()
        waits = Execution.objects.filter(pk=self.execution.pk, state=State.RUNNING)
        if wait.until is None:
            work.park([self.claim], on=f"wake:{self.execution.id}", reason=wait.reason)
        else:
            work.wait_until(self.claim, wait.until, reason=wait.reason)
        if not waits.update(state=State.WAITING) or (wait.unless is not None and wait.unless()):
            work.hurry(kind=services.WORK, target_id=self.execution.id)

    def give_back(self) -> None:
        with transaction.atomic():
            self.confirm()
            self.flush()
            work.release([self.claim])
        raise Left

    def finish(self, *, state: str, reason: str = "", output: bytes | None = None) -> None:
        if services.ends_unheard(self.execution, state=state, closed=not self.may_ask):
            self.finish_at_once(state=state, reason=reason, output=output)
            return
        with transaction.atomic():
            work.finish([self.claim])
            self.flush()
            if output is not None:
                ExecutionData.objects.filter(execution=self.execution).update(output=output)
            if reason and state == State.SUCCEEDED:
                Run.objects.filter(execution=self.execution).update(stopped=True)
            services.finish_execution(self.execution, state=state, reason=reason)

    def finish_at_once(self, *, state: str, reason: str, output: bytes | None) -> None:
        """In one round trip. Raises LeaseLostError."""
        statements = self.journal.take_statements() if self.journal is not None else self.steps.take_statements()
        statements += [work.finishing(self.claim), services.ending(self.execution, state=state, reason=reason)]
        if output is not None:
            statements.append(Statement(OUTPUT, [output, sql.param(self.execution.id)]))
        if reason and state == State.SUCCEEDED:
            statements.append(Statement(STOPPED, [sql.param(self.execution.id)]))
        try:
            change_together(statements)
        except UnexpectedRowsError:
            raise LeaseLostError("Another worker has taken this run over.") from None
        finally:
            leases.let_go([self.claim])


def check_args(action: Action, args: Mapping[str, Any]) -> None:
    """The rendered args. Raises ValidationError naming the member."""
    problems = schemas.check(action.kind.schema, args)
    if problems:
        path, message = problems[0]
        at = f"{action.path}.args.{path}" if path else f"{action.path}.args"
        raise ValidationError(f"{at}: {message}", field=at)


def why(action: Action, error: DomainError) -> str:
    """The message with the action it is about, for a person who reads the run's end only."""
    return f"{action.id or action.path}: {error.message}"
