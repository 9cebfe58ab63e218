"""What every import does to a page before it submits anything: filter, preMap, mapping, postMap, exists check."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from apps.connections.access import OpenConnection
from apps.core.gateway import GatewayError, Recorder, RetryLater
from apps.engine.context import RecordContext
from apps.engine.errors import MappingError
from apps.engine.mapping import Mapper
from apps.engine.paths import MISSING
from apps.engine.sandbox import SandboxError
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.lookups import LookupDelayedError, LookupDesk, OutsideLookups
from apps.flows.pipeline.mocks import pretend
from apps.flows.pipeline.runners.failing import failure_of, held_up, postpone
from apps.flows.pipeline.scopes import Text, address_of, environment
from apps.flows.pipeline.scripts import Hook, aligned, listed, said_failure, script_failure
from apps.flows.pipeline.shaping import Change, Keep, RecordFailedError
from apps.flows.pipeline.steps import Failure, Outcome

Operation = Literal["create", "update"]


@dataclass(slots=True)
class Mapped:
    """`records` are aligned with the part; those in the outcome's failures or ignored are not to be submitted.

    `sources` are the records before the mapping, as preMap and the transform have left them; `desk` answers lookups.
    """

    records: list[Any]
    sources: list[Any]
    operations: list[Operation] | None
    outcome: Outcome
    desk: LookupDesk | None = None

    def submitted(self) -> list[int]:
        return going(self.outcome, len(self.records))

    def by_operation(self) -> dict[Operation, list[int]]:
        indexes = self.submitted()
        if self.operations is None:
            return {"create": indexes}
        split: dict[Operation, list[int]] = {}
        for i in indexes:
            split.setdefault(self.operations[i], []).append(i)
        return split


def going(outcome: Outcome, count: int) -> list[int]:
    """The places of the records that have neither failed nor been ignored so far."""
    if not outcome.failures and not outcome.ignored and not outcome.later:
        return list(range(count))
    out = outcome.failures.keys() | outcome.ignored | outcome.later
    return [i for i in range(count) if i not in out]


@dataclass(frozen=True)
class ImportMapping:
    """`exists` reads from the record whether the target has it already (composite imports and exists checks);
    `exists_by` names a lookup that tells instead.

    `reads_responses` is false when neither a hook nor a response mapping will look at them.
    """

    mapper: Mapper
    keep: Keep | None
    change: Change | None
    make_context: Callable[[OpenConnection], RecordContext]
    pre_map: Hook | None = None
    post_map: Hook | None = None
    post_submit: Hook | None = None
    post_aggregate: Hook | None = None
    exists: Callable[[Any], Any] | None = None
    composite: bool = False
    ignore_existing: bool = False
    ignore_missing: bool = False
    reads_responses: bool = True
    lookups: OutsideLookups | None = None
    transform_lookups: OutsideLookups | None = None
    exists_by: str = ""
    change_response: Change | None = None
    data_uri: Text | None = None
    answers: Sequence[dict[str, Any]] = ()  # of a test run: what the target would say, record by record

    def map_part(self, part: Part, connection: OpenConnection, recorder: Recorder | None = None) -> Mapped:
        outcome, context = Outcome(), self.make_context(connection)
        records = part.records
        desk = None
        if self.lookups is not None:
            desk = self.lookups.desk(connection, context.scope, recorder)
            context.lookup, context.env = desk, replace(context.env, lookups=desk.by_key)
        if self.keep is not None:
            self.filter(records, context, outcome)
        if self.pre_map is not None:
            records = self.hook(self.pre_map, "preMap", "pre_map_hook", outcome, records, data=records)
        if self.change is not None:
            records = self.transform(records, context, outcome, connection, recorder)
        there = self.look_for(records, outcome, desk, connection)
        operations: list[Operation] | None = None
        if self.composite and there is not None:
            operations = ["update" if yes else "create" for yes in there]
        mapped = self.map_records(records, operations, context, outcome, connection)
        if self.post_map is not None:
            options = {"preMapData": records, "postMapData": mapped}
            mapped = self.hook(self.post_map, "postMap", "post_map_hook", outcome, mapped, **options)
        if there is not None:
            self.check_existing(there, outcome)
        return Mapped(records=mapped, sources=records, operations=operations, outcome=outcome, desk=desk)

    def look_up_texts(self, mapped: Mapped, connection: OpenConnection) -> dict[int, dict[str, Any]]:
        """`lookup` of each record's templates; empty where none of them names a lookup."""
        desk = mapped.desk
        if desk is None or not desk.plan.in_texts:
            return {}
        indexes = mapped.submitted()
        found = desk.resolve(lambda: [caught(desk.scope_of, mapped.sources[i]) for i in indexes])
        looked = dict(zip(indexes, found, strict=True))
        for index, answer in looked.items():
            if isinstance(answer, MappingError):
                not_mapped(mapped.outcome, index, answer, connection)
        return looked

    def look_for(
        self, records: list[Any], outcome: Outcome, desk: LookupDesk | None, connection: OpenConnection
    ) -> list[bool] | None:
        """Whether the target has each record already; None where nobody asks."""
        if self.exists_by and desk is not None:
            return self.look_up_existing(records, outcome, desk, connection)
        if self.exists is None:
            return None
        return [self.exists(record) not in (MISSING, None, "") for record in records]

    def look_up_existing(
        self, records: list[Any], outcome: Outcome, desk: LookupDesk, connection: OpenConnection
    ) -> list[bool]:
        indexes = going(outcome, len(records))
        found = desk.resolve(lambda: [caught(desk.has, self.exists_by, records[i]) for i in indexes])
        there = [False] * len(records)
        for index, answer in zip(indexes, found, strict=True):
            if isinstance(answer, MappingError):
                not_mapped(outcome, index, answer, connection)
            else:
                there[index] = answer
        return there

    def filter(self, records: list[Any], context: RecordContext, outcome: Outcome) -> None:
        assert self.keep is not None  # noqa: S101 - asked by the caller
        for index, record in enumerate(records):
            try:
                if not self.keep(record, context):
                    outcome.ignored.add(index)
            except RecordFailedError as error:
                outcome.failures[index] = error.failure

    def transform(
        self,
        records: list[Any],
        context: RecordContext,
        outcome: Outcome,
        connection: OpenConnection,
        recorder: Recorder | None,
    ) -> list[Any]:
        assert self.change is not None  # noqa: S101 - asked by the caller
        indexes = going(outcome, len(records))
        some = [records[i] for i in indexes]
        if self.transform_lookups is None:
            results = change_all(self.change, some, context)
        else:
            desk = self.transform_lookups.desk(connection, context.scope, recorder)
            context = replace(context, lookup=desk, env=replace(context.env, lookups=desk.by_key))
            results = desk.resolve(lambda: change_all(self.change, some, context))
        changed = list(records)
        for index, result in zip(indexes, results, strict=True):
            if not isinstance(result, RecordFailedError):
                changed[index] = result
            elif isinstance(result.cause, GatewayError):
                wait_for(outcome, index, result.cause, connection)
            else:
                outcome.failures[index] = result.failure
        return changed

    def map_records(
        self,
        records: list[Any],
        operations: list[Operation] | None,
        context: RecordContext,
        outcome: Outcome,
        connection: OpenConnection,
    ) -> list[Any]:
        """Only those that go on: a record that was ignored cannot fail any more. Conditions know the operation."""
        if self.mapper.is_identity:
            return records
        indexes = going(outcome, len(records))
        desk = context.lookup
        if isinstance(desk, LookupDesk):
            mapped = desk.resolve(lambda: self.map_all(records, operations, context, indexes))
        else:
            mapped = self.map_all(records, operations, context, indexes)
        for index in indexes:
            if isinstance(mapped[index], MappingError):
                not_mapped(outcome, index, mapped[index], connection)
        return mapped

    def map_all(
        self, records: list[Any], operations: list[Operation] | None, context: RecordContext, indexes: list[int]
    ) -> list[Any]:
        if operations is None and len(indexes) == len(records):
            return self.map_some(records, context)
        mapped = list(records)
        chosen: tuple[Operation | None, ...] = (None,) if operations is None else ("create", "update")
        for operation in chosen:
            some = [i for i in indexes if operations is None or operations[i] == operation]
            context.operation = operation
            results = self.map_some([records[i] for i in some], context)
            for index, result in zip(some, results, strict=True):
                mapped[index] = result
        return mapped

    def map_some(self, records: list[Any], context: RecordContext) -> list[Any]:
        desk = context.lookup
        if not isinstance(desk, LookupDesk) or not desk.plan.in_texts:
            return self.mapper.map_page(records, context)
        mapped: list[Any] = []
        for record in records:  # templates of the mapping see the values of lookups, each record its own
            found = caught(desk.scope_of, record)
            if isinstance(found, MappingError):
                mapped.append(found)
                continue
            own = replace(context, scope={**context.scope, "lookup": found})
            mapped += self.mapper.map_page([record], own)
        return mapped

    def hook(
        self, hook: Hook, name: str, source: str, outcome: Outcome, default: list[Any], **options: list[Any]
    ) -> list[Any]:
        """preMap and postMap: an entry a record that goes on, {data}, {errors}, both, or {} to ignore it."""
        indexes = going(outcome, len(default))
        if not indexes:
            return default
        options = {option: [values[i] for i in indexes] for option, values in options.items()}
        try:
            answer = aligned(hook.call(**options), count=len(indexes), name=name, source=source)
        except SandboxError as error:
            answer = script_failure(source, error)
        if isinstance(answer, Failure):
            outcome.failures.update(dict.fromkeys(indexes, answer))
            return default
        records = list(default)
        for index, entry in zip(indexes, answer, strict=True):
            if not isinstance(entry, dict) or not ("data" in entry or "errors" in entry):
                outcome.ignored.add(index)
                continue
            if "data" in entry:
                records[index] = entry["data"]
            if entry.get("errors"):
                failure = said_failure(source, listed(entry["errors"])[0])
                if "data" in entry:
                    outcome.noted.append((index, failure))
                else:
                    outcome.failures[index] = failure
        return records

    def check_existing(self, there: list[bool], outcome: Outcome) -> None:
        """Ignores what the target has already, or has not."""
        indexes = going(outcome, len(there))
        if self.ignore_existing:
            outcome.ignored.update(i for i in indexes if there[i])
        if self.ignore_missing:
            outcome.ignored.update(i for i in indexes if not there[i])

    def after_submit(self, mapped: Mapped) -> None:
        """postSubmit: may change responses, and turn a success into a failure."""
        outcome = mapped.outcome
        if self.answers:
            pretend(outcome, mapped.submitted(), self.answers)
        if self.data_uri is not None:
            self.address(mapped, self.data_uri)
        if self.change_response is not None:
            self.transform_responses(outcome)
        indexes = sorted(outcome.responses)
        if self.post_submit is None or not indexes:
            return
        source = "post_submit_hook"
        try:
            called = self.post_submit.call(
                preMapData=[mapped.sources[i] for i in indexes],
                postMapData=[mapped.records[i] for i in indexes],
                responseData=[outcome.responses[i] for i in indexes],
            )
            answer = aligned(called, count=len(indexes), name="postSubmit", source=source)
        except SandboxError as error:
            answer = script_failure(source, error)
        if isinstance(answer, Failure):
            outcome.failures.update(dict.fromkeys(indexes, answer))
            return
        for index, response in zip(indexes, answer, strict=True):
            outcome.responses[index] = response
            errors = response.get("errors") if isinstance(response, dict) else None
            if errors and response.get("statusCode") == 422:
                outcome.failures[index] = said_failure(source, listed(errors)[0], code="422")

    def address(self, mapped: Mapped, template: Text) -> None:
        """Where a person finds a record in the target: made of what it answered where that says enough, else of what
        was sent. Failed records keep theirs with their errors."""
        outcome = mapped.outcome
        for index, response in outcome.responses.items():
            seen = response.get("_json")
            seen = {"id": response.get("id"), **seen} if isinstance(seen, dict) else {"id": response.get("id")}
            address = address_of(template, seen) or address_of(template, mapped.records[index])
            outcome.responses[index] = {**response, "dataURI": address}
        for index, failure in outcome.failures.items():
            record = mapped.records[index]
            address = address_of(template, mapped.sources[index] if isinstance(record, MappingError) else record)
            outcome.failures[index] = replace(failure, import_data_uri=address)

    def transform_responses(self, outcome: Outcome) -> None:
        """responseTransform sees what the target said of a record, and its result stands in that place."""
        assert self.change_response is not None  # noqa: S101 - asked by the caller
        context = RecordContext(env=environment())
        for index, response in outcome.responses.items():
            if index in outcome.failures:
                continue
            try:
                outcome.responses[index] = {**response, "_json": self.change_response(response.get("_json"), context)}
            except RecordFailedError as error:
                outcome.failures[index] = replace(error.failure, source="response_transformation")


def caught(ask: Callable[..., Any], *args: Any) -> Any:
    """A record's fault as a value: it concerns no other record."""
    try:
        return ask(*args)
    except MappingError as error:
        return error


def change_all(change: Change | None, records: list[Any], context: RecordContext) -> list[Any]:
    results: list[Any] = []
    for record in records:
        try:
            results.append(record if change is None else change(record, context))
        except RecordFailedError as error:
            results.append(error)
    return results


def not_mapped(outcome: Outcome, index: int, error: MappingError, connection: OpenConnection) -> None:
    if isinstance(error, LookupDelayedError):
        wait_for(outcome, index, error.cause, connection)
    else:
        outcome.failures[index] = Failure(
            source="mapping", code="mapping_failed", message=str(error), classification="value", field=error.field
        )


def wait_for(outcome: Outcome, index: int, cause: GatewayError, connection: OpenConnection) -> None:
    """A lookup's answer can be had later only, and so can its record's turn."""
    if isinstance(cause, RetryLater):
        postpone(outcome, index, cause)
    elif not held_up(outcome, [index], cause, connection):
        outcome.failures[index] = failure_of(cause, source="mapping")
