"""Moments as the conventions write them: 2017-06-19T21:27:09.945Z, and 2017-06-19T21:27:09 of UTC for Interactor."""

from datetime import UTC, datetime
from typing import overload

from django.utils.dateparse import parse_datetime

from apps.core.errors import BadRequestError


@overload
def stamp(moment: datetime) -> str: ...
@overload
def stamp(moment: None) -> None: ...
def stamp(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def naive_stamp(moment: datetime) -> str:
    """UTC to the second, without saying so."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def read_stamp(text: str, *, field: str) -> datetime:
    """A moment from a query. Without a zone it is UTC. Raises BadRequestError naming the parameter."""
    moment = parse_stamp(text)
    if moment is None:
        raise BadRequestError(
            f"{field} must be a moment such as 2017-06-19T21:27:09.945Z.", field=field, code="invalid_query_params"
        )
    return moment


def parse_stamp(text: str) -> datetime | None:
    """None for what is no moment, or one that UTC cannot say. Without a zone it is UTC."""
    try:
        moment = parse_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None
