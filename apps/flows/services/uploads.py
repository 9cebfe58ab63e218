"""What is uploaded to an export of type simple: a file, read by the rules of its document, or JSON."""

from collections.abc import Mapping
from typing import Any

import orjson

from apps.core.errors import BadRequestError
from apps.engine.formats import FormatError
from apps.engine.json_values import load_json
from apps.engine.records import sort_records
from apps.flows.pipeline.sources.parsing import FileParser, read_whole


def is_file(document: Mapping[str, Any]) -> bool:
    return bool((document.get("file") or {}).get("type"))


def read_upload(document: Mapping[str, Any], body: bytes) -> Any:
    """A file's records; of a document without one, what its JSON says. Raises BadRequestError, ValidationError."""
    if is_file(document):
        try:
            records = read_whole(FileParser(document), body)
        except FormatError as error:
            raise BadRequestError(f"The file is not as the export says: {error.message}", code="parse_failed") from None
        return sort_records(records, (document["file"] or {}).get("sortByFields") or [])
    try:
        return load_json(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"This is no JSON: {error}.", code="parse_failed") from None
