"""Every failure of an API call, told once per dialect. An unexpected one is logged under an id the answer repeats."""

import logging
import math
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.core import outage
from apps.core.errors import DomainError, UnavailableError, ValidationErrors
from apps.wire.dialects import Dialect, dialect_of

logger = logging.getLogger(__name__)


class NotBuiltError(DomainError):
    """A documented operation that this version does not have yet."""

    status = 501
    code = "not_implemented"


@dataclass(frozen=True)
class Item:
    """`message` may begin with the field, `bare` does not. `word` is the refusal's own, where its field has one."""

    code: str
    message: str
    field: str = ""
    word: str = ""
    place: str = "body"

    @property
    def bare(self) -> str:
        return self.message.removeprefix(f"{self.field}: ") if self.field else self.message


@dataclass(frozen=True)
class Failure:
    status: int
    items: list[Item]
    retry_after: int | None = None
    challenge: str = ""

    @property
    def message(self) -> str:
        return " ".join(item.message for item in self.items)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    request = context["request"]
    failure = failure_of(error) or unforeseen(error, path=request.path)
    set_rollback()
    headers = {"Retry-After": str(failure.retry_after)} if failure.retry_after is not None else {}
    if failure.challenge:
        headers["WWW-Authenticate"] = failure.challenge
    dialect = dialect_of(view=context.get("view"), path=request.path)
    return Response(BODIES[dialect](failure), status=failure.status, headers=headers)


def unforeseen(error: BaseException | None, *, path: str) -> Failure:
    """An outage of the database, else a fault of ours, logged."""
    if why := outage.why_unavailable(error):
        logger.warning("the database failed at %s: %s", path, " ".join(str(error).split()))
        return Failure(503, [Item("unavailable", why)], retry_after=outage.RETRY_SECONDS)
    return unexpected(error, path=path)


def unexpected(error: BaseException | None, *, path: str) -> Failure:
    incident = secrets.token_hex(6)
    logger.error("unexpected error %s at %s", incident, path, exc_info=error)
    message = f"Something went wrong on our side. The server's log has it as {incident}."
    return Failure(500, [Item("internal_error", message)])


def failure_of(error: Exception) -> Failure | None:
    """None for what nobody foresaw."""
    match error:
        case ValidationErrors():
            return Failure(error.status, [item_of(e) for e in error.errors])
        case UnavailableError():
            return Failure(error.status, [Item(error.code, error.message)], retry_after=error.retry_after)
        case DomainError():
            return Failure(error.status, [item_of(error)])
        case exceptions.ValidationError():
            return Failure(422, list(items_of(error.detail, "")))
        case exceptions.APIException():
            return framework_failure(error)
        case Http404():
            return Failure(404, [Item("not_found", "There is nothing at this address.")])
        case PermissionDenied():
            return Failure(403, [Item("forbidden", "You may not do this.")])
        case RequestDataTooBig() | TooManyFieldsSent():
            return Failure(413, [Item("too_large", "The body is larger than this server accepts.")])
        case SuspiciousOperation():
            return Failure(400, [Item("bad_request", "The request cannot be read.")])
    return None


def item_of(error: DomainError) -> Item:
    return Item(error.code, error.message, error.field, error.code, getattr(error, "place", "body"))


CODES = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}
CODES |= {406: "not_acceptable", 415: "unsupported_media_type", 429: "rate_limited"}


def framework_failure(error: exceptions.APIException) -> Failure:
    code = CODES.get(error.status_code, "bad_request")
    wait = getattr(error, "wait", None)
    return Failure(
        error.status_code,
        [Item(code, str(error.detail))],
        retry_after=math.ceil(wait) if wait is not None else None,
        challenge=getattr(error, "auth_header", "") or "",
    )


def items_of(detail: Any, path: str) -> Iterator[Item]:
    """A serializer's nested errors as flat items: fields read `http.headers[0].name`."""
    if isinstance(detail, dict):
        for key, child in detail.items():
            yield from items_of(child, join(path, key))
    elif isinstance(detail, list):
        for index, child in enumerate(detail):
            yield from items_of(child, join(path, index) if isinstance(child, dict | list) else path)
    else:
        word = getattr(detail, "code", "") or ""
        code = "missing_required_field" if word in ("required", "value_error.missing") else "invalid_field"
        yield Item(code, f"{path}: {detail}" if path else str(detail), path, word)


def join(path: str, key: Any) -> str:
    if key == "non_field_errors":
        return path
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


def celigo(failure: Failure) -> dict[str, Any]:
    return {
        "errors": [
            {"code": item.code, "message": item.message, **({"field": item.field} if item.field else {})}
            for item in failure.items
        ]
    }


def interactor(failure: Failure) -> dict[str, Any]:
    return {"error": failure.message}


def rely(failure: Failure) -> dict[str, Any]:
    if failure.status != 422:
        return {"detail": failure.message}
    return {
        "detail": [{"loc": location(item), "msg": item.bare, "type": pydantic_word(item)} for item in failure.items]
    }


def location(item: Item) -> list[str | int]:
    parts = re.findall(r"[^.\[\]]+", item.field)
    return [item.place, *(int(part) if part.isdigit() else part for part in parts)]


def pydantic_word(item: Item) -> str:
    if item.word.startswith(("value_error", "type_error")):
        return item.word
    return "value_error.missing" if item.code == "missing_required_field" else "value_error"


def giosg(failure: Failure) -> dict[str, Any]:
    return {"detail": failure.message, "code": failure.items[0].code}


BODIES = {Dialect.CELIGO: celigo, Dialect.INTERACTOR: interactor, Dialect.RELY: rely, Dialect.GIOSG: giosg}
