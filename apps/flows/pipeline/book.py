"""What a plan has kept, as the run that applies it reads it: by step and record.

The surprise: a record goes on as the plan has it, not as its steps would make it now. Only where the plan had to leave
a placeholder - the answer of a write that nobody had sent yet - does a record go through the steps from there on.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from apps.connections.access import OpenConnection
from apps.connections.fingerprints import connection_fingerprint
from apps.connections.models import Connection
from apps.core.errors import ConflictError, ValidationError
from apps.core.ids import parse_id
from apps.flows.models import Plan
from apps.flows.pipeline.batch import Batch
from apps.flows.pipeline.capturing import Unit, restored
from apps.flows.pipeline.plan_contents import open_content
from apps.flows.pipeline.plans import END, StepPlan

SOURCES = "generators["  # steps whose writes are of the source: files that are put away, records that are marked


@dataclass
class Book:
    """What a plan has kept, by step and record. `parts[position][key]` is a record as it stood before that step.

    `answered` are positions whose answers go into the record, `hooked` those at which a script may change any record of
    a page by them: behind these a record's steps are run.
    """

    plan_id: str
    began: str
    complete: bool
    parts: dict[int, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    pages: dict[tuple[int, int], list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    copies: dict[str, int] = field(default_factory=dict)
    fates: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: dict[str, list[int]] = field(default_factory=dict)
    units: dict[str, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    stamps: dict[str, str] = field(default_factory=dict)
    steps: dict[int, str] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    hooked: set[int] = field(default_factory=set)

    def unit_of(self, step: str) -> dict[str, Unit]:
        return {key: unit for unit in self.units.get(step, []) for key in unit.keys}

    def is_live(self, key: str, position: int) -> bool:
        """Whether the record, or what it was copied from, has passed a step whose answer the plan did not know."""
        names = ancestry(key)
        return any(self.was_answered(name, at) for at in self.answered if at < position for name in names)

    def was_answered(self, name: str, at: int) -> bool:
        left_out = name in self.fates.get(self.steps[at], {}) and at not in self.hooked
        return name in self.parts.get(at, {}) and not left_out

    def knows(self, key: str, position: int) -> bool:
        return base_of(key) in self.parts.get(position, {})

    def move(self, batch: Batch, place: int, step: StepPlan) -> int:
        """Where a record goes after a step; it becomes what the plan has there."""
        key = batch.keys[place]
        if step.next == END or self.is_live(key, step.position + 1):
            return step.next
        for position in sorted(self.parts):
            if position > step.position and key in self.parts[position]:
                batch.records[place] = self.parts[position][key]
                return position
        return END

    def stop_copies(self, batch: Batch, place: int, step: StepPlan) -> None:
        """A record that has stopped is not copied by the routers that come after."""
        start = f"{batch.keys[place]}>"
        for other, key in enumerate(batch.keys):
            if key.startswith(start) and step.position < self.copies.get(key, -1):
                batch.at[other] = END

    def first_places(self, generator: int, number: int) -> list[tuple[str, int, Any]]:
        """(key, position, record) of all records of a page that stand before a write which is sent as planned."""
        found: dict[str, int] = {}
        for position, key in sorted(self.pages[generator, number]):
            if not self.is_live(key, position):
                found.setdefault(key, position)
        return [(key, position, self.parts[position][key]) for key, position in found.items()]

    def check(self, connection: OpenConnection) -> None:
        """Raises ConflictError where the connection is not what the plan has seen."""
        row = Connection.objects.select_related("security", "connector").filter(pk=connection.id).first()
        known = self.stamps.get(row.hex_id) if row else None
        if row is None or (known and known != connection_fingerprint(row)):
            raise ConflictError(f"Connection {connection.name} has changed since it was planned.", code="plan_outdated")


def base_of(key: str) -> str:
    """A child's parent."""
    return key.partition("/")[0]


def ancestry(key: str) -> list[str]:
    parts = base_of(key).split(">")
    return [">".join(parts[: n + 1]) for n in range(len(parts))]


def load_book(snapshot: dict[str, Any]) -> Book:
    """Raises ConflictError when the plan's content is gone."""
    row_id = parse_id(snapshot["apply"])
    rows = Plan.objects.select_related("execution").filter(execution__pk__in=[row_id] if row_id else [])
    plan = rows.first()
    content = open_content(plan) if plan else None
    if plan is None or content is None:
        raise ConflictError("The plan has expired.", code="plan_expired")
    started = plan.execution.started_at or plan.execution.created_at
    book = Book(
        plan_id=plan.execution.hex_id,
        began=started.isoformat(),
        complete=plan.complete,
        copies=content["copies"],
        fates=content["fates"],
        counts=content["counts"],
        stamps={one["id"]: one["stamp"] for one in plan.fingerprints if one["kind"] == "connection"},
    )
    for part in content["parts"]:
        for key, record in zip(part["keys"], part["records"], strict=True):
            book.parts[part["position"]][key] = record
            book.pages[part["generator"], part["number"]].append((part["position"], key))
    for unit in content["units"]:
        found = Unit(**unit)
        book.units[found.step].append(found)
    return book


def files_of(book: Book, step: StepPlan, arrived: int) -> list[dict[str, Any]]:
    """What a step writes when all pages are through. ValidationError where a record of it has not come."""
    wholes = [restored(one) for unit in book.units.get(step.key, []) for one in unit.wholes]
    wanted = book.counts.get(step.key, [0])[0]
    if wholes and arrived < wanted:
        raise ValidationError(
            f"The file of {step.key} was planned with {wanted} records, and {arrived} have come to it: it was not"
            " written.",
            code="not_in_plan",
        )
    return wholes


def source_units(book: Book) -> list[Unit]:
    return [unit for step, units in book.units.items() if step.startswith(SOURCES) for unit in units]
