"""Lists in pages by cursor: `items` and the cursors to other pages. A cursor is opaque to clients.

The surprise: a cursor names a row and a direction, never a count, so rows that come and go shift nothing: nobody is
shown twice, and who stays is not skipped. The form is that of fastapi-pagination, whose texts the Rely API uses.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import BadRequestError
from apps.core.ids import from_hex24
from apps.wire.query import QueryValueError

DEFAULT_SIZE = 50
MAX_SIZE = 100
AFTER, FROM, BEFORE, UP_TO = "gt", "gte", "lt", "lte"  # also what the database is asked
FORM = re.compile(r"(gt|gte|lt|lte):([0-9a-f]{24})")


@dataclass(frozen=True)
class Place:
    """Where a page begins, or, read backwards, ends."""

    side: str
    row: str  # hex

    @property
    def backwards(self) -> bool:
        return self.side in (BEFORE, UP_TO)

    def within(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(**{f"pk__{self.side}": from_hex24(self.row)})

    def text(self) -> str:
        """URL-quoted base64: good in an address as it is."""
        return quote(b64encode(f"{self.side}:{self.row}".encode()).decode())


def read_cursor(text: str) -> Place:
    try:
        found = FORM.fullmatch(b64decode(unquote(text), validate=True).decode())
    except (Error, ValueError):
        found = None
    if found is None:
        raise BadRequestError("Invalid cursor value", field="cursor", code="invalid_cursor")
    return Place(found[1], found[2])


def read_size(text: str | None) -> int:
    if text is None:
        return DEFAULT_SIZE
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,10}\s*", text, re.ASCII):
        raise QueryValueError("value is not a valid integer", field="size", code="type_error.integer")
    size = int(text)
    if size < 0:
        message = "ensure this value is greater than or equal to 0"
        raise QueryValueError(message, field="size", code="value_error.number.not_ge")
    if size > MAX_SIZE:
        message = f"ensure this value is less than or equal to {MAX_SIZE}"
        raise QueryValueError(message, field="size", code="value_error.number.not_le")
    return size


def cursor_page(
    rows: QuerySet[Any],
    *,
    request: Request,
    show: Callable[[Any], dict[str, Any]] | None = None,
    show_all: Callable[[list[Any]], list[dict[str, Any]]] | None = None,
) -> Response:
    """One page of `rows` in the order they were made: at most four queries, whatever its size.

    Each is shown by `show`, or all of the page at once by `show_all`. Raises BadRequestError (`cursor`),
    QueryValueError (`size`).
    """
    query = request.query_params
    place = read_cursor(query["cursor"]) if query.get("cursor") else None
    size = read_size(query.get("size"))
    total = rows.count()
    backwards = place is not None and place.backwards
    found = list((place.within(rows) if place else rows).order_by("-pk" if backwards else "pk")[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    previous, following = neighbours(rows, found, place=place, more=more)
    first, last = (Place(FROM, found[0].hex_id), Place(UP_TO, found[-1].hex_id)) if found else (place, place)
    return Response(
        {
            "items": show_all(found) if show_all else [show(row) for row in found] if show else [],
            "total": total,
            "current_page": text_of(first),
            "current_page_backwards": text_of(last),
            "previous_page": text_of(previous),
            "next_page": text_of(following),
        }
    )


def neighbours(
    rows: QuerySet[Any], found: list[Any], *, place: Place | None, more: bool
) -> tuple[Place | None, Place | None]:
    """The pages before and after this one, where there is something in them.

    Past the end of the list there is still a way back; an empty page by request (size 0) ends a walk.
    """
    if found:
        before, after = Place(BEFORE, found[0].hex_id), Place(AFTER, found[-1].hex_id)
        if place is None:
            return None, after if more else None
        if place.backwards:
            return before if more else None, held(rows, after)
        return held(rows, before), after if more else None
    if place is None or more:
        return None, None
    opposite = Place({AFTER: UP_TO, FROM: BEFORE, BEFORE: FROM, UP_TO: AFTER}[place.side], place.row)
    return (None, held(rows, opposite)) if place.backwards else (held(rows, opposite), None)


def held(rows: QuerySet[Any], place: Place) -> Place | None:
    return place if place.within(rows).exists() else None


def text_of(place: Place | None) -> str | None:
    return place.text() if place else None
