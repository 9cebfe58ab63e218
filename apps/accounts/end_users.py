"""Customers' persons, by what a caller knows them by."""

import uuid

from django.db.models import Case, Value, When

from apps.accounts.models import EndUser
from apps.core.errors import NotFoundError
from apps.core.ids import parse_id

MAX_ID = 255


def find_end_user(text: object, *, organization_id: uuid.UUID) -> EndUser:
    """By the caller's own id, else by ours.

    The surprise: a `+` in a query arrives as a space, so an id with spaces is also looked for with plus signs.
    """
    rows = EndUser.objects.filter(organization_id=organization_id)
    found = None
    if isinstance(text, str) and 0 < len(text) <= MAX_ID and "\0" not in text:
        exact_first = Case(When(external_id=text, then=Value(0)), default=Value(1))
        found = rows.filter(external_id__in={text, text.replace(" ", "+")}).order_by(exact_first).first()
    row_id = parse_id(text)
    if found is None and row_id is not None:
        found = rows.filter(pk=row_id).first()
    if found is None:
        raise NotFoundError(f"User {text} was not found.", field="userId")
    return found
