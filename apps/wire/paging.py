"""Lists as bare arrays. Rows come in the order they were made; `Link` names the next page by this one's last id."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import BadRequestError
from apps.core.ids import parse_id

MAX_LIMIT = 1000
FIELD_LIST = re.compile(r"[A-Za-z0-9._,]*")
SHORT_FORM = frozenset({"_id", "name", "createdAt", "lastModified"})


Counted = Callable[[list[Any]], Mapping[Any, Mapping[str, Any]]]


def nothing_counted(rows: list[Any]) -> Mapping[Any, Mapping[str, Any]]:
    return {}


def refuse_query(message: str, *, field: str) -> BadRequestError:
    return BadRequestError(message, field=field, code="invalid_query_params")


def read_limit(query: Mapping[str, str], *, most: int = MAX_LIMIT) -> int:
    text = query.get("limit", "")
    if not text:
        return most
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= most:
        raise refuse_query(f"limit must be a whole number from 1 to {most}.", field="limit")
    return int(text)


def list_page(
    rows: QuerySet[Any],
    *,
    request: Request,
    show: Callable[[Any], dict[str, Any]],
    short: frozenset[str] = SHORT_FORM,
    counted: Counted = nothing_counted,
) -> Response:
    """One page of `rows`, by keyset: a list of 50 costs the queries of a list of 1.

    `counted`: further members of these rows, by their ids.
    """
    query = request.query_params
    limit, choose = read_limit(query), chooser(query, short=short)
    after = query.get("after", "")
    if after:
        after_id = parse_id(after)
        if after_id is None:
            raise refuse_query("after must be the id that a Link header named.", field="after")
        rows = rows.filter(pk__gt=after_id)
    found = list(rows.order_by("pk")[: limit + 1])
    counts = counted(found[:limit])
    response = Response([choose({**show(row), **counts.get(row.pk, {})}) for row in found[:limit]])
    if len(found) > limit:
        response["Link"] = next_link(request, after=found[limit - 1].hex_id)
    return response


def next_address(request: Request, **changes: str) -> str:
    base = (settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}") + request.path
    return f"{base}?{urlencode({**request.query_params.dict(), **changes})}"


def next_link(request: Request, **changes: str) -> str:
    return f'<{next_address(request, **changes)}>; rel="next"'


def chooser(query: Mapping[str, str], *, short: frozenset[str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """`include` gives the short form and the fields it lists; `exclude` drops fields; dots reach inside."""
    include, exclude = query.get("include", ""), query.get("exclude", "")
    if include and exclude:
        raise refuse_query("include and exclude cannot be used together.", field="exclude")
    for name, text in (("include", include), ("exclude", exclude)):
        if not FIELD_LIST.fullmatch(text):
            raise refuse_query(f"{name} must be a comma-separated list of fields.", field=name)
    included = [part.split(".") for part in include.split(",") if part]
    excluded = [part.split(".") for part in exclude.split(",") if part]
    if included:
        return lambda row: pick(row, [*([name] for name in short), *included])
    if excluded:
        return lambda row: drop(row, excluded, keep=short)
    return lambda row: row


def pick(row: dict[str, Any], paths: list[list[str]]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for path in paths:
        source, target = row, chosen
        for part in path[:-1]:
            if not isinstance(source.get(part), dict):
                break
            source, target = source[part], target.setdefault(part, {})
        else:
            if path[-1] in source:
                target[path[-1]] = source[path[-1]]
    return chosen


def drop(row: dict[str, Any], paths: list[list[str]], *, keep: frozenset[str]) -> dict[str, Any]:
    """Members of the short form stay: a row without them would not be what the contract calls one."""
    left = dict(row)
    for path in paths:
        if len(path) == 1 and path[0] in keep:
            continue
        target: Any = left
        for part in path[:-1]:
            inner = target.get(part)
            if not isinstance(inner, dict):
                break
            target[part] = target = dict(inner)
        else:
            target.pop(path[-1], None)
    return left
