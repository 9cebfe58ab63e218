"""A run's snapshot, compiled: what every worker that takes part in the run keeps in memory for its pages."""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from apps.executions.models import Execution
from apps.executions.payloads import unpack
from apps.flows.pipeline.batch import generator_of
from apps.flows.pipeline.steps import Failure, StepRunner

END = -1
PLANS_KEPT = 64
_plans: "OrderedDict[uuid.UUID, FlowPlan]" = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class StepPlan:
    """One place in a flow. `position` orders all steps; `next` is where a record goes on, END when it is through.

    `key` is the step's path in counts and step rows, `stage` the word its retry data carries.
    """

    position: int
    key: str
    kind: str
    resource_id: uuid.UUID
    next: int
    runner: StepRunner
    stage: str
    proceed_on_failure: bool
    trace_key: Callable[[str, Any], str]  # of a record, by its key and as it stands
    map_response: Callable[[Any, Any], Any] | None = None
    after_mapping: Callable[[list[Any], list[Any]], "list[Any] | Failure"] | None = None


class Script(Protocol):
    """Where records go that are not to go where their steps would send them."""

    def move(self, batch: Any, place: int, step: StepPlan) -> int: ...

    def stop_copies(self, batch: Any, place: int, step: StepPlan) -> None: ...


@dataclass(frozen=True)
class FlowPlan:
    """`book` holds what a plan has kept, for the run that applies it."""

    execution_id: uuid.UUID
    organization_id: uuid.UUID
    flow_id: uuid.UUID
    integration_id: uuid.UUID | None
    root: str
    snapshot: dict[str, Any]
    steps: tuple[StepPlan, ...]
    keeps_retry_data: bool
    auto_resolve: bool
    watched: Mapping[str, datetime] = field(default_factory=dict)  # steps somebody looks at, each until a moment
    addresses: tuple[Callable[[Any], str] | None, ...] = ()  # by generator: where its records are found by a person
    book: "Script | None" = None

    def address_of(self, key: str, record: Any) -> str:
        """The source's address of a record, by its key; made of the record as it stands."""
        number = generator_of(key)
        make = self.addresses[number] if 0 <= number < len(self.addresses) else None
        return make(record) if make else ""

    def goes_on_after(self, step: StepPlan) -> bool:
        return any(other.position > step.position for other in self.steps)


def of(execution: Execution) -> FlowPlan:
    """The plan of a run, compiled once a process. Raises DomainError when a document cannot be run."""
    with _lock:
        plan = _plans.get(execution.id)
        if plan is not None:
            _plans.move_to_end(execution.id)
            return plan
    from apps.flows.pipeline.compiling import compile_plan

    plan = compile_plan(execution, unpack(execution.data.input))
    with _lock:
        _plans[execution.id] = plan
        while len(_plans) > PLANS_KEPT:
            _plans.popitem(last=False)
    return plan


def forget(execution_id: uuid.UUID) -> None:
    with _lock:
        _plans.pop(execution_id, None)
