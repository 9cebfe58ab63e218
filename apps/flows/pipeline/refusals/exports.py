"""What exports may say and this deployment cannot do yet."""

from typing import Any

from apps.engine.mapping import gather_lookups
from apps.flows.pipeline.refusals.parts import (
    NOT_YET,
    Found,
    ignored,
    legacy_rest,
    many,
    media,
    of_adaptor,
    of_encryption,
    unanswerable,
)

# Members that would be ignored. A path leads into objects; what is there and not empty or false is refused.
EXPORT_MEMBERS = ("idLockTemplate", "http._asyncHelperId", "rdbms.tables", "http.response.fileURLPaths")
RUNNABLE_TYPES = ("delta", "test", "once", "webhook", "simple", "blob")
READABLE_BODIES = ("json", "xml", "csv", "plaintext")
ADAPTORS = ("HTTP", "REST", "RDBMS", "FTP", "S3", "FileSystem")
LOOKUP_ADAPTORS = ("HTTP", "REST", "RDBMS")
# Members of files that say how one is written.
WRITING_MEMBERS = (
    *("file.skipAggregation", "file.csv.includeHeader", "file.csv.wrapWithQuotes", "file.csv.replaceTabWithSpace"),
    *("file.csv.replaceNewlineWithSpace", "file.xlsx.includeHeader", "file.xml.body"),
)
READABLE_HTTP_TYPES = ("file", "csvstream")


def of_export(document: dict[str, Any], *, is_lookup: bool) -> Found:
    if document.get("oneToMany") and not is_lookup:
        yield "oneToMany", "is for lookups and imports: nothing comes before a source"
    yield from many(document)
    yield from ignored(document, EXPORT_MEMBERS)
    yield from ignored(document, WRITING_MEMBERS, "is for imports: it says how a file is written")
    if document.get("type") not in ("webhook", "simple"):
        some = " for lookups" if is_lookup else ""
        yield from of_adaptor(document, LOOKUP_ADAPTORS if is_lookup else ADAPTORS, what=some)
    yield from of_lookup(document) if is_lookup else of_source(document)
    kind, http = document.get("type"), document.get("http") or {}
    if kind == "once":
        yield from once(document)
    if kind and kind != "blob" and (is_lookup or kind not in RUNNABLE_TYPES):
        yield "type", f"{kind!r} {NOT_YET}{' for lookups' if is_lookup else ''}"
    if http.get("type") not in (None, "", "blob") and (is_lookup or http["type"] not in READABLE_HTTP_TYPES):
        yield "http.type", f"{http['type']!r} {NOT_YET}"
    if kind == "delta" and (document.get("delta") or {}).get("dateField"):
        yield "delta.dateField", "cannot be asked for here: write {{lastExportDateTime}} into the request or the query"
    if (document.get("file") or {}).get("output", "records") not in ("records", "metadata", "blobKeys"):
        yield "file.output", f"{document['file']['output']!r} {NOT_YET}"
    yield from of_encryption(document, "decrypt", words=(None, "", False, True, "pgp"))
    yield from legacy_rest(document)
    yield from media(http, success=READABLE_BODIES)
    expression = (document.get("transform") or {}).get("expression") or {}
    newer = expression.get("rulesTwoDotZero") or {}
    yield from unanswerable(newer.get("lookups"), document, at="transform.expression.rulesTwoDotZero.lookups")
    if document.get("mappings"):
        yield from unanswerable(gather_lookups(document), document, at="lookups")


def of_source(document: dict[str, Any]) -> Found:
    if document.get("mappings"):
        yield "mappings", "make the request of a lookup: what a source gives is shaped by its transform"


def of_lookup(document: dict[str, Any]) -> Found:
    if document.get("mappings"):
        if not str(document.get("adaptorType") or "HTTP").startswith(("HTTP", "REST")):
            yield "mappings", "make the request's body, which is for lookups over HTTP"
        elif (document.get("http") or {}).get("body"):
            yield "mappings", "make the request's body, which http.body does already"


def once(document: dict[str, Any]) -> Found:
    """How its records are marked must be told, by the adaptor that can."""
    adaptor = str(document.get("adaptorType") or "HTTP")
    if adaptor.startswith("RDBMS"):
        if not ((document.get("rdbms") or {}).get("once") or {}).get("query"):
            yield "rdbms.once.query", "is needed by type once"
    elif not adaptor.startswith(("HTTP", "REST")):
        yield "type", f"'once' {NOT_YET} for {adaptor}"
    elif ((document.get("http") or {}).get("once") or {}).get("relativeURI") is None:
        yield "http.once.relativeURI", "is needed by type once"
