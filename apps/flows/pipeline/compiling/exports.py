"""Exports of a run: as generators of pages, and as lookups."""

from collections.abc import Callable, Iterable
from typing import Any

from apps.core.errors import ValidationError
from apps.core.gateway import Mode, Recorder
from apps.engine.context import RecordContext
from apps.engine.mapping import compile_mapping, gather_lookups
from apps.engine.paths import Getter, PathError, compile_getter
from apps.engine.records import DEFAULT_PAGE_SIZE, PageCutter
from apps.flows.pipeline.compiling.documents import (
    RunDocuments,
    checked,
    iso_millis,
    known_id,
    trace_key_of_source,
    unsupported,
)
from apps.flows.pipeline.generators import GeneratorPlan
from apps.flows.pipeline.mocks import MockLookupRunner, is_test, mock_records
from apps.flows.pipeline.once import OnceRunner
from apps.flows.pipeline.refusals import RUNNABLE_TYPES
from apps.flows.pipeline.runners.lookup import LookupForm, LookupRunner
from apps.flows.pipeline.runners.sql_lookup import SqlLookupRunner
from apps.flows.pipeline.scopes import Text, environment
from apps.flows.pipeline.scripts import page_save
from apps.flows.pipeline.shaping import RecordFailedError, make_filter, make_shape, make_transform
from apps.flows.pipeline.sources import GIVEN_TYPES, GivenSource, KeepBlob, Source
from apps.flows.pipeline.sources.files import FileSource
from apps.flows.pipeline.sources.http import HttpSource
from apps.flows.pipeline.sources.places import FILE_ADAPTORS
from apps.flows.pipeline.sources.sql import SqlSource, Unspooled
from apps.flows.pipeline.steps import StepRunner
from apps.flows.services.blobs import keep_blob


def generator(run: RunDocuments, index: int, generator: dict[str, Any], recorder: Recorder) -> GeneratorPlan:
    document = run.snapshot["exports"][generator["_exportId"]]
    dates = run.dates(document)
    key = f"generators[{index}]"
    hook = run.hook(document, "export")((document.get("hooks") or {}).get("preSavePage"), "hooks.preSavePage")
    kind, flag = document.get("type"), (document.get("once") or {}).get("booleanField")
    if kind not in (None, "", *RUNNABLE_TYPES):
        raise ValidationError(f"Exports of type {kind} cannot start a flow in this deployment.", field="type")
    limit = int((document.get("test") or {}).get("limit") or 1) if kind == "test" else None
    return GeneratorPlan(
        index=index,
        key=key,
        resource_id=known_id(generator["_exportId"]),
        source=source(run, document, index, dates, recorder),
        shape=shape(run, document, dates, step=key, recorder=recorder),
        cutter=cutter(document),
        save_page=page_save(hook, dates=dates),
        trace_key=trace_key_of_source(document),
        limit=limit,
        delta=kind == "delta",
        once=once_runner(run, document, key) if kind == "once" else None,
        is_read=checked_getter(flag, at="once.booleanField") if kind == "once" and flag else None,
    )


def checked_getter(path: str, *, at: str) -> Getter:
    try:
        return compile_getter(path)
    except PathError as error:
        raise ValidationError(error.reason, field=at) from None


def once_runner(run: RunDocuments, document: dict[str, Any], step: str) -> OnceRunner:
    return OnceRunner(
        http=(document.get("http") or {}).get("once") or {},
        statement=((document.get("rdbms") or {}).get("once") or {}).get("query") or "",
        open_connection=run.opener(document),
        surroundings=run.surroundings(document, kind="export", values={"_exportId": document["_id"]}),
        step=f"{step}.once",
        mode=run.mode,
    )


def cutter(document: dict[str, Any]) -> PageCutter:
    """Neighbours with equal values in the fields of grouping make one record, a list of rows."""
    file = document.get("file") or {}
    older = (file.get(file.get("type") or "") or {}).get("keyColumns")
    return PageCutter(
        int(document.get("pageSize") or DEFAULT_PAGE_SIZE),
        group_by=document.get("groupByFields") or file.get("groupByFields") or older or None,
        group_empty=bool(file.get("groupEmptyValues")),
    )


def shape(
    run: RunDocuments, document: dict[str, Any], dates: dict[str, Any], *, step: str, recorder: Recorder | None = None
) -> Any:
    find = run.hook(document, "export")
    change = make_transform(document.get("transform"), find_hook=find, where="transform")
    keep = make_filter(document.get("filter"), find_hook=find, where="filter", source="output_filter")
    base = run.surroundings(document, kind="export", values={}).base()
    newer = ((document.get("transform") or {}).get("expression") or {}).get("rulesTwoDotZero") or {}
    where = "transform.expression.rulesTwoDotZero.lookups"
    lookups = run.lookups(newer.get("lookups") or [], where=where, texts=newer, step=step)
    open_connection = run.opener(document) if lookups and document.get("_connectionId") else lambda: None

    def open_desk(context: RecordContext, given: Recorder | None) -> Any:
        return lookups and lookups.desk(open_connection(), context.scope, given or recorder)

    return make_shape(
        change,
        keep,
        lambda: RecordContext(scope=base, values=dates, env=environment()),
        open_desk if lookups else None,
    )


def source(
    run: RunDocuments, document: dict[str, Any], index: int, dates: dict[str, Any], recorder: Recorder
) -> Source:
    step = f"generators[{index}]"
    adaptor = document.get("adaptorType") or "HTTPExport"
    given = (run.snapshot["options"].get("records") or {}).get(document["_id"])
    if given is not None or document.get("type") in GIVEN_TYPES:
        return GivenSource(given or [])
    if adaptor in ("HTTPExport", "RESTExport"):
        return http_source(run, document, step, recorder, values=dates)
    if adaptor == "RDBMSExport":
        found = SqlSource(
            document,
            execution=run.execution,
            generator=index,
            open_connection=run.opener(document),
            surroundings=run.surroundings(document, kind="export", values=dates),
            recorder=recorder,
            step=step,
            mode=run.mode,
        )
        # Outside of a run that lasts nothing is spooled.
        return found if run.mode is Mode.LIVE or found.ordering else Unspooled(found)
    if adaptor in FILE_ADAPTORS:
        return FileSource(
            document,
            open_connection=run.opener(document),
            recorder=recorder,
            step=step,
            mode=run.mode,
            surroundings=run.surroundings(document, kind="export", values=dates),
            keep=file_filter(run, document),
            store=store_of(run) if is_of_blobs(document) else None,
        )
    raise unsupported(adaptor, document)


def file_filter(run: RunDocuments, document: dict[str, Any]) -> Callable[[dict[str, Any]], bool] | None:
    """Whether a file is read at all, by its name, size and date."""
    rules, find = (document.get("file") or {}).get("filter"), run.hook(document, "export")
    keep = make_filter(rules, find_hook=find, where="file.filter", source="input_filter")
    if keep is None:
        return None

    def test(facts: dict[str, Any]) -> bool:
        try:
            return keep(facts, RecordContext())
        except RecordFailedError as error:
            raise ValidationError(f"{facts['filename']}: {error.failure.message}", field="file.filter") from None

    return test


def http_source(
    run: RunDocuments, document: dict[str, Any], step: str, recorder: Recorder, *, values: dict[str, Any]
) -> HttpSource:
    return HttpSource(
        document,
        open_connection=run.opener(document),
        surroundings=run.surroundings(document, kind="export", values=values),
        recorder=recorder,
        step=step,
        mode=run.mode,
        store=store_of(run) if is_of_blobs(document) else None,
    )


def is_of_blobs(document: dict[str, Any]) -> bool:
    """Whether its files go on unparsed."""
    parts = (document.get("type"), (document.get("http") or {}).get("type"))
    return "blob" in parts or (document.get("file") or {}).get("output") == "blobKeys"


def store_of(run: RunDocuments) -> KeepBlob:
    execution = run.execution

    def keep(content: Iterable[bytes], name: str, origin: str) -> str:
        known = execution.id if not execution._state.adding else None  # a try has no row
        blob = keep_blob(
            content, organization_id=execution.organization_id, name=name, origin=origin, execution_id=known
        )
        return blob.hex_id

    return keep


def lookup_runner(run: RunDocuments, document: dict[str, Any], step: str) -> StepRunner:
    adaptor = document.get("adaptorType") or "HTTPExport"
    form = lookup_form(run, document, step)
    records = mock_records(document) if is_test(run.snapshot) else None
    if records is not None:
        return MockLookupRunner(form, records)
    if adaptor == "RDBMSExport":
        return sql_lookup(run, document, step, form)
    if adaptor not in ("HTTPExport", "RESTExport"):
        raise unsupported(adaptor, document)
    values = {"exportStartTime": iso_millis(run.execution.started_at or run.execution.created_at)}
    mappings, gathered = document.get("mappings"), gather_lookups(document)
    return LookupRunner(
        source=http_source(run, document, step, Silent(), values=values),
        form=form,
        open_connection=run.opener(document),
        step=step,
        mode=run.mode,
        mapper=checked(compile_mapping, mappings, lookups=gathered) if mappings else None,
        lookups=run.lookups(gathered, where="lookups", texts=mappings, step=step) if mappings else None,
    )


def lookup_form(run: RunDocuments, document: dict[str, Any], step: str) -> LookupForm:
    base = run.surroundings(document, kind="export", values={}).base()
    find, file = run.hook(document, "export"), document.get("file") or {}
    template = document.get("dataURITemplate")
    return LookupForm(
        keep=make_filter(document.get("inputFilter"), find_hook=find, where="inputFilter", source="input_filter"),
        shape=shape(run, document, {}, step=step),
        make_context=lambda: RecordContext(scope=base, env=environment()),
        group_by=document.get("groupByFields") or (),
        group_empty=bool(file.get("groupEmptyValues")),
        save_page=page_save(find((document.get("hooks") or {}).get("preSavePage"), "hooks.preSavePage"), dates={}),
        data_uri=Text(template) if template else None,
    )


def sql_lookup(run: RunDocuments, document: dict[str, Any], step: str, form: LookupForm) -> SqlLookupRunner:
    query = (document.get("rdbms") or {}).get("query")
    if not isinstance(query, str) or not query.strip():
        raise ValidationError("is required", field="rdbms.query")
    values = {"exportStartTime": iso_millis(run.execution.started_at or run.execution.created_at)}
    return SqlLookupRunner(
        statement=query.strip().rstrip(";"),
        form=form,
        surroundings=run.surroundings(document, kind="export", values=values),
        open_connection=run.opener(document),
        step=step,
        mode=run.mode,
    )


class Silent:
    """A recorder for a source that is only asked to build requests and read answers."""

    def wants(self, *, step: str, failed: bool) -> bool:
        return False

    def record(self, exchanges: Any) -> None:
        """Nothing is ever wanted."""
