"""A run in a few words, for the console: its outcome, its numbers, the sentence that is to be known first.

The surprise: a record counts once in each import it is written by, so a run tells what it read and what it wrote.
"""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.console.display import NOTHING, badge
from apps.executions.jobs import JOB_KINDS, PLAN, Tally
from apps.executions.models import Execution, State, Step


def target_kind(row: Execution) -> str:
    """A replay's is that of what it replays."""
    kind = row.parent.kind if row.kind == "replay" and row.parent else row.kind
    return "flow" if kind in ("retry", PLAN) else kind


def kind_of(row: Execution) -> str:
    """A retry, a plan and a replay are told from a run at a glance."""
    return badge(row.kind, look="info") if row.kind in ("retry", PLAN, "replay") else row.kind


def outcome_of(row: Execution, errors: int) -> str:
    """The badge's words: a run that succeeded with failed records is no plain success."""
    return "with errors" if row.state == State.SUCCEEDED and errors else row.state


def step_outcome(run: Execution, step: Step, tally: Tally) -> str:
    """As `outcome_of`, for one step. Its row alone does not say it: the steps of an ended run are all settled."""
    state, is_source = Step.State(step.state), step.kind == "export"
    if step.kind not in ("export", "lookup", "import"):
        return state
    if not run.is_terminal:
        unsettled = "running" if run.state == State.RUNNING else run.state
        return unsettled if state == Step.State.WAITING else with_errors(state, tally)
    if state == Step.State.FAILED:
        return state
    if is_source and run.kind == "retry":
        return "not read"
    if is_source and state == Step.State.WAITING and run.state != State.SUCCEEDED:
        return "cut short"
    if not is_source and not tally.pages:
        return "no records" if run.state == State.SUCCEEDED else "not reached"
    if run.state == State.CANCELED and not is_source and tally.pages < run.pages_generated:
        return "cut short"
    return with_errors(Step.State.SUCCEEDED, tally)


def with_errors(state: str, tally: Tally) -> str:
    return "with errors" if state == State.SUCCEEDED and tally.error else state


def failed(count: int) -> SafeString:
    look = "jn-bad" if count else "jn-number"
    return format_html('<span class="{}">{} failed</span>', look, f"{count:,}")


def numbers(tally: Tally) -> SafeString:
    """Of one step: each record that came to it is one of these."""
    ignored = f", {tally.ignore:,} ignored" if tally.ignore else ""
    return format_html('<span class="jn-number">{} ok, {}{}</span>', f"{tally.success:,}", failed(tally.error), ignored)


def records(row: Execution, tally: Tally) -> SafeString | str:
    """Of a run: what it read, and what all its imports wrote together."""
    if row.kind not in (*JOB_KINDS, PLAN):
        return NOTHING
    told = [f"{tally.exported:,} read"] if row.kind in ("flow", PLAN) else []
    if row.kind == PLAN:
        told.append(f"{tally.success:,} to be written")
    elif tally.imports:
        by = f" by {tally.imports} imports" if tally.imports > 1 and tally.success else ""
        told.append(f"{tally.success:,} written{by}")
    ignored = f", {tally.ignore:,} ignored" if tally.ignore else ""
    before = "".join(f"{text}, " for text in told)
    return format_html('<span class="jn-number">{}{}{}</span>', before, failed(tally.error), ignored)


def ending(row: Execution, tally: Tally) -> str:
    """Why it ended so, or what it said last; why an open one waits is `explain`'s to say."""
    match row.state:
        case State.FAILED:
            return row.reason or "It failed, and gave no reason."
        case State.CANCELED:
            return f"It was canceled. {row.reason}" if row.reason not in ("", "canceled") else "It was canceled."
        case State.SUCCEEDED if row.error_count:
            if row.kind == PLAN:
                return f"Of this {counted(row.error_count)} would fail."
            return f"It went through, but {counted(row.error_count)} failed on the way{still_open(row, tally)}."
        case State.SUCCEEDED:
            return ""
    return row.reason


def still_open(row: Execution, tally: Tally) -> str:
    if tally.open_errors >= row.error_count:
        return ""
    return f"; {tally.open_errors:,} still open" if tally.open_errors else "; none is open any more"


def counted(count: int, noun: str = "record") -> str:
    return f"one {noun}" if count == 1 else f"{count:,} {noun}s"
