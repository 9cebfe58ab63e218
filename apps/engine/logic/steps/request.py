"""`request`: one HTTP call on the program's connection. The executor sends it; the status is judged here.

| member | value |
|---|---|
| `method` | GET (default), POST, PUT, PATCH, DELETE, HEAD, OPTIONS |
| `url` | value; relative to the connection's address, or absolute |
| `headers`, `query` | object of values; a null leaves the entry out |
| `body` | value |
| `encoding` | `json` (default), `form`, `text` |
| `effect` | `read` or `write`; default by method: GET, HEAD, OPTIONS read |
| `repeat` | how a write may be sent again: `key`, `natural`, `ledger`, `none` (default) |
| `key` | value; the idempotency key, instead of the executor's own |
| `accept` | list of statuses that do not end the run, besides 200–299 |

Result: `{"status": 200, "headers": {…}, "body": …}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from apps.engine.logic.effects import EffectKind, Repeat, RequestEffect
from apps.engine.logic.errors import LogicError, RequestRefusedError
from apps.engine.logic.frame import Frame, Run
from apps.engine.logic.reading import Members
from apps.engine.logic.values import Value, compile_value

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
KINDS = ("key", "natural", "ledger", "none")


@dataclass(frozen=True, slots=True)
class RequestStep:
    path: str
    name: str | None
    method: str
    url: Value
    headers: Value
    query: Value
    body: Value
    encoding: Any
    effect: EffectKind
    repeat: Repeat
    key: Value | None
    accept: frozenset[int]

    def run(self, frame: Frame) -> Run:
        effect = RequestEffect(
            path=self.path,
            iteration=frame.iteration,
            method=self.method,
            url=self._text(frame, self.url, "url"),
            headers=self._headers(frame),
            query=self._entries(frame, self.query, "query"),
            body=frame.evaluate(self.body, f"{self.path}.body"),
            encoding=self.encoding,
            effect=self.effect,
            repeat=self.repeat,
            key=None if self.key is None else self._text(frame, self.key, "key"),
        )
        response = yield from frame.perform(effect)
        if not isinstance(response, dict) or not isinstance(response.get("status"), int):
            raise frame.fail(self.path, "the executor gave no response")
        if not 200 <= response["status"] < 300 and response["status"] not in self.accept:
            raise RequestRefusedError(self.path, iteration=frame.iteration, response=response)
        frame.keep(self.name, response)
        return None

    def _text(self, frame: Frame, value: Value, member: str) -> str:
        text = frame.evaluate(value, f"{self.path}.{member}")
        if isinstance(text, int | float) and not isinstance(text, bool):
            text = str(text)
        if not isinstance(text, str) or not text.strip():
            raise frame.fail(f"{self.path}.{member}", "gives no text")
        return text

    def _entries(self, frame: Frame, value: Value, member: str) -> dict[str, Any]:
        entries = frame.evaluate(value, f"{self.path}.{member}")
        if entries is None:
            return {}
        if not isinstance(entries, dict):
            raise frame.fail(f"{self.path}.{member}", "does not give an object")
        return {name: entry for name, entry in entries.items() if entry is not None}

    def _headers(self, frame: Frame) -> dict[str, str]:
        headers = {}
        for name, value in self._entries(frame, self.headers, "headers").items():
            text = value if isinstance(value, str) else str(value)
            if any(mark in text or mark in name for mark in "\r\n\0"):
                raise frame.fail(f"{self.path}.headers.{name!r}", "holds a line break")
            headers[name] = text
        return headers


def read(members: Members, *, name: str | None) -> RequestStep:
    method = members.text("method", "GET").upper()
    if method not in METHODS:
        raise LogicError(members.at("method"), f"must be one of {', '.join(METHODS)}")
    effect = members.choice("effect", ("read", "write"), "read" if method in SAFE else "write")
    step = RequestStep(
        path=members.path,
        name=name,
        method=method,
        url=compile_value(members.text("url"), members.at("url")),
        headers=_object_value(members, "headers"),
        query=_object_value(members, "query"),
        body=compile_value(members.take("body", None), members.at("body")),
        encoding=members.choice("encoding", ("json", "form", "text"), "json"),
        effect=cast(EffectKind, effect),
        repeat=cast(Repeat, members.choice("repeat", KINDS, "none")),
        key=compile_value(members.text("key"), members.at("key")) if "key" in members else None,
        accept=_statuses(members),
    )
    members.finish()
    return step


def _object_value(members: Members, name: str) -> Value:
    value = members.take(name, {})
    if not isinstance(value, dict | str):
        raise LogicError(members.at(name), "must be an object")
    return compile_value(value, members.at(name))


def _statuses(members: Members) -> frozenset[int]:
    accept = members.take("accept", [])
    valid = isinstance(accept, list) and all(type(status) is int and 100 <= status <= 599 for status in accept)
    if not valid:
        raise LogicError(members.at("accept"), "must be a list of HTTP statuses")
    return frozenset(accept)
