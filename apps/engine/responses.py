"""Judges HTTP answers by a document's rules: success test, message, ids, and which answer belongs to which record.

On imports the members are lists beside `method`; `index` picks the entry of the request that was sent.
"""

from dataclasses import dataclass
from typing import Any

from apps.engine.errors import DocumentError
from apps.engine.javascript_values import to_text
from apps.engine.mapping import members
from apps.engine.mapping.convert import json_text
from apps.engine.paths import MISSING, Getter, PathError
from apps.engine.xml_paths import compile_answer_getter

MAX_MESSAGE = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one record's request came to. `json` is its part of the answer."""

    ok: bool
    id: str = ""
    message: str = ""
    json: Any = None


@dataclass(frozen=True, slots=True)
class ResponseRules:
    resource_path: Getter | None = None
    id_path: Getter | None = None
    success_path: Getter | None = None
    success_values: tuple[str, ...] = ()
    fail_path: Getter | None = None
    fail_values: tuple[str, ...] = ()
    error_path: Getter | None = None
    any_element: bool = False

    def judge(self, status: int, body: Any, *, ends_paging: bool = False) -> Outcome:
        """The whole answer. `ends_paging`: this status says that there are no more pages, which is no failure."""
        if not (200 <= status < 300 or ends_paging):
            return Outcome(False, message=self._message(body) or f"HTTP status {status}", json=body)
        return self.judge_body(body)

    def judge_body(self, body: Any) -> Outcome:
        """By the paths alone, as inside one element of a batch's answer."""
        if self._fails(body) or not self._succeeds(body):
            return Outcome(False, message=self._message(body), json=body)
        return Outcome(True, id=self._id(body), json=body)

    def judge_batch(self, status: int, body: Any, sent: int) -> list[Outcome]:
        """One outcome a record sent, by position. Without a list in the answer, the whole of it counts for each."""
        found = body if self.resource_path is None else self.resource_path(body)
        if not 200 <= status < 300 or type(found) is not list:
            return [self.judge(status, body)] * sent
        outcomes = [self.judge_body(element) for element in found[:sent]]
        return outcomes + [Outcome(False, message="no response")] * (sent - len(outcomes))

    def _fails(self, body: Any) -> bool:
        if self.fail_path is None:
            return False
        value = self.fail_path(body)
        return _listed(value, self.fail_values) if self.fail_values else _is_there(value)

    def _succeeds(self, body: Any) -> bool:
        if self.success_path is None:
            return True
        value = self.success_path(body)
        values = value if self.any_element and type(value) is list else [value]
        if self.success_values:
            return any(_listed(one, self.success_values) for one in values)
        return any(_is_there(one) for one in values)

    def _message(self, body: Any) -> str:
        value = self.error_path(body) if self.error_path else MISSING
        value = value if _is_there(value) else body
        return (_text(value) if value is not None else "")[:MAX_MESSAGE]

    def _id(self, body: Any) -> str:
        if self.id_path is not None:
            value = self.id_path(body)
        else:
            holder = body if type(body) is dict else {}
            value = next((held for name in ("id", "_id") if _is_there(held := holder.get(name))), MISSING)
        return _text(value) if _is_there(value) else ""


def _is_there(value: Any) -> bool:
    return value is not MISSING and value is not None and value is not False and value not in ("", [], {})


def _text(value: Any) -> str:
    return json_text(value) if isinstance(value, list | dict) else to_text(value)


def _listed(value: Any, values: tuple[str, ...]) -> bool:
    return value is not MISSING and _text(value) in values


def compile_response(
    document: Any, *, index: int | None = None, batched: bool = False, at: str = "http.response"
) -> ResponseRules:
    """`index` is None for exports. `batched` asks for a `resourcePath`. Raises DocumentError."""
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise DocumentError(at, "must be an object")
    rules = ResponseRules(
        resource_path=_path(document, "resourcePath", index, at),
        id_path=_path(document, "resourceIdPath", index, at),
        success_path=_path(document, "successPath", index, at),
        success_values=_values(document, "successValues", index, at),
        fail_path=_path(document, "failPath", index, at),
        fail_values=_values(document, "failValues", index, at),
        error_path=_path(document, "errorPath", index, at),
        any_element=document.get("allowArrayforSuccessPath") is True,
    )
    if batched and rules.resource_path is None:
        raise DocumentError(f"{at}.resourcePath", "is required when batchSize is above 1")
    return rules


def _entry(document: dict[str, Any], name: str, index: int | None, at: str) -> Any:
    """The member, or on imports its entry; `errorPath` may be one text for all."""
    value = document.get(name)
    if index is None or value is None or isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise DocumentError(f"{at}.{name}", "must be a list beside method")
    return value[index] if index < len(value) else None


def _path(document: dict[str, Any], name: str, index: int | None, at: str) -> Getter | None:
    value = _entry(document, name, index, at)
    here = f"{at}.{name}" if index is None else f"{at}.{name}[{index}]"
    path = members.text({name: value}, name, at) if not isinstance(value, list | dict) else value
    if path is None:
        return None
    try:
        if not isinstance(path, str):
            raise DocumentError(here, "must be text")
        return compile_answer_getter(path)
    except PathError as error:
        raise DocumentError(here, error.reason) from None


def _values(document: dict[str, Any], name: str, index: int | None, at: str) -> tuple[str, ...]:
    """A list of values; on imports a list of such lists, where a plain list serves every request."""
    values = document.get(name)
    if index is not None and isinstance(values, list) and any(isinstance(item, list) for item in values):
        values = values[index] if index < len(values) else None
    if values is None:
        return ()
    if not isinstance(values, list):
        raise DocumentError(f"{at}.{name}", "must be a list")
    return tuple(_text(value) for value in values)
