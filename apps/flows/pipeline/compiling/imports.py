"""Imports of a run, by the kind of system they write to."""

from typing import Any

import orjson

from apps.core.errors import ValidationError
from apps.engine.context import RecordContext
from apps.engine.formats import csv_writing
from apps.engine.mapping import compile_import_mapping, gather_lookups
from apps.engine.paths import compile_getter
from apps.engine.responses import compile_response
from apps.flows.pipeline.compiling.documents import RunDocuments, as_list, checked, unsupported
from apps.flows.pipeline.compiling.mails import email_import
from apps.flows.pipeline.mocks import is_test
from apps.flows.pipeline.runners.blobs import BlobFileRunner, BlobReader
from apps.flows.pipeline.runners.file_form import columns_of, file_form
from apps.flows.pipeline.runners.file_import import FileImportRunner
from apps.flows.pipeline.runners.http_import import HttpImportRunner, Operation, RequestForm
from apps.flows.pipeline.runners.mapping import ImportMapping
from apps.flows.pipeline.runners.sql_import import SqlImportRunner
from apps.flows.pipeline.runners.sql_writing import bulk_writer
from apps.flows.pipeline.scopes import Text, environment
from apps.flows.pipeline.shaping import make_filter, make_transform
from apps.flows.pipeline.sources.places import FILE_ADAPTORS, place_of
from apps.flows.pipeline.steps import StepRunner


def import_runner(run: RunDocuments, document: dict[str, Any], step: str, mapped: bool) -> StepRunner:
    adaptor = document.get("adaptorType") or "HTTPImport"
    if adaptor in ("HTTPImport", "RESTImport"):
        return http_import(run, document, step, mapped)
    if adaptor == "RDBMSImport":
        return sql_import(run, document, step, mapped)
    if adaptor in FILE_ADAPTORS and document.get("blobKeyPath"):
        return blob_import(run, document, step, mapped)
    if adaptor in FILE_ADAPTORS:
        return file_import(run, document, step)
    if adaptor == "EmailImport":
        email = document.get("email") or {}
        return email_import(run, document, step, import_mapping(run, document, email, step=step, mapped=mapped))
    raise unsupported(adaptor, document)


def http_import(run: RunDocuments, document: dict[str, Any], step: str, mapped: bool) -> HttpImportRunner:
    http = document.get("http") or {}
    methods = as_list(http.get("method")) or ["POST"]
    kinds = as_list(http.get("requestType")) or ["CREATE"]
    uris, bodies = as_list(http.get("relativeURI")), as_list(http.get("body"))
    forms: dict[Operation, RequestForm] = {}
    for i, kind in enumerate(kinds):
        operation: Operation = "update" if str(kind).upper() == "UPDATE" else "create"
        body = bodies[i] if i < len(bodies) else None
        forms[operation] = RequestForm(
            method=methods[min(i, len(methods) - 1)].upper(),
            uri=Text(uris[min(i, len(uris) - 1)] if uris else "", place="url"),
            body=Text(text_of(body), place="json"),
            xml_body=Text(text_of(body), place="xml"),
            rules=checked(compile_response, http.get("response"), index=i),
        )
    composite = len(forms) == 2
    if not composite:  # a document of one request uses it for whatever is submitted
        only = next(iter(forms.values()))
        forms = {"create": only, "update": only}
    headers = tuple((h["name"], Text(h.get("value"))) for h in http.get("headers") or [])
    return HttpImportRunner(
        effect="none" if http.get("idempotent") is False else "key",
        mapping=import_mapping(run, document, http, step=step, composite=composite, mapped=mapped, headers=headers),
        forms=forms,
        headers=headers,
        batch_size=int(http.get("batchSize") or 1),
        media_type=http.get("requestMediaType") or "",
        success_media_type=http.get("successMediaType") or "",
        error_media_type=http.get("errorMediaType") or "",
        csv=csv_writing((document.get("file") or {}).get("csv") or {}, order=columns_of(document)),
        blobs=blob_reader(document),
        send_mapped=http.get("sendPostMappedData") is not False,
        strict=bool(http.get("strictHandlebarEvaluation")),
        skip_empty=bool(http.get("ignoreEmptyNodes")),
        body_limit=int(http.get("endPointBodyLimit") or 0),
        open_connection=run.opener(document),
        surroundings=run.surroundings(document, kind="import", values={}),
        write_name=run.write_name(document["_id"]),
        step=step,
        mode=run.mode,
    )


def sql_import(run: RunDocuments, document: dict[str, Any], step: str, mapped: bool) -> SqlImportRunner:
    rdbms = document.get("rdbms") or {}
    kinds = as_list(rdbms.get("queryType")) or ["per_record"]
    kind = "per_record" if kinds[0] in ("INSERT", "UPDATE") else str(kinds[0])  # words of older documents
    if kind not in ("per_record", "per_page", "first_page", "bulk_insert", "bulk_load"):
        raise ValidationError(f"{kind!r} is not supported by this deployment", field="rdbms.queryType[0]")
    bulk = bulk_writer(rdbms, kind, document.get("mapping")) if kind.startswith("bulk") else None
    statements = [text for text in as_list(rdbms.get("query")) if isinstance(text, str) and text.strip()]
    if bulk is None and not statements:
        raise ValidationError("is required", field="rdbms.query")
    return SqlImportRunner(
        query_type=kind,
        statements=statements,
        bulk=bulk,
        mapping=import_mapping(run, document, rdbms, step=step, mapped=mapped),
        open_connection=run.opener(document),
        surroundings=run.surroundings(document, kind="import", values={}),
        write_name=run.write_name(document["_id"]),
        step=step,
        mode=run.mode,
    )


def file_import(run: RunDocuments, document: dict[str, Any], step: str) -> FileImportRunner:
    file, place = document.get("file") or {}, place_of(document)
    aggregation = (file.get("aggregation") or {}).get("type")
    return FileImportRunner(
        form=file_form(document),
        name=Text(place.name or file.get("fileName")),
        directory=Text(place.directory),
        place=place,
        in_progress=Text(place.in_progress),
        backup=Text(place.backup_to or (file.get("backupPath") if place.kind != "s3" else "")),
        batch_size=int(file.get("batchSize") or 0),
        in_place=bool(file.get("skipRename")),
        encrypts=bool(file.get("encrypt")),
        page_files=aggregation == "page" or (aggregation is None and bool(file.get("skipAggregation"))),
        mapping=import_mapping(run, document, file, step=step),
        open_connection=run.opener(document),
        surroundings=run.surroundings(document, kind="import", values={}),
        began=run.execution.created_at,
        execution_id=run.execution.id,
        step=step,
        mode=run.mode,
    )


def blob_reader(document: dict[str, Any]) -> BlobReader | None:
    path, form = document.get("blobKeyPath"), (document.get("http") or {}).get("blobFormat") or ""
    return BlobReader(compile_getter(path), bool(document.get("deleteAfterImport")), form) if path else None


def blob_import(run: RunDocuments, document: dict[str, Any], step: str, mapped: bool) -> BlobFileRunner:
    file, place, reader = document.get("file") or {}, place_of(document), blob_reader(document)
    if reader is None:
        raise ValidationError("is required", field="blobKeyPath")
    return BlobFileRunner(
        reader=reader,
        name=Text(place.name or file.get("fileName")),
        directory=Text(place.directory),
        place=place,
        in_progress=Text(place.in_progress),
        in_place=bool(file.get("skipRename")),
        encrypts=bool(file.get("encrypt")),
        mapping=import_mapping(run, document, file, step=step, mapped=mapped),
        open_connection=run.opener(document),
        surroundings=run.surroundings(document, kind="import", values={}),
        step=step,
        mode=run.mode,
    )


def import_mapping(
    run: RunDocuments,
    document: dict[str, Any],
    adaptor: dict[str, Any],
    *,
    step: str,
    composite: bool = False,
    mapped: bool = True,
    headers: tuple[tuple[str, Text], ...] = (),
) -> ImportMapping:
    find, hooks = run.hook(document, "import"), document.get("hooks") or {}
    around = run.surroundings(document, kind="import", values={})
    which = "existing" if composite else "ignore"
    extract, exists_by = adaptor.get(f"{which}Extract"), adaptor.get(f"{which}LookupName") or ""
    change_response = make_transform(document.get("responseTransform"), find_hook=find, where="responseTransform")
    newer = ((document.get("transform") or {}).get("expression") or {}).get("rulesTwoDotZero") or {}
    return ImportMapping(
        mapper=checked(compile_import_mapping, document),
        keep=make_filter(document.get("filter"), find_hook=find, where="filter", source="import_filter"),
        change=make_transform(document.get("transform"), find_hook=find, where="transform"),
        make_context=lambda connection: RecordContext(scope=around.base(connection.values), env=environment()),
        pre_map=find(hooks.get("preMap"), "hooks.preMap"),
        post_map=find(hooks.get("postMap"), "hooks.postMap"),
        post_submit=find(hooks.get("postSubmit"), "hooks.postSubmit"),
        post_aggregate=find(hooks.get("postAggregate"), "hooks.postAggregate"),
        exists=compile_getter(extract) if extract else None,
        exists_by="" if extract else exists_by,
        lookups=run.lookups(
            gather_lookups(document),
            where="lookups",
            texts=texts_of(document),
            step=step,
            headers=headers,
            always=bool(exists_by),
        ),
        transform_lookups=run.lookups(
            newer.get("lookups") or [], where="transform.expression.rulesTwoDotZero.lookups", texts=newer, step=step
        ),
        change_response=change_response,
        data_uri=Text(document["dataURITemplate"]) if document.get("dataURITemplate") else None,
        answers=(document.get("mockResponse") or ()) if is_test(run.snapshot) else (),
        composite=composite,
        ignore_existing=bool(document.get("ignoreExisting")),
        ignore_missing=bool(document.get("ignoreMissing")),
        reads_responses=mapped or bool(hooks.get("postSubmit")) or change_response is not None,
    )


def texts_of(document: dict[str, Any]) -> dict[str, Any]:
    """Where an import's templates stand."""
    return {name: document[name] for name in ("http", "rdbms", "email", "mapping", "mappings") if document.get(name)}


def text_of(body: Any) -> str:
    """A body may be stored as the JSON it is."""
    return body if isinstance(body, str) else "" if body is None else orjson.dumps(body).decode()
