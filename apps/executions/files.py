"""Files about executions: failed records as CSV, and a run's diagnostics as a zip. Made piece by piece."""

import csv
import io
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import orjson

from apps.core.errors import NotFoundError
from apps.core.ids import hex24, parse_id
from apps.executions.jobs import show_family
from apps.executions.models import Exchange, Execution, RecordError
from apps.executions.payloads import unpack
from apps.wire.links import Download
from apps.wire.stamps import read_stamp, stamp

ERRORS, DIAGNOSTICS = "errors", "diagnostics"
COLUMNS = (
    "errorId", "occurredAt", "source", "code", "message", "classification", "traceKey", "oIndex", "_flowJobId",
    "_expOrImpId", "exportDataURI", "importDataURI", "retryDataKey", "retryData", "resolvedAt",
)  # fmt: skip
MOST_EXCHANGES = 1000
CHUNK = 64 * 1024
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def errors_file(about: dict[str, Any]) -> Download:
    """`about`: organization, and flow and step, or job; `open` for those that are not resolved."""
    rows = RecordError.objects.filter(organization_id=known(about["organization"]))
    for member, column in (("flow", "flow_id"), ("step", "step_id"), ("job", "execution_id")):
        if about.get(member):
            rows = rows.filter(**{column: known(about[member])})
    if about.get("open"):
        rows = rows.filter(resolved_at__isnull=True)
    for suffix in ("gte", "lte"):
        if about.get(f"occurredAt_{suffix}"):
            moment = read_stamp(about[f"occurredAt_{suffix}"], field=f"occurredAt_{suffix}")
            rows = rows.filter(**{f"created_at__{suffix}": moment})
    for member in ("source", "classification"):
        if about.get(member):
            rows = rows.filter(**{member: about[member]})
    if about.get("_flowJobId"):
        rows = rows.filter(execution_id__in=[job for job in [parse_id(about["_flowJobId"])] if job])
    return Download(errors_csv(rows), "text/csv; charset=utf-8")


def known(text: str) -> uuid.UUID:
    """An id that a link carries. Raises NotFoundError."""
    found = parse_id(text)
    if found is None:
        raise NotFoundError("There is nothing at this address.")
    return found


def errors_csv(rows: Any) -> Iterator[bytes]:
    yield line_of(COLUMNS)
    for row in rows.select_related("retry_data").order_by("-pk").iterator(chunk_size=500):
        kept = getattr(row, "retry_data", None)
        yield line_of(
            (
                row.hex_id, stamp(row.created_at), row.source, row.code, row.message, row.classification,
                row.trace_key, row.source_index, hex24(row.execution_id), hex24(row.step_id), row.export_data_uri,
                row.import_data_uri, row.hex_id if row.retryable else "",
                orjson.dumps(unpack(kept.data)).decode() if kept else "", stamp(row.resolved_at) or "",
            )
        )  # fmt: skip


def line_of(cells: tuple[Any, ...]) -> bytes:
    """A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text).writerow([f"'{cell}" if str(cell).startswith(FORMULA) else cell for cell in cells])
    return text.getvalue().encode()


def diagnostics_file(about: dict[str, Any]) -> Download:
    run = Execution.objects.filter(organization_id=known(about["organization"]), pk=known(about["job"])).first()
    if run is None:
        raise NotFoundError("This job is gone.")
    return Download(bundle(run), "application/zip")


def bundle(run: Execution) -> Iterator[bytes]:
    """What ran, what it did and what it met. Exchanges are redacted as they are kept; documents hold no secrets."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            write_json(archive, "job.json", show_family(run))
            data = getattr(run, "data", None)
            write_json(archive, "documents.json", without_records(unpack(data.input, {})) if data else {})
            exchanges = Exchange.objects.filter(execution=run).order_by("pk")[:MOST_EXCHANGES]
            write_json(archive, "exchanges.json", [show_exchange(row) for row in exchanges])
            with archive.open("errors.csv", "w") as part:
                for line in errors_csv(RecordError.objects.filter(execution=run)):
                    part.write(line)
        file.seek(0)
        while piece := file.read(CHUNK):
            yield piece


def write_json(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    archive.writestr(name, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str))


def without_records(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Records that came with the run are data, not documents: their number will do."""
    options = dict(snapshot.get("options") or {}) if isinstance(snapshot, dict) else {}
    if "records" in options:
        options["records"] = {name: len(records) for name, records in options["records"].items()}
        return {**snapshot, "options": options}
    return snapshot


def show_exchange(row: Exchange) -> dict[str, Any]:
    return {
        "at": stamp(row.created_at), "step": row.step_path, "method": row.method, "url": row.url,
        "status": row.status, "error": row.error, "milliseconds": row.milliseconds, **unpack(row.detail, {}),
    }  # fmt: skip
